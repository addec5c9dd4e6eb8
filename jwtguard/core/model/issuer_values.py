"""What the fields of a trusted issuer may hold: marks, choices, a credential."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .profiles import ROLES_FROM, UNMARKED
from .validation import Problems, Where

KIDLESS = ("one", "try", "never")
LOGOUT = ("session", "subject")
_CHOICES = {"kidless": KIDLESS, "roles_from": ROLES_FROM, "logout": LOGOUT}
_MARKING = frozenset({str, int, bool})
# RFC 9110 sections 11.4 and 5.5: a scheme, a blank, and the credential; no control
# character, which could begin another field.
_CREDENTIAL = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+ +[\x21-\x7e][\x20-\x7e]*")


def check_choices(problems: Problems, where: Where, issuer: Any) -> None:
    """Check the fields that hold one of a few words."""
    for name, words in _CHOICES.items():
        value = getattr(issuer, name)
        if value not in (None, *words):
            listed = " or ".join((", ".join(words[:-1]), words[-1]))
            text = f"{value!r} is not valid; expected {listed}"
            problems.add((*where, name), text)


def check_mark(problems: Problems, where: Where, mark: Any) -> None:
    """Check what marks an access token: claims with exact values, or ``none``."""
    if mark in (None, UNMARKED):
        return
    named = isinstance(mark, Mapping) and all(
        isinstance(name, str) and name and type(value) in _MARKING
        for name, value in mark.items()
    )
    text = (
        'must be a table of claim = value, like {kind = "access"}, or none if access '
        "tokens have no mark"
    )
    # An empty table would be met by every token.
    problems.check(mark and named, (*where, "mark"), text)


def check_authorization(problems: Problems, where: Where, value: Any) -> None:
    """Check the credential for metadata and keys; the value is never shown."""
    good = value is None or (isinstance(value, str) and _CREDENTIAL.fullmatch(value))
    text = "must be a whole Authorization field, like Bearer TOKEN (not shown)"
    problems.check(good, (*where, "keys_authorization"), text)
