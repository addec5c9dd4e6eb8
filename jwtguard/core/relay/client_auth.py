"""What of a request's client authentication goes on to the issuer."""

from __future__ import annotations

from ..model.request import Request


def basic_of(request: Request) -> str | None:
    """Return HTTP Basic as it goes on (RFC 6749 section 2.3.1), or None.

    Other schemes stay here: an access token that a page sends with every request is
    not the issuer's to see.
    """
    given = (request.header("authorization") or "").strip(" \t")
    return given if given[:6].lower() == "basic " else None
