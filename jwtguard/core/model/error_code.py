"""RFC 6749 section 5.2: the error code in an answer of a token server."""

from __future__ import annotations

import re

from .encoding import parse_json

OF_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
"""Codes for wrong credentials of the client. Keycloak answers the second."""
_CODE = re.compile(r"[a-z_]{1,40}")
"""The form of registered error codes, which may be logged."""


def error_code(body: bytes) -> str:
    """Return the code that *body* has, or an empty string."""
    try:
        document = parse_json(body)
    except ValueError:
        return ""
    code = document.get("error") if isinstance(document, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
