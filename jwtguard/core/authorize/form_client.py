"""Which client sends a form, and whether it proves that (RFC 6749 section 2.3.1)."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence

from ...errors import GrantError
from ..model.request import Request
from .clients import Clients
from .forms import decoded

_AUTHORIZATION = re.compile(r"[\x20-\x2b\x2d-\x7e]*")
"""No comma, and no white space that only some parsers take for a blank."""
_CLIENT = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def client_of(
    request: Request, form: Mapping[str, Sequence[str]], clients: Clients
) -> tuple[str | None, bool]:
    basic = _basic(request, clients)
    named = form["client_id"][0] if "client_id" in form else None
    if named is not None and not _CLIENT.fullmatch(named):
        raise GrantError("form_malformed")
    if basic is not None and named is not None and basic != named:
        raise GrantError("client_ambiguous_form")
    # A client that proves who it is needs no secret from the relay.
    own = basic is not None or any(
        name in form for name in ("client_secret", "client_assertion")
    )
    return (named if basic is None else basic), own


def _basic(request: Request, clients: Clients) -> str | None:
    """Return the client id of HTTP Basic, or None (RFC 6749 section 2.3.1)."""
    value = request.header("authorization")
    if value is None:
        return None
    value = value.strip(" \t")
    if not _AUTHORIZATION.fullmatch(value):  # several come joined by a comma
        raise GrantError("form_malformed")
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        # Without strict mode characters outside the alphabet are skipped, so that one
        # client id has many spellings.
        raw = a2b_base64(rest.strip(), strict_mode=True).decode()
        named, colon, _ = raw.partition(":")
        client_id = decoded(named.encode())
    except (Base64Error, UnicodeError):
        raise GrantError("form_malformed") from None
    # Some servers do not undo the form encoding: the name must mean one client.
    if client_id != named and clients.named(named):
        raise GrantError("client_ambiguous_form")
    if not colon or not _CLIENT.fullmatch(client_id):
        raise GrantError("form_malformed")
    return client_id
