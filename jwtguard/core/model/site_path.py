"""Paths of this site, as the target of a redirect: never another host.

Browsers read ``//host`` and ``/\\host`` as another origin, and drop tabs and line
breaks before they look (WHATWG URL standard, sections 4.1 and 4.4).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

LONGEST = 2048
"""Characters of a path with its query that is handed from page to page."""

_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\x9f]*")


def is_site_path(text: str) -> bool:
    """Whether a browser at this origin takes *text* for a path of it.

    It is decoded once more too: what hands it on may do so.
    """
    if len(text) > LONGEST or not text.isascii() or not _PATH.fullmatch(text):
        return False
    # A space may be encoded, in a query; nothing that could lead elsewhere may.
    decoded = unquote(text.partition("?")[0]).replace(" ", "")
    return _PATH.fullmatch(decoded) is not None
