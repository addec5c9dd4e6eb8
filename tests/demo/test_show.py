"""What the demo prints, and what it never prints."""

from __future__ import annotations

import datetime as dt
import io

import httpx
import pytest
from rich.console import Console

from jwtguard.demo.show import shortened, show
from jwtguard.demo.walk import Check, Exchange, Outcome, Step
from jwtguard.testing import JWTIssuer

URL = "http://127.0.0.1:1/notes"
OPAQUE = "opaque-refresh-token-0123456789"


def printed(request: httpx.Request, answer: httpx.Response, *checks: Check) -> str:
    """Show one exchange, and return the text."""
    answer.elapsed = dt.timedelta(milliseconds=3)
    step = Step("A step", lambda _: iter(()))
    console = Console(file=io.StringIO(), soft_wrap=True)
    with console.capture() as capture:
        show(console, 1, Outcome(step, [Exchange(request, answer)], list(checks)))
    return capture.get()


def test_tokens_are_never_printed_whole(jwt_issuer: JWTIssuer) -> None:
    """Wherever a token stands, header, form, cookie or body, its middle is left out."""
    token = jwt_issuer.token()
    request = httpx.Request(
        "POST",
        URL,
        headers={"Authorization": f"Bearer {token}", "Cookie": f"notes={token}"},
        data={"refresh_token": OPAQUE, "token": token, "password": "wonderland"},
    )
    cookies = [
        ("Set-Cookie", f"notes={token}; HttpOnly"),
        ("Set-Cookie", f"jwtguard_session={OPAQUE}; HttpOnly"),
        ("Set-Cookie", f"jwtguard_session.1={OPAQUE}; HttpOnly"),
    ]
    body = {"access_token": token, "refresh_token": OPAQUE, "note": f"see {token}"}
    text = printed(request, httpx.Response(200, headers=cookies, json=body))

    for secret in (token, OPAQUE, "wonderland", *token.split(".")):
        assert secret not in text
    assert f"Bearer {token[:6]}…{token[-4:]}" in text


def test_a_long_body_is_cut() -> None:
    """A body of any size takes a few lines at most."""
    answer = httpx.Response(200, json={"notes": ["x" * 5000]})
    assert len(printed(httpx.Request("GET", URL), answer)) < 600


def test_the_answer_is_told() -> None:
    """Status, challenge, and whether a page may read it, are in the text."""
    request = httpx.Request("GET", URL, headers={"Origin": "http://localhost:2"})
    headers = {"WWW-Authenticate": 'Bearer realm="api"'}
    text = printed(request, httpx.Response(401, headers=headers))
    assert "401 Unauthorized" in text
    assert 'WWW-Authenticate: Bearer realm="api"' in text
    assert "(no Access-Control-Allow-Origin)" in text


@pytest.mark.parametrize(("kept", "mark"), [(True, "✓"), (False, "✗")])
def test_each_promise_has_its_mark(kept: bool, mark: str) -> None:
    """A kept promise is ticked, a broken one is crossed."""
    check = Check("something", kept)
    text = printed(httpx.Request("GET", URL), httpx.Response(204), check)
    assert f"{mark} something" in text


def test_short_text_is_left_alone() -> None:
    """What is no token is printed as it is."""
    assert shortened('Bearer realm="api"') == 'Bearer realm="api"'
