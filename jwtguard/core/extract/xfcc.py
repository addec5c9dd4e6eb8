"""Envoy's ``X-Forwarded-Client-Cert``: elements of ``key=value`` pairs.

Commas separate elements, semicolons pairs. Values may be quoted, with backslashes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PAIR = re.compile(
    r' *([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^",;\\]*)(?:([;,])|\Z)', re.DOTALL
)


def last_element(text: str) -> Mapping[str, str]:
    """Return the pairs of the last element, with the keys in lower case.

    Each proxy appends an element, so the last one was written by the nearest. The whole
    text has to be well-formed: quotes that a client has left open would move the limits
    of the elements after them. Raises ``ValueError``.
    """
    element: dict[str, str] = {}
    at, end = 0, ";"
    while end:
        found = _PAIR.match(text, at)
        if found is None:
            raise ValueError("not a list of key=value pairs")
        key, value, end = found[1].lower(), found[2], found[3] or ""
        # Several URI and DNS are usual; of two Hash, each reader could take another.
        if key in element and key in ("hash", "cert"):
            raise ValueError(f"two {found[1]} in one element")
        element[key] = value[1:-1] if value.startswith('"') else value
        if end == ",":
            element = {}
        at = found.end()
    return element
