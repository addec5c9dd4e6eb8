"""Token paths: what a form may ask for, and from where (RFC 6749 sections 3.2 and 5.2).

What cannot be parsed strictly is refused, so that no second parser behind us can read
it differently.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from ...errors import GrantError
from ..extract.fetch_metadata import from_elsewhere, origin_of
from ..model.decision import TokenRequest
from ..model.request import Request
from .clients import Clients

# A parser that is fed without bound can be made to work without bound; a grant has
# about ten parameters.
MAX_PARAMETERS = 100
_NAME = re.compile(r"[A-Za-z0-9_:-]+")
_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MEDIA_TYPE = re.compile(
    r"application/x-www-form-urlencoded"
    r'(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*',
    re.IGNORECASE | re.ASCII,
)
_AUTHORIZATION = re.compile(r"[\x20-\x2b\x2d-\x7e]*")
"""No comma, and no white space that only some parsers take for a blank."""
_GRANT = re.compile(r"[A-Za-z0-9._:/-]+")
"""RFC 6749 appendix A.10: a name or a URI, the same however often it is unescaped."""
_CLIENT = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_REPEATABLE = frozenset({"resource", "audience"})
_DECISIVE = frozenset(
    {
        "grant_type", "client_id", "client_secret", "refresh_token",
        "subject_token_type", "token", "username", "password",
    }
)  # fmt: skip
_CHARSET = "_charset_"
"""WHATWG HTML section 4.10.18.1: by this name a form says how it is to be read."""


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


def check_framing(request: Request, longest: int) -> None:
    """RFC 9112 section 6.3: one way to tell where the body ends, and a known one."""
    lengths = request.headers.get("content-length", ())
    if len(lengths) > 1 or (lengths and not _is_digits(lengths[0])):
        raise GrantError("form_malformed")
    coding = request.header("transfer-encoding")
    if coding is not None and (lengths or coding.strip().lower() != "chunked"):
        raise GrantError("form_malformed")
    # int() of a few thousand digits takes noticeable time, and Python limits it with a
    # ValueError of its own.
    if lengths and (len(lengths[0]) > 18 or int(lengths[0]) > longest):
        raise GrantError("body_too_long")


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


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
    client_id, authenticated = _client(request, form, clients)
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


def parse_form(body: bytes) -> dict[str, list[str]]:
    """WHATWG URL, application/x-www-form-urlencoded, without its lenience."""
    # What is not ASCII is UTF-8 to some parsers, and latin-1 to others.
    if b";" in body or _ESCAPE.search(body) or not body.isascii():
        raise GrantError("form_malformed")
    # parse_qsl would skip what it cannot read; then what was checked is not what is
    # sent on.
    pairs = body.split(b"&") if body else []
    if len(pairs) > MAX_PARAMETERS:
        raise GrantError("form_malformed")
    form: dict[str, list[str]] = {}
    seen: set[str] = set()
    for pair in pairs:
        raw_name, equals, raw_value = pair.partition(b"=")
        try:
            name, value = _decoded(raw_name), _decoded(raw_value)
        except UnicodeDecodeError:
            raise GrantError("form_malformed") from None
        folded = name.lower()
        if not equals or not _NAME.fullmatch(name) or folded == _CHARSET:
            raise GrantError("form_malformed")
        # Some servers read names without regard to case: leave them no choice.
        if folded in _DECISIVE and folded != name:
            raise GrantError("form_malformed")
        if folded in seen and folded not in _REPEATABLE:
            raise GrantError("form_malformed")
        seen.add(folded)
        form.setdefault(name, []).append(value)
    return form


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def _client(
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
    """RFC 6749 section 2.3.1: the client id under HTTP Basic; None if there is none."""
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
        client_id = _decoded(named.encode())
    except (Base64Error, UnicodeError):
        raise GrantError("form_malformed") from None
    # Some servers do not undo the form encoding: the name must mean one client.
    if client_id != named and clients.named(named):
        raise GrantError("client_ambiguous_form")
    if not colon or not _CLIENT.fullmatch(client_id):
        raise GrantError("form_malformed")
    return client_id


def check(request: Request, grant: TokenRequest, clients: Clients) -> None:
    """Raise ``GrantError`` unless this client may ask for this, from this origin.

    One id may be listed under several issuers: only what every listing grants counts.
    """
    listed = clients.named(grant.client_id) if grant.client_id is not None else ()
    origin = origin_of(request)
    foreign = origin is None and from_elsewhere(request)
    # `all` of nothing is true: an unknown client must not be at home everywhere.
    at_home = bool(listed) and all(origin in client.origins for client in listed)
    renewing = _renews(grant)
    # Refresh and revocation need no password, only a stolen refresh token, so the
    # page's origin is the one thing that stands in the way.
    if renewing or not grant.grant_type:
        if not listed:
            raise _refused("grant_client_unknown")
        if renewing and not all(client.refresh for client in listed):
            raise _refused("refresh_disabled")
        if any(client.origins for client in listed) and not at_home:
            raise _refused("grant_foreign_origin")
    if foreign or (origin is not None and not at_home):
        raise _refused("grant_foreign_origin")


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
