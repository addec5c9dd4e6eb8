"""RFC 6749: what a form may ask a token endpoint for, and from which page."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from jwtguard.core.authorize.token_requests import (
    check,
)
from jwtguard.core.extract.fetch_metadata import origin_of
from jwtguard.core.model.decision import TokenRequest
from jwtguard.errors import GrantError
from tests.core.authorize.token_requests_support import (
    CLIENTS,
    OTHER,
    WWW,
    grant,
    refused,
    request,
)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


# Which client asks for what.


@pytest.mark.parametrize(
    ("body", "fields", "client", "authenticated"),
    [
        (b"client_id=spa", {}, "spa", False),
        (b"client_id=spa&client_secret=x", {}, "spa", True),
        (b"client_id=spa&client_secret=", {}, "spa", True),
        (b"client_assertion=x", {}, None, True),
        (b"", {"authorization": basic("spa:x")}, "spa", True),
        (b"", {"authorization": basic("spa:")}, "spa", True),
        (b"client_id=spa", {"authorization": basic("spa:x:y")}, "spa", True),
        (b"", {"authorization": basic("spa:xW")}, "spa", True),  # ends in an X
        (b"", {"authorization": basic("https%3A%2F%2Fa:x")}, "https://a", True),
        (b"", {"authorization": "bAsIc   " + basic("spa:x")[6:] + " "}, "spa", True),
        (b"client_id=spa", {"authorization": "Bearer a.b.c"}, "spa", False),
        (b"client_id=spa", {"authorization": ""}, "spa", False),
        (b"client_id=a%20b", {}, "a b", False),
        (b"", {}, None, False),
    ],
)
def test_the_client_is_found_in_body_or_basic(
    body: bytes, fields: dict[str, Any], client: str | None, authenticated: bool
) -> None:
    """And whether the request brought authentication of its own."""
    found = grant(b"grant_type=password" + (b"&" + body if body else b""), **fields)
    assert (found.client_id, found.authenticated) == (client, authenticated)


@pytest.mark.parametrize(
    "authorization",
    [
        ["Basic eDp5", "Basic eDp5"],
        "Basic eDp5, Basic eDp5",
        "Basic",
        "Basic ",
        "Basic x",
        "Basic eDp5 eDp5",
        "Basic eDp5\n",
        "Basic \u00a0eDp5",
        "\x0bBasic eDp5",
        basic("no colon"),
        basic(":secret"),
        basic("\u00e9:x"),
        basic("%ff:x"),
        basic(" spa:x"),
        basic("sp%00a:x"),
        "Basic " + b64encode(b"\xff:x").decode(),
        "Basic " + b64encode(b"spa:\xff").decode(),
        "Basic " + b64encode(b"sp??>>:x").decode().replace("/", "_").rstrip("="),
    ],
)
def test_malformed_client_credentials_are_refused_with_400(authorization: Any) -> None:
    """Non-ASCII, undecodable or doubled: refused, never an exception."""
    assert refused(authorization=authorization) == "form_malformed"


def test_a_tab_after_basic_does_not_hide_the_client_that_the_server_reads() -> None:
    """Some parsers split at any white space: they would see ``batch`` here."""
    hidden = basic("batch:x").replace(" ", "\t")
    body = b"grant_type=refresh_token&client_id=spa"
    assert refused(body, authorization=hidden) == "form_malformed"


@pytest.mark.parametrize(
    ("body", "authorization"),
    [
        (b"client_id=batch", basic("spa:x")),
        (b"client_id=SPA", basic("spa:x")),
        (b"client_id=a+b", basic("a+b:x")),
        (b"", basic("a+b:x")),
    ],
)
def test_basic_and_body_must_mean_one_client(body: bytes, authorization: str) -> None:
    """Also where the form encoding under Basic leaves two readings."""
    asked = b"grant_type=password&" + body if body else b"grant_type=password"
    assert refused(asked, authorization=authorization) == "client_ambiguous_form"


@pytest.mark.parametrize(
    "value", ["", "%00", "%C3%A9", "+spa", "spa+", "spa%0A", "%7F"]
)
def test_an_odd_client_id_is_malformed(value: str) -> None:
    """What a server might trim or fold is nobody."""
    body = b"grant_type=password&client_id=" + value.encode()
    assert refused(body) == "form_malformed"


@pytest.mark.parametrize("body", [b"", b"grant_type=", b"client_id=spa"])
def test_a_form_without_grant_type_is_refused(body: bytes) -> None:
    """An empty one is none; on a revocation path it is not needed."""
    assert refused(body) == "grant_type_missing"
    assert grant(body, revocation=True).grant_type == ""


@pytest.mark.parametrize(
    "value",
    [
        "refresh_token ",
        " refresh_token",
        "REFRESH_TOKEN",
        "Refresh_token",
        "é",
        "a\x00",
        "refre\u017fh_token",
        "refresh\u200b_token",
        "\ufeffpassword",
    ],
)
def test_a_grant_type_that_only_looks_like_another_is_malformed(value: str) -> None:
    """The rules for refresh must hold for all that a server takes for refresh."""
    body = f"grant_type={quote(value)}&client_id=spa".encode()
    assert refused(body) == "form_malformed"


def test_revocation_ignores_what_else_the_form_says() -> None:
    """A ``grant_type`` in it does not make it another kind of request."""
    body = b"token=x&client_id=spa&grant_type=password"
    found = grant(body, revocation=True)
    assert (found.grant_type, found.client_id) == ("", "spa")
    assert found.authenticated is False
    assert grant(body + b"&client_secret=x", revocation=True).authenticated


# May it?


def verdict(kind: str, client: str | None, **fields: Any) -> str:
    return checked(TokenRequest(kind, client, {}, authenticated=False), **fields)


def checked(asked: TokenRequest, **fields: Any) -> str:
    try:
        sent = request(**fields)
        check(sent, origin_of(sent), asked, CLIENTS)
    except GrantError as error:
        refusal = error
    else:
        return "granted"
    of_proof = refusal.reason == "grant_proof_missing"
    expected = (400, "invalid_dpop_proof") if of_proof else (403, "unauthorized_client")
    assert (refusal.status, refusal.code) == expected
    return refusal.reason


UNKNOWN, FOREIGN = "grant_client_unknown", "grant_foreign_origin"


@pytest.mark.parametrize(
    ("kind", "client", "fields", "expected"),
    [
        # a page of the client's
        ("password", "spa", {"origin": WWW}, "granted"),
        ("refresh_token", "spa", {"origin": WWW}, "granted"),
        ("", "spa", {"origin": WWW}, "granted"),
        # its server, or a program
        ("password", "spa", {}, "granted"),
        ("password", None, {}, "granted"),
        ("password", "unlisted", {}, "granted"),
        ("urn:x", "unlisted", {}, "granted"),
        # refresh and revocation: listed clients alone
        ("refresh_token", None, {}, UNKNOWN),
        ("refresh_token", "unlisted", {}, UNKNOWN),
        ("refresh_token", "SPA", {"origin": WWW}, UNKNOWN),
        ("", None, {}, UNKNOWN),
        ("", "unlisted", {}, UNKNOWN),
        # refresh has to be on; revocation has not
        ("refresh_token", "login", {"origin": WWW}, "refresh_disabled"),
        ("", "login", {"origin": WWW}, "granted"),
        # a client with origins must come from one
        ("refresh_token", "spa", {}, FOREIGN),
        ("", "spa", {}, FOREIGN),
        ("refresh_token", "batch", {}, "granted"),
        ("", "batch", {}, "granted"),
        # no foreign page, for any grant
        ("password", "spa", {"origin": OTHER}, FOREIGN),
        ("refresh_token", "spa", {"origin": OTHER}, FOREIGN),
        ("password", "spa", {"origin": "null"}, FOREIGN),
        ("password", "spa", {"origin": ""}, FOREIGN),
        ("password", "spa", {"origin": WWW.upper()}, FOREIGN),
        ("password", "spa", {"origin": WWW + ":443"}, FOREIGN),
        ("password", "spa", {"origin": [WWW, WWW]}, FOREIGN),
        ("password", "batch", {"origin": WWW}, FOREIGN),
        ("refresh_token", "batch", {"origin": WWW}, FOREIGN),
        ("password", None, {"origin": WWW}, FOREIGN),
        ("password", "unlisted", {"origin": WWW}, FOREIGN),
        # a page that hides its origin
        ("password", "spa", {"sec_fetch_site": "cross-site"}, FOREIGN),
        ("password", None, {"sec_fetch_site": "same-site"}, FOREIGN),
        ("refresh_token", "batch", {"sec_fetch_site": "cross-site"}, FOREIGN),
        ("password", "spa", {"sec_fetch_site": "same-origin"}, "granted"),
        # one id under several issuers: what every listing grants
        ("password", "two", {"origin": WWW}, "granted"),
        ("password", "two", {"origin": OTHER}, FOREIGN),
        ("refresh_token", "two", {"origin": WWW}, "refresh_disabled"),
        ("", "two", {"origin": WWW}, "granted"),
        ("refresh_token", "half", {}, FOREIGN),
        ("refresh_token", "half", {"origin": WWW}, FOREIGN),
    ],
)
def test_who_may_ask_for_what_from_where(
    kind: str, client: str | None, fields: dict[str, Any], expected: str
) -> None:
    """The table of the token paths, line by line."""
    assert verdict(kind, client, **fields) == expected


EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:ietf:params:oauth:token-type:"


@pytest.mark.parametrize(
    ("more", "login", "nobody"),
    [
        ({"subject_token_type": KIND + "access_token"}, "granted", "granted"),
        ({"subject_token_type": KIND + "refresh_token"}, "refresh_disabled", UNKNOWN),
        ({"subject_token_type": "URN:x:Refresh_Token"}, "refresh_disabled", UNKNOWN),
        ({"refresh_token": "r"}, "refresh_disabled", UNKNOWN),
        ({"refresh_token": ""}, "refresh_disabled", UNKNOWN),
    ],
)
def test_another_grant_does_not_spend_a_refresh_token(
    more: dict[str, str], login: str, nobody: str
) -> None:
    """RFC 8693 section 3: a token exchange would be a refresh by another name."""
    for client, expected in (
        ("login", login),
        ("unlisted", nobody),
        ("spa", "granted"),
    ):
        form = {"grant_type": EXCHANGE, "client_id": client, **more}
        asked = grant(urlencode(form).encode())
        page = None if client == "unlisted" else WWW
        assert checked(asked, origin=page) == expected


PROOF = "grant_proof_missing"


@pytest.mark.parametrize(
    ("kind", "client", "fields", "expected"),
    [
        ("refresh_token", "bound", {"origin": WWW}, PROOF),
        ("refresh_token", "bound", {"origin": WWW, "dpop": ""}, PROOF),
        ("refresh_token", "bound", {"origin": WWW, "dpop": "a.b.c"}, "granted"),
        ("refresh_token", "bound", {"origin": WWW, "dpop": "?"}, "granted"),
        ("refresh_token", "bound", {"dpop": "a.b.c"}, FOREIGN),
        ("refresh_token", "bound", {"origin": OTHER}, FOREIGN),
        ("refresh_token", "partly", {"origin": WWW}, PROOF),
        ("refresh_token", "spa", {"origin": WWW, "dpop": "a.b.c"}, "granted"),
        ("password", "bound", {"origin": WWW}, "granted"),
        ("", "bound", {"origin": WWW}, "granted"),
    ],
)
def test_a_bound_client_needs_a_proof_to_refresh(
    kind: str, client: str, fields: dict[str, Any], expected: str
) -> None:
    """One listing that says so is enough; whether the proof is good, others say."""
    assert verdict(kind, client, **fields) == expected


def test_a_bound_client_needs_a_proof_under_any_grant() -> None:
    """A token exchange that spends a refresh token is a refresh."""
    asked = grant(b"grant_type=x&client_id=bound&refresh_token=r")
    assert checked(asked, origin=WWW) == PROOF
    assert checked(asked, origin=WWW, dpop="a.b.c") == "granted"
