"""Asking an issuer whether a token is active (RFC 7662), with bounds and a cache."""
