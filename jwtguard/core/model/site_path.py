"""Checking that the target of a redirect is a path of this site.

Browsers read ``//host`` and ``/\\host`` as another origin, and drop tabs and line
breaks before they look (WHATWG URL standard, sections 4.1 and 4.4).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

LONGEST = 2048
"""Longest path with its query, in characters."""

_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\x9f]*")


def is_site_path(text: str) -> bool:
    """Whether a browser reads *text* as a path of the same origin.

    The decoded path is checked too, because another component may decode it.
    """
    if len(text) > LONGEST or not text.isascii() or not _PATH.fullmatch(text):
        return False
    # An encoded space is allowed, but not what could lead to another host.
    decoded = unquote(text.partition("?")[0]).replace(" ", "")
    return _PATH.fullmatch(decoded) is not None
