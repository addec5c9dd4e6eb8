"""Token paths: what a form may ask for, and from where (RFC 6749 sections 3.2 and 5.2).

What cannot be parsed strictly is refused, so that no second parser behind us can read
it differently.
"""

from __future__ import annotations

import re

from ...errors import GrantError
from ..extract.fetch_metadata import from_elsewhere
from ..model.decision import TokenRequest
from ..model.request import Request
from .clients import Clients
from .form_client import client_of
from .forms import check_framing, parse_form

_MEDIA_TYPE = re.compile(
    r"application/x-www-form-urlencoded"
    r'(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*',
    re.IGNORECASE | re.ASCII,
)
_GRANT = re.compile(r"[A-Za-z0-9._:/-]+")
"""RFC 6749 appendix A.10: a name or a URI, the same however often it is unescaped."""


def check_head(request: Request, longest: int) -> None:
    """Refuse what cannot be a token request before its body is read."""
    if request.method != "POST":
        raise GrantError("post_only", fields=(("Allow", "POST"),))
    # Two Origin fields: this side could check one of them, and the server behind it the
    # other.
    origin = request.header("origin")
    if origin is not None and "," in origin:
        raise GrantError("origin_repeated")
    types = request.headers.get("content-type", ())
    # A compressed form would be one thing to us and another to a server that inflates
    # it.
    encoded = request.header("content-encoding") not in (None, "identity")
    if len(types) != 1 or not _MEDIA_TYPE.fullmatch(types[0]) or encoded:
        raise GrantError("form_malformed")
    # Many servers read the query too, and which of two values wins differs.
    if request.query:
        raise GrantError("form_malformed")
    check_framing(request, longest)


def read(
    request: Request, body: bytes, *, revocation: bool, clients: Clients
) -> TokenRequest:
    """Parse the form and find out which client asks; raise ``GrantError``."""
    lengths = request.headers.get("content-length")
    # The server has read less or more than was announced: what follows could be a
    # second, smuggled request.
    if lengths and int(lengths[0]) != len(body):
        raise GrantError("form_malformed")
    form = parse_form(body)
    client_id, authenticated = client_of(request, form, clients)
    if revocation:
        return TokenRequest("", client_id, form, authenticated)
    grant_type = form.get("grant_type", [""])[0]
    if not grant_type:
        raise GrantError("grant_type_missing")
    # `Refresh_Token` is unknown to us and would pass as a foreign grant, while a
    # lenient server spends the refresh token.
    if not _GRANT.fullmatch(grant_type) or (
        grant_type.lower() == "refresh_token" != grant_type
    ):
        raise GrantError("form_malformed")
    return TokenRequest(grant_type, client_id, form, authenticated)


def check(
    request: Request, origin: str | None, grant: TokenRequest, clients: Clients
) -> None:
    """Raise ``GrantError`` unless this client may ask for this, from this origin.

    One id may be listed under several issuers: only what every listing grants counts.
    """
    listed = clients.named(grant.client_id) if grant.client_id is not None else ()
    foreign = origin is None and from_elsewhere(request)
    # `all` of nothing is true: an unknown client must not be at home everywhere.
    renewing = _renews(grant)
    at_home = bool(listed) and all(
        # Many people may put a page where a pattern fits: a stolen refresh token is not
        # spent for such a page.
        origin in client.origins if renewing else client.serves(origin)
        for client in listed
    )
    # Refresh and revocation need no password, only a stolen refresh token, so the
    # page's origin is the one thing that stands in the way.
    if renewing or not grant.grant_type:
        if not listed:
            raise _refused("grant_client_unknown")
        if renewing and not all(client.refresh for client in listed):
            raise _refused("refresh_disabled")
        pages = any(client.origins or client.origin_patterns for client in listed)
        if pages and not at_home:
            raise _refused("grant_foreign_origin")
    if foreign or (origin is not None and not at_home):
        raise _refused("grant_foreign_origin")
    # Without a proof the issuer makes bearer tokens, and the client's are of no use
    # here. Whether the proof is a good one, the token server says.
    bound = any(client.dpop for client in listed)
    if renewing and bound and not request.header("dpop"):
        raise _refused("grant_proof_missing")


def _renews(grant: TokenRequest) -> bool:
    """Whether a refresh token is spent, under whatever grant (RFC 8693 section 3)."""
    # Token exchange spends a refresh token too, under a grant type of another name.
    kinds = grant.form.get("subject_token_type", ())
    return bool(grant.grant_type) and (
        grant.grant_type == "refresh_token"
        or "refresh_token" in grant.form
        or any(kind.lower().endswith("refresh_token") for kind in kinds)
    )


def _refused(reason: str) -> GrantError:
    return GrantError(reason)
