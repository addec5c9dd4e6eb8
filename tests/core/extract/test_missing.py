"""What the log says where no token was found: what came instead, never its value."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.core.extract.missing import missing_token, not_one_token
from jwtguard.core.model.request import Request

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


def missing(
    cookie: str | None = None, authorization: str = "", sent: str = "", **other: Any
) -> tuple[str, str]:
    headers = {"authorization": (authorization,), "cookie": (sent,)}
    request = Request("GET", "/", {k: v for k, v in headers.items() if v[0]}, **other)
    error = missing_token(request, cookie)
    for secret in (JWT[:40], "s3cret", "hunter2"):
        assert secret not in error.detail
    assert error.detail.isprintable()
    assert (error.status, error.code) == (401, "missing_token")
    return error.reason, error.detail


def test_nothing_sent_is_nothing_said() -> None:
    """The ordinary first request of a browser."""
    assert missing() == ("no_credentials", "")


@pytest.mark.parametrize("word", [JWT, "hunter2"])
def test_a_token_without_its_scheme(word: str) -> None:
    """The commonest mistake with curl."""
    reason, detail = missing(authorization=word)
    assert reason == "no_credentials"
    assert "send Bearer, a space and the token" in detail


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Basic czNjcmV0", "Basic"),
        (f"dpop {JWT}", "DPoP"),
        (f"Token {JWT}", "Token"),
        ("hunter2 s3cret", "one that is not known"),
    ],
)
def test_another_scheme_is_named_if_it_is_known(sent: str, name: str) -> None:
    """An unknown first word could be part of a password."""
    reason, detail = missing(authorization=sent)
    assert reason == "unsupported_scheme"
    assert detail == f"the Authorization scheme is {name}, and only Bearer is read"


@pytest.mark.parametrize(
    ("cookie", "sent", "detail"),
    [
        (
            None,
            f"a=b; session={JWT}",
            "a token may be in cookie 'session', and JWTGUARD_COOKIE is not set",
        ),
        (
            "__Host-token",
            f"token={JWT}",
            "a token may be in cookie 'token', and JWTGUARD_COOKIE is '__Host-token'",
        ),
        (
            "token",
            "a=s3cret",
            "cookies were sent, and JWTGUARD_COOKIE is 'token': none has that name",
        ),
        (
            None,
            "; ".join(f"{'n' * 60}\x1b={JWT}" for _ in range(9)),
            "a token may be in cookie "
            + ", ".join([f"'{'n' * 40}'"] * 3)
            + ", and JWTGUARD_COOKIE is not set",
        ),
        (None, "a=s3cret", ""),
    ],
)
def test_a_cookie_under_another_name(
    cookie: str | None, sent: str, detail: str
) -> None:
    """Its name is told, cut off and escaped."""
    assert missing(cookie, sent=sent) == ("no_credentials", detail)


def test_a_token_where_none_is_read() -> None:
    """RFC 6750 section 5.3: not in the query; a subprotocol needs bearer before it."""
    _, detail = missing(query=f"a=b&access_token={JWT}")
    assert "in the query, which is never read" in detail
    assert missing(query="not_access_token=x") == ("no_credentials", "")
    _, detail = missing(websocket=True, subprotocols=("chat", JWT))
    assert "without bearer before it" in detail


@pytest.mark.parametrize(
    ("rest", "detail"),
    [
        ("", "no token follows"),
        (f'"{JWT}"', "in quotes"),
        (f"'{JWT}'", "in quotes"),
        (f"Bearer {JWT}", "Bearer stands there twice"),
        ("<token>", "a template was not filled in"),
        ("{{ token }}", "a template was not filled in"),
        ("$TOKEN", "a template was not filled in"),
        ("hunter2 s3cret", "more than one word"),
        ("s3cr\u00e9t", "a character that no token has"),
    ],
)
def test_what_follows_the_scheme_in_place_of_a_token(rest: str, detail: str) -> None:
    """What a client did wrong is named, without the value."""
    said = not_one_token(rest)
    assert detail in said
    for secret in (JWT[:40], "s3cr", "hunter2"):
        assert secret not in said
