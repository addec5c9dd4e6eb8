"""RFC 6749: what a form may ask a token endpoint for, and from which page."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwtguard import Client, Policy, TrustedIssuer
from jwtguard.core.authorize.clients import Clients
from jwtguard.core.authorize.token_requests import (
    MAX_PARAMETERS,
    check_head,
    judge,
    parse_form,
    read,
)
from jwtguard.core.model.decision import TokenRequest
from jwtguard.core.model.request import Request
from jwtguard.errors import GrantError

ONE, TWO = "https://one.example", "https://two.example"
WWW, OTHER = "https://www.example", "https://other.example"
FORM = "application/x-www-form-urlencoded"
CLIENTS = Clients(
    Policy(
        issuers=(TrustedIssuer(url=ONE), TrustedIssuer(url=TWO)),
        audience="api",
        clients=(
            Client(id="spa", issuer=ONE, origins=(WWW,), refresh=True),
            Client(id="batch", issuer=ONE, refresh=True),
            Client(id="login", issuer=ONE, origins=(WWW,)),
            Client(id="two", issuer=ONE, origins=(WWW,), refresh=True),
            Client(id="two", issuer=TWO, origins=(WWW, OTHER)),
            Client(id="half", issuer=ONE, origins=(WWW,), refresh=True),
            Client(id="half", issuer=TWO, refresh=True),
            Client(id="a+b", issuer=ONE, refresh=True),
            Client(id="a b", issuer=ONE),
        ),
    )
)


def request(**fields: Any) -> Request:
    method, query = fields.pop("method", "POST"), fields.pop("query", "")
    given = {"content_type": FORM, **fields}
    headers = {
        name.replace("_", "-"): (value,) if isinstance(value, str) else tuple(value)
        for name, value in given.items()
        if value is not None
    }
    return Request(method, "/oauth/token", headers, query=query)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def grant(body: bytes = b"grant_type=password", **fields: Any) -> TokenRequest:
    revocation = fields.pop("revocation", False)
    return read(request(**fields), body, revocation=revocation, clients=CLIENTS)


def refused(body: bytes = b"grant_type=password", **fields: Any) -> str:
    with pytest.raises(GrantError) as caught:
        grant(body, **fields)
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    return caught.value.reason


# Before the body is read.


@pytest.mark.parametrize(
    "value",
    [FORM, FORM.upper(), f"{FORM};charset=utf-8", f'{FORM} ; charset="UTF-8" '],
)
def test_a_plain_form_may_come(value: str) -> None:
    """The media type, perhaps with the one charset it can have."""
    check_head(request(content_type=value, content_length="100"), 100)
    check_head(request(content_type=value, content_encoding="identity"), 100)


@pytest.mark.parametrize(
    "fields",
    [
        {"content_type": "application/json"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": []},
        {"content_type": None},
        {"content_type": [FORM, FORM]},
        {"content_type": f"{FORM}, {FORM}"},
        {"content_type": f"{FORM}; charset=utf-7"},
        {"content_type": f"{FORM}; charset=iso-8859-1"},
        {"content_type": f"{FORM}; charset=utf-8; charset=utf-7"},
        {"content_type": f"{FORM}; boundary=x"},
        {"content_type": f"{FORM};"},
        {"content_type": f"{FORM}x"},
        {"content_type": f"{FORM}\u00a0"},
        {"content_type": f"{FORM}\x0b;charset=utf-8"},
        {"content_type": f"{FORM};charset=ut\u017f-8"},
        {"content_encoding": "gzip"},
        {"content_encoding": ["identity", "gzip"]},
        {"content_encoding": ""},
        {"query": "client_id=spa"},
        {"query": "&"},
        {"content_length": ["1", "1"]},
        {"content_length": "-1"},
        {"content_length": "+1"},
        {"content_length": "1_0"},
        {"content_length": "٣"},
        {"content_length": "²"},
        {"content_length": ""},
        {"content_length": "1, 1"},
        {"transfer_encoding": "gzip"},
        {"transfer_encoding": "gzip, chunked"},
        {"transfer_encoding": "identity"},
        {"transfer_encoding": ""},
        {"transfer_encoding": ["chunked", "chunked"]},
        {"transfer_encoding": "chunked", "content_length": "1"},
    ],
)
def test_what_another_parser_could_read_differently_is_refused(
    fields: dict[str, Any],
) -> None:
    """Two types, another charset, a coding, a query string, an odd length or two."""
    with pytest.raises(GrantError) as caught:
        check_head(request(**fields), 100)
    assert (caught.value.status, caught.value.reason) == (400, "form_malformed")


@pytest.mark.parametrize(
    "fields",
    [
        {"transfer_encoding": "chunked"},
        {"transfer_encoding": " Chunked"},
        {"content_length": f"{1:018}"},
        {},
    ],
)
def test_one_way_to_tell_where_the_body_ends_is_enough(fields: dict[str, Any]) -> None:
    """Chunks, or a length, which may begin with zeros; HTTP/2 needs neither."""
    check_head(request(**fields), 100)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post", ""])
def test_a_token_endpoint_takes_post_only(method: str) -> None:
    """405 with Allow, and nothing is read."""
    with pytest.raises(GrantError) as caught:
        check_head(request(method=method), 100)
    assert (caught.value.status, caught.value.reason) == (405, "post_only")
    assert caught.value.fields == (("Allow", "POST"),)


@pytest.mark.parametrize("length", ["101", "9" * 30, "9" * 5000, f"{1:019}"])
def test_a_body_too_long_is_not_even_read(length: str) -> None:
    """413 by what it says of itself, however many digits that takes; 18 are enough."""
    with pytest.raises(GrantError) as caught:
        check_head(request(content_length=length), 100)
    assert (caught.value.status, caught.value.reason) == (413, "body_too_long")


@pytest.mark.parametrize("origin", [[WWW, WWW], f"{WWW}, {WWW}", ","])
def test_two_origins_are_refused(origin: Any) -> None:
    """None of them is picked."""
    with pytest.raises(GrantError) as caught:
        check_head(request(origin=origin), 100)
    assert (caught.value.status, caught.value.reason) == (400, "origin_repeated")


# The form.


@pytest.mark.parametrize(
    "body",
    [
        b"a=1;b=2",
        b"a=1&",
        b"&a=1",
        b"a=1&&b=2",
        b"a",
        b"=1",
        b"a=1&b",
        b"a=%zz",
        b"a=%",
        b"a=%2",
        b"a=\xff",
        b"a=%ff",
        b"a=\xc3\xa9",
        b"a=%c0%af",
        b"a=%ed%a0%80",
        b"a%00=1",
        b"a.b=1",
        b"a[]=1",
        b"a%5b0%5d=1",
        b"a b=1",
        b"+a=1",
        b"\xef\xbb\xbfgrant_type=x",
        b"%EF%BB%BFa=1",
        b"\xc3\xa9=1",
        b"a=1&a=1",
        b"a=1&A=2",
        b"client_id=a&client%5Fid=b",
        b"Grant_Type=password",
        b"CLIENT_ID=spa",
        b"refresh_Token=x",
        b"Username=alice",
        b"PASSWORD=x",
        b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS + 1)),
    ],
)
def test_a_form_with_two_readings_is_refused(body: bytes) -> None:
    """No second parser behind us finds another client, grant or token in it."""
    with pytest.raises(GrantError) as caught:
        parse_form(body)
    assert (caught.value.status, caught.value.reason) == (400, "form_malformed")


@pytest.mark.parametrize("length", ["0", "18", "20", "190"])
def test_a_body_of_another_length_than_it_says_is_refused(length: str) -> None:
    """What is cut off or added could be another parameter."""
    assert refused(content_length=length) == "form_malformed"
    assert grant(content_length="19").grant_type == "password"


def test_an_ordinary_form_is_read() -> None:
    """Blanks, escapes, empty values; what may repeat, repeats."""
    body = b"username=al+ice%40x&password=%C3%A9%3D%26=&x=&resource=a&resource=b"
    assert parse_form(body) == {
        "username": ["al ice@x"],
        "password": ["é=&="],
        "x": [""],
        "resource": ["a", "b"],
    }
    assert parse_form(b"") == {}
    many = b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS))
    assert len(parse_form(many)) == MAX_PARAMETERS


FORM_BYTES = st.lists(
    st.sampled_from(
        [
            b"a",
            b"grant_type",
            b"=",
            b"&",
            b";",
            b"+",
            b"%",
            b"%41",
            b"%2b",
            b"%26",
            b" ",
            b"%00",
            b"%c3%a9",
            b"\xc3\xa9",
            b"\xff",
            b"[]",
            b"resource",
            b"%3D",
            b"\n",
        ]
    ),
    max_size=12,
).map(b"".join)


@given(FORM_BYTES | st.binary(max_size=40))
@example(b"a=%C3%A9+%2B&b=")
def test_the_standard_library_reads_the_same_form(body: bytes) -> None:
    """What is accepted, ``parse_qsl`` finds alike; nothing else is raised."""
    try:
        form = parse_form(body)
    except GrantError:
        return
    found = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    assert {n: [v for k, v in found if k == n] for n, _ in found} == form


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,9}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        max_size=4,
    )
)
def test_every_form_a_client_encodes_is_read(fields: dict[str, str]) -> None:
    """``urlencode`` and back, with any text."""
    found = parse_form(urlencode(fields).encode())
    assert found == {name: [value] for name, value in fields.items()}


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
def test_rule_28_odd_client_credentials_are_400(authorization: Any) -> None:
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
def test_without_grant_type_there_is_no_grant(body: bytes) -> None:
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
    return judged(TokenRequest(kind, client, {}, authenticated=False), **fields)


def judged(asked: TokenRequest, **fields: Any) -> str:
    try:
        judge(request(**fields), asked, CLIENTS)
    except GrantError as error:
        refusal = error
    else:
        return "granted"
    assert (refusal.status, refusal.code) == (403, "unauthorized_client")
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
        assert judged(asked, origin=page) == expected
