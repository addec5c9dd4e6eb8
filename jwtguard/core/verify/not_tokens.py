"""What clients send in place of a token, for the log: never a value of the request."""

from __future__ import annotations

_WORDS = ("undefined", "null", "None", "nil", "NaN", "false", "true")
"""What a variable without a value becomes in a text."""


def without_dots(token: str) -> str:
    """Return what *token*, which has no two dots, is likely to be."""
    if token in _WORDS:
        return f"the word {token} in place of a token: the client's variable is not set"
    return "no JWT: it lacks the two dots"
