"""Measurements, never part of the tests: these figures depend on the machine.

Two ways to measure, one answer: ``inprocess`` calls the applications themselves,
``loopback`` asks real servers over a socket. ``results`` holds what came out,
``report`` and ``plot`` turn it into the page that the documentation shows.
"""
