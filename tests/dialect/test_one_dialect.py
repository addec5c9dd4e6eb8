"""A refusal of a decorator, a dependency or a handler answers like the guard itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from werkzeug.exceptions import HTTPException as WerkzeugException

from jwtguard import AuthError
from jwtguard.errors import MissingTokenError
from jwtguard.reasons import REASONS
from jwtguard.testing import JWTIssuer
from tests.dialect.apps import PAGE, World, opaque

CHALLENGE = 'Bearer realm="api"'
BOTH = (
    f'{CHALLENGE}, DPoP realm="api", algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"'
)
"""httpx joins the two fields."""
LACKING = (
    f'{CHALLENGE}, error="insufficient_scope", '
    f'error_description="{REASONS["scope_missing"].sentence}", scope="a"'
)
ROWS = [
    ("/scope", "b", 403, "scope_missing", LACKING),
    ("/role", "b", 403, "role_missing", None),
    ("/who", None, 401, "no_credentials", BOTH),
    ("/denied", "b", 403, "role_missing", None),
    ("/broken", None, 503, "keys_unavailable", None),
]
Row = tuple[str, str | None, int, str, str | None]


def headers_of(issuer: JWTIssuer, scope: str | None) -> dict[str, str]:
    held = {} if scope is None else issuer.headers(scope=scope)
    return {**held, "Origin": PAGE}


@pytest.mark.parametrize("row", ROWS, ids=[row[0][1:] for row in ROWS])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_refusal_is_answered_in_the_words_of_the_guard(
    world: World, row: Row, method: str
) -> None:
    """Status, JSON, challenge, cache rule and CORS do not depend on who refuses."""
    path, scope, status, reason, challenge = row
    headers = headers_of(world.issuer, scope)
    answer = world.send()(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers.get("WWW-Authenticate") == challenge
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Vary"] == "Origin"
    assert ("Retry-After" in answer.headers) is (status == 503)
    known = REASONS[reason]
    expected = {"error": known.code, "error_description": known.sentence}
    assert int(answer.headers["Content-Length"]) == len(json.dumps(expected))
    assert answer.content == (json.dumps(expected).encode() if method == "GET" else b"")
    assert world.told == [("refused", reason)]


def own_words(error: Any) -> tuple[str, int]:
    """What an application's own error handler answers."""
    return f"own: {type(error).__name__}", error.status


def by_status(error: Any) -> tuple[str, int]:
    """The same, for a handler that knows nothing of us."""
    status = getattr(error, "status_code", getattr(error, "code", 0))
    text = getattr(error, "detail", "") or error.description
    return f"own: {text}", status


@pytest.mark.parametrize("row", ROWS, ids=[row[0][1:] for row in ROWS])
@pytest.mark.parametrize("kind", ["AuthError", "HTTPException", "status"])
def test_an_error_handler_replaces_the_body_and_keeps_the_fields(
    world: World, row: Row, kind: str, request: pytest.FixtureRequest
) -> None:
    """It need not know of the fields, and may be found by class or by status."""
    path, scope, status, reason, challenge = row
    flask = "flask" in request.node.name or "blueprint" in request.node.name
    handled = {
        "AuthError": AuthError,
        "HTTPException": WerkzeugException if flask else HTTPException,
        "status": status,
    }[kind]
    answer = own_words if kind == "AuthError" else by_status
    send = world.send({handled: answer})
    found = send("GET", path, headers=headers_of(world.issuer, scope))
    assert found.status_code == status
    assert found.text.startswith("own: ")
    if answer is by_status:
        assert found.text == f"own: {REASONS[reason].sentence}"
    assert found.headers.get("WWW-Authenticate") == challenge
    assert found.headers["Cache-Control"] == "no-store"
    assert found.headers["Access-Control-Allow-Origin"] == PAGE
    assert ("Retry-After" in found.headers) is (status == 503)
    assert world.told == [("refused", reason)]


@pytest.mark.parametrize("row", ROWS[:3], ids=[row[0][1:] for row in ROWS[:3]])
def test_an_application_that_the_guard_cannot_see_answers_alike(
    jwt_issuer: JWTIssuer, row: Row
) -> None:
    """A dispatcher that copies the scope and hides the application changes nothing."""
    path, scope, status, reason, challenge = row
    world = World(opaque, jwt_issuer)
    for handlers in ({}, {status: by_status}):
        answer = world.send(handlers)(
            "GET", path, headers=headers_of(jwt_issuer, scope)
        )
        assert answer.status_code == status
        assert answer.headers.get("WWW-Authenticate") == challenge
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.text.startswith("own" if handlers else '{"error":')
    assert world.told == [("refused", reason)] * 2


def test_what_was_caught_leaves_no_trace_in_the_answer(world: World) -> None:
    """The answer is no refusal, so it has no challenge and may be kept."""
    answer = world.send()("GET", "/caught")
    assert (answer.status_code, answer.text.strip('"')) == (200, "nobody")
    assert "WWW-Authenticate" not in answer.headers
    assert "Cache-Control" not in answer.headers


def test_another_status_hides_the_refusal(world: World) -> None:
    """A handler that answers 404 does not show that there is something to hide."""
    send = world.send({403: lambda _: ("no such page", 404)})
    answer = send("GET", "/scope", headers=headers_of(world.issuer, "b"))
    assert (answer.status_code, answer.text) == (404, "no such page")
    assert "WWW-Authenticate" not in answer.headers
    assert "Cache-Control" not in answer.headers


def test_the_exception_is_an_auth_error_of_its_class(world: World) -> None:
    """Handlers and ``except`` see the class, the reason and the plain error."""
    seen: list[Any] = []

    def look(error: Any) -> tuple[str, int]:
        seen.append(error)
        return "", error.status

    world.send({AuthError: look})("GET", "/who")
    (error,) = seen
    assert isinstance(error, MissingTokenError)
    assert (error.reason, error.status) == ("no_credentials", 401)
    plain: Any = vars(error)["error"]
    assert type(plain) is MissingTokenError
    assert plain.code == "missing_token"
    assert error.__cause__ is None
