"""Where processes share state: what the settings may say."""

from __future__ import annotations

import re

from .validation import Problems, check_number

_URL = re.compile(r"(?:redis|rediss)://[^\s/?#]|unix:///[^\s?]")
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_OF_VALKEY = {"valkey": "redis", "valkeys": "rediss"}


def check_state(
    problems: Problems, url: object, prefix: object, timeout: object
) -> None:
    """Check the settings of the shared state; no problem repeats the URL."""
    if problem := _url_problem(url):
        problems.add(("state",), problem)
    named = isinstance(prefix, str) and _PREFIX.fullmatch(prefix)
    # No braces: they would choose the slot in a Redis cluster. No `*`: the
    # documentation gives a user access by `prefix:*`.
    text = f"{prefix!r}: must be letters, digits, and any of . _ : -"
    problems.check(named, ("state_prefix",), text)
    check_number(problems, ("state_timeout",), timeout, 0.01)


def _url_problem(url: object) -> str | None:
    if url == "memory://":
        return None
    scheme = url.partition(":")[0] if isinstance(url, str) else ""
    if scheme in _OF_VALKEY:
        return f"Valkey speaks the protocol of Redis; write {_OF_VALKEY[scheme]}://"
    if not isinstance(url, str) or not _URL.match(url):
        return (
            "(secret): not a valid URL of a store; expected memory://, "
            "redis://host:6379/0, rediss://... or unix:///path"
        )
    return None
