"""The rules. Nothing here does I/O, knows a framework, or reads a clock of its own.

Requests come in as values, decisions go out as values; what a rule needs from
outside (fresh keys, the body of a token request) it asks for by yielding.
"""
