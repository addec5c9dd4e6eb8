"""Requests, principals, decisions, effects and the policy: what the rest is made of."""
