"""Measurements, never part of the tests: these figures depend on the machine."""
