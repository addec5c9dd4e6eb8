"""RFC 6750: one token in one place, or a refusal that says which it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwtguard.core.extract import credentials
from jwtguard.core.model.request import Request
from jwtguard.errors import (
    InvalidRequestError,
    InvalidTokenError,
    TokenTooLargeError,
)

LONGEST = 100


def request(
    authorization: Sequence[str] = (),
    cookie: Sequence[str] = (),
    *,
    subprotocols: Sequence[str] = (),
    websocket: bool = False,
) -> Request:
    named = {"authorization": authorization, "cookie": cookie}
    headers = {name: values for name, values in named.items() if values}
    return Request("GET", "/", headers, websocket=websocket, subprotocols=subprotocols)


def found(*authorization: str, cookie: Sequence[str] = ()) -> tuple[str, str] | None:
    shown = credentials.find(request(authorization, cookie), "token", LONGEST)
    return None if shown is None else (shown.token, shown.carrier)


def refused(*authorization: str) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        found(*authorization)
    return caught.value.reason


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("blanks", [" ", "  ", "   "])
def test_the_scheme_is_read_in_any_case_and_with_several_blanks(
    scheme: str, blanks: str
) -> None:
    """RFC 9110 section 11.1 and 11.4."""
    assert found(f"{scheme}{blanks}a.b.c") == ("a.b.c", "header")
    assert found(f" {scheme}{blanks}a.b.c \t") == ("a.b.c", "header")


@pytest.mark.parametrize(
    "token", ["a", "X", "Xa.b.cX", "a.b.c==", "-._~+/", "0" * LONGEST]
)
def test_any_token68_is_handed_to_the_verifier(token: str) -> None:
    """Opaque tokens too: it says what is wrong with them."""
    assert found(f"Bearer {token}") == (token, "header")


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer\ta.b.c",
        "Bearer \ta.b.c",
        "Bearer a b",
        "Bearer a.b.c x",
        "Bearer =",
        "Bearer a=b",
        "Bearer é",
        "Bearer \x00",
        "Bearer a\x0b",
        "Bearer\x00a.b.c",
        'Bearer token="a"',
        "bearer:a.b.c",
        "Bearer\u00a0a.b.c",
        "Bearer a\ud800",
    ],
)
def test_anything_else_under_bearer_is_malformed(value: str) -> None:
    """400, not 401: the client is broken, its token may be good."""
    assert refused(value) == "authorization_malformed"


@pytest.mark.parametrize(
    "values",
    [
        ("Bearer a", "Bearer b"),
        ("Bearer a", "Bearer a"),
        ("Basic x", "Bearer b"),
        ("", "Bearer b"),
        ("Basic x, Bearer y",),
        ("Bearer a,Bearer b",),
        ("Bearer a,",),
        (",Bearer a",),
        (",",),
        (", ,",),
        ("Basic x,",),
    ],
)
def test_two_authorization_fields_are_refused(
    values: tuple[str, ...],
) -> None:
    """One is never picked; blank list elements crash nothing. RFC 9110 section 5.3."""
    assert refused(*values) == "authorization_repeated"


@pytest.mark.parametrize(
    "value", ["", " ", "Basic eDp5", "DPoP a.b.c", "Bearerx a", "a.b.c", "Bearer-x y"]
)
def test_an_unknown_scheme_counts_as_no_token(value: str) -> None:
    """What we do not speak counts as not sent; the cookie may still count."""
    assert found(value) is None
    assert found(value, cookie=("token=a.b.c",)) == ("a.b.c", "cookie")


def test_a_header_longer_than_we_read_is_431() -> None:
    """Whatever its scheme, and unread; scheme and blanks have 64 characters."""
    longest = "Bearer" + " " * 58 + "a" * LONGEST
    assert found(longest) == ("a" * LONGEST, "header")
    for value in (longest + "a", "Bearer " + "a" * 200, "Basic " + "," * 200):
        with pytest.raises(TokenTooLargeError) as caught:
            found(value)
        assert caught.value.reason == "header_too_long"


def test_the_header_wins_over_the_cookie() -> None:
    """The cookie is then not even read."""
    assert found("Bearer h", cookie=("token=a", "token=b")) == ("h", "header")


@pytest.mark.parametrize(
    ("fields", "token"),
    [
        (("token=a.b.c",), "a.b.c"),
        (("x=1; token=a.b.c; y=2",), "a.b.c"),
        (("x=1", "token=a.b.c"), "a.b.c"),
        (("x=1;token=a.b.c",), "a.b.c"),
        (('token="a.b.c"',), '"a.b.c"'),
        (("token=a=b",), "a=b"),
        (("token=Xa.b.cX",), "Xa.b.cX"),
        (("token=\x0ba",), "\x0ba"),
        (("token \t=\t a \t",), "a"),
        (("Token=a",), None),
        (("Xtoken=a; tokenX=b; \x0btoken=c",), None),
        (("xtoken=a; token.=b; $token=c",), None),
        (("token=",), None),
        (("token",), None),
        (("",), None),
        (("; ;=; =token",), None),
        ((), None),
    ],
)
def test_the_cookie_is_found_by_its_exact_name(
    fields: tuple[str, ...], token: str | None
) -> None:
    """Several fields are one list (RFC 9113 section 8.2.3); nothing is unquoted."""
    assert found(cookie=fields) == (None if token is None else (token, "cookie"))


@pytest.mark.parametrize(
    "fields",
    [
        ("token=a; token=b",),
        ("token=a", "token=a"),
        ("token=; token=a",),
        ("token; token=a",),
        ("x=1; token=a;token =b",),
    ],
)
def test_a_cookie_sent_twice_is_refused(fields: tuple[str, ...]) -> None:
    """A sibling domain can set a second one: neither is believed.

    RFC 6265 section 4.2.2.
    """
    with pytest.raises(InvalidRequestError) as caught:
        found(cookie=fields)
    assert caught.value.reason == "cookie_repeated"


def test_without_the_setting_no_cookie_is_read() -> None:
    """Header only is the default."""
    assert credentials.find(request(cookie=("token=a",)), None, LONGEST) is None


def offered(*protocols: str, header: Sequence[str] = ()) -> tuple[str, str] | None:
    asked = request(header, subprotocols=protocols, websocket=True)
    shown = credentials.find(asked, None, LONGEST)
    return None if shown is None else (shown.token, shown.carrier)


def test_a_websocket_may_bring_its_token_as_subprotocol() -> None:
    """``bearer``, then the token; a plain request never does."""
    assert offered("chat", "bearer", "a.b.c") == ("a.b.c", "subprotocol")
    assert offered("chat", "Bearer") is None
    plain = request(subprotocols=("bearer", "a.b.c"))
    assert credentials.find(plain, None, LONGEST) is None


@pytest.mark.parametrize(
    "protocols",
    [
        ("bearer",),
        ("chat", "bearer"),
        ("bearer", "a b"),
        ("bearer", ""),
        ("bearer", "bearer"),
        ("bearer", "a", "bearer", "b"),
    ],
)
def test_bearer_without_one_token_is_malformed(protocols: tuple[str, ...]) -> None:
    """Not silently a WebSocket without a token."""
    with pytest.raises(InvalidRequestError) as caught:
        offered(*protocols)
    assert caught.value.reason == "subprotocol_malformed"


def test_header_and_subprotocol_at_once_are_refused() -> None:
    """Two tokens in one request."""
    with pytest.raises(InvalidRequestError) as caught:
        offered("bearer", "a.b.c", header=("Bearer a.b.c",))
    assert caught.value.reason == "token_repeated"


def test_the_application_sees_neither_bearer_nor_token() -> None:
    """The other subprotocols stay, in order."""
    assert credentials.without_bearer(("a", "bearer", "t", "b", "c")) == ["a", "b", "c"]
    assert credentials.without_bearer(("a", "b")) == ["a", "b"]
    assert credentials.without_bearer(("a", "dpop", "t", "p", "b")) == ["a", "b"]
    assert credentials.without_bearer(("bearer", "t", "dpop", "t", "p")) == []


@example(["\x0bBearer a"], "")
@example(["XBearer a"], "")
@given(st.lists(st.text(max_size=30), min_size=1, max_size=2), st.text(max_size=30))
def test_any_header_and_cookie_is_found_or_refused(
    values: list[str], cookie: str
) -> None:
    """Nothing but our own errors, whatever the characters."""
    for authorization in (values, [f"Bearer {values[0]}"]):
        asked = request(authorization, (cookie, f"token={cookie}"))
        try:
            found = credentials.find(asked, "token", LONGEST)
        except (InvalidRequestError, TokenTooLargeError):
            continue
        assert found is None or found.token
        # CSRF rules skip what carries a bearer token: it must then be read here.
        header = found is not None and found.carrier == "header"
        assert credentials.is_bearer(asked) == header


@pytest.mark.parametrize("token", [None, b"a.b.c", 1])
def test_a_token_handed_over_is_text(token: object) -> None:
    """A program that hands over something else is told what to hand over."""
    with pytest.raises(TypeError, match="must be a str, not"):
        credentials.given(token)  # type: ignore[arg-type]


def test_a_token_handed_over_with_its_scheme() -> None:
    """The header's value in place of the token is a malformed token; a note says so."""
    with pytest.raises(InvalidTokenError, match="malformed") as caught:
        credentials.given("Bearer a.b.c")
    assert caught.value.__notes__ == [caught.value.detail]
    assert "begins with Bearer" in caught.value.detail
    assert credentials.given("a.b.c").token == "a.b.c"
