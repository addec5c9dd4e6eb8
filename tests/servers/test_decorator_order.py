"""A decorator that guards nothing: what the operator of a real server sees of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from jwtguard.testing import JWTIssuer
from tests.waiting import HANG

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
SENTENCE = "notes: @require_scope('admin') has no effect, because it stands above"
FASTAPI = (
    "uvicorn",
    "--app-dir=.",
    "--port=PORT",
    "--factory",
    "misplaced:fastapi_app",
)
GUNICORN = ("gunicorn", "--bind=127.0.0.1:PORT", "--worker-class=gthread")


@pytest.mark.parametrize("command", [FASTAPI, (*GUNICORN, "misplaced:flask_app()")])
def test_the_server_does_not_start(serve: Serve, command: tuple[str, ...]) -> None:
    """And says which function, and what to write."""
    running = serve(*command, answers=False)
    assert running.process.wait(HANG) != 0
    assert SENTENCE in running.log.read_text()


@pytest.mark.parametrize(
    "command",
    [(*FASTAPI, "--lifespan=off"), (*GUNICORN, "misplaced:flask_app('first')")],
)
def test_the_first_request_fails(
    serve: Serve, issuer: JWTIssuer, command: tuple[str, ...]
) -> None:
    """Where nothing is known before it: 500, and the sentence in the log."""
    running = serve(*command, answers=False)
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    for _ in range(2):  # on connections of their own: a server may close one after 500
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport, trust_env=False) as client:
            answer = client.get(running.url("/notes"), headers=headers, timeout=HANG)
        assert answer.status_code == 500
        assert "secret" not in answer.text
    assert running.logged(SENTENCE)
