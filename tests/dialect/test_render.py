"""``Guard(..., render=...)`` words every refusal, whoever refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.inspect.check_policy import check
from jwtguard.reasons import REASONS
from jwtguard.rules import Refusal, RefusedRequest, Render, problem_json
from jwtguard.testing import JWTIssuer
from tests.dialect.apps import PAGE, World

REFUSALS = [
    ("/scope", "b", 403, "scope_missing"),
    ("/role", "b", 403, "role_missing"),
    ("/who", None, 401, "no_credentials"),
    ("/denied", "b", 403, "role_missing"),
    ("/broken", None, 503, "keys_unavailable"),
    ("/scope", None, 401, "no_credentials"),  # the guard itself
    ("/nowhere", None, 401, "no_credentials"),
]
IDS = [f"{path[1:]}-{status}" for path, _, status, _ in REFUSALS]
Row = tuple[str, str | None, int, str]


def headers_of(issuer: JWTIssuer, row: Row, **more: str) -> dict[str, str]:
    held = {} if row[1] is None else issuer.headers(scope=row[1])
    return {**held, "Origin": PAGE, **more}


@pytest.mark.parametrize("row", REFUSALS, ids=IDS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_problem_details_are_one_argument(world: World, row: Row, method: str) -> None:
    """RFC 9457, from the guard and from the framework's decorators alike."""
    path, _, status, reason = row
    send = world.send(render=problem_json)
    answer = send(method, path, headers=headers_of(world.issuer, row))
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    if method == "HEAD":
        assert answer.content == b""
        assert int(answer.headers["Content-Length"]) > 50
        return
    titles = {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.json() == {
        "type": "about:blank",
        "title": titles[status],
        "status": status,
        "detail": REASONS[reason].sentence,
        "reason": reason,
    }


@pytest.mark.parametrize("row", REFUSALS, ids=IDS)
def test_the_renderer_knows_the_request_and_the_refusal(world: World, row: Row) -> None:
    """The path below a mount is the path that the guard judges."""
    path, _, status, reason = row
    seen: list[tuple[Refusal, RefusedRequest]] = []

    def look(refusal: Refusal, request: RefusedRequest) -> tuple[str, bytes]:
        seen.append((refusal, request))
        return "text/html; charset=utf-8", b"<h1>Sorry</h1>"

    headers = headers_of(world.issuer, row, Accept="text/html")
    answer = world.send(render=look)("GET", path, headers=headers)
    assert answer.text == "<h1>Sorry</h1>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    ((refusal, request),) = seen
    assert (refusal.status, refusal.reason) == (status, reason)
    assert (refusal.code, refusal.oauth) == (REASONS[reason].code, False)
    assert refusal.scope == ("a" if reason == "scope_missing" else None)
    assert request == RefusedRequest("GET", path, "text/html", navigation=True)


def breaks(_: Refusal, __: RefusedRequest) -> tuple[str, bytes]:
    """Fail like a template that is missing."""
    raise FileNotFoundError("401.html")


BROKEN: list[Any] = [
    breaks,
    lambda *_: ("text/plain", "text"),
    lambda *_: (b"text/plain", b"bytes"),
    lambda *_: (" text/plain", b"bytes"),
    lambda *_: ("text/plain ", b"bytes"),
    lambda *_: ("text/plain\r\nSet-Cookie: a=b", b"bytes"),
    lambda *_: ("", b"bytes"),
    lambda *_: "text/plain",
    lambda *_: 7,
    lambda: None,
]


@pytest.mark.parametrize("row", REFUSALS, ids=IDS)
@pytest.mark.parametrize("render", BROKEN, ids=range(len(BROKEN)))
def test_a_renderer_that_fails_lets_nobody_in(
    world: World, row: Row, render: Render
) -> None:
    """The guard answers in its own words, and an event says so."""
    path, _, status, reason = row
    answer = world.send(render=render)(
        "GET", path, headers=headers_of(world.issuer, row)
    )
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error_description"] == REASONS[reason].sentence
    assert world.told == [("refused", reason), ("render_failed", reason)]


def test_a_renderer_may_leave_a_refusal_to_the_guard(world: World) -> None:
    """None means the guard's own JSON."""
    answer = world.send(render=lambda *_: None)("GET", "/nowhere")
    assert answer.json()["error"] == "missing_token"
    assert world.told == [("refused", "no_credentials")]


def test_an_own_error_handler_comes_before_the_renderer(world: World) -> None:
    """The renderer is not even asked."""
    send = world.send({401: lambda _: ("own", 401)}, render=breaks)
    assert send("GET", "/who").text == "own"
    assert world.told == [("refused", "no_credentials")]


async def too_late(_: Refusal, __: RefusedRequest) -> tuple[str, bytes]:
    """Return what nobody awaits."""
    return "text/plain", b""


class TooLate:
    """The same, as an object."""

    async def __call__(self, *_: Any) -> tuple[str, bytes]:
        return await too_late(*_)


@pytest.mark.parametrize("render", [too_late, TooLate(), "text/plain"])
def test_what_cannot_render_is_a_type_error_at_once(
    jwt_issuer: JWTIssuer, render: Any
) -> None:
    """An async function would make no body."""
    with pytest.raises(TypeError, match="render must be a"):
        Guard(jwt_issuer.policy(), render=render)
    assert asyncio.iscoroutinefunction(too_late)


def test_the_environment_may_bring_the_policy(
    jwt_issuer: JWTIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``from_env`` takes a renderer, too."""
    monkeypatch.setenv("JWTGUARD_ISSUER", jwt_issuer.url)
    monkeypatch.setenv("JWTGUARD_AUDIENCE", "unchecked")
    guard = Guard.from_env(render=problem_json)
    from jwtguard.adapters import Request

    decision = guard.decide(Request("GET", "/", {}))
    assert b'"reason": "no_credentials"' in getattr(decision, "body", b"")


def test_check_names_the_renderer(jwt_issuer: JWTIssuer) -> None:
    """Whoever reads the report knows that the words are not the guard's."""
    own = Guard(
        jwt_issuer.policy(), transport=jwt_issuer.transport, render=problem_json
    )
    found = {one.what: one.text for one in check(own)}
    assert found["refusals"] == "worded by jwtguard.rules.problem_json"
    assert "refusals" not in {one.what for one in check(jwt_issuer.guard())}
