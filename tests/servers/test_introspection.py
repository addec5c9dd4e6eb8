"""Opaque tokens over real sockets: many at once, and an endpoint that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from jwtguard.core.introspect.lookups import AT_ONCE, IN_LINE
from tests.servers.introspected import (
    Asked,
    Callers,
    Serve,
    Site,
    ask_once,
    by_asgi,
    by_wsgi,
    endpoint,
)
from tests.waiting import until

pytestmark = pytest.mark.slow
both = pytest.mark.parametrize("serve", [by_asgi, by_wsgi])
MANY = 500


@both
def test_one_token_is_one_question(serve: Serve) -> None:
    """500 first requests with one opaque token wait for one answer."""
    with endpoint() as server, serve(site := Site(server)) as port:
        server.behave = Asked.held
        callers = Callers(port, ["good"] * MANY)
        assert until(lambda: site.requests == MANY and server.now == 1)
        server.open.set()
        assert {one.status for one in callers.ended()} == {200}
        assert server.calls == 1


@both
def test_many_tokens_are_32_questions_at_once(serve: Serve) -> None:
    """500 first requests with a token each: the others wait in line."""
    with endpoint() as server, serve(site := Site(server)) as port:
        server.behave = Asked.held
        callers = Callers(port, [f"good-{number}" for number in range(MANY)])
        assert until(lambda: site.requests == MANY and server.now == AT_ONCE)
        server.open.set()
        assert {one.status for one in callers.ended()} == {200}
        assert (server.calls, server.most) == (MANY, AT_ONCE)


@both
def test_garbage_is_bounded(serve: Serve) -> None:
    """32 at the endpoint, 1024 in line, and nobody else is asked about."""
    more = 100
    with endpoint() as server, serve(Site(server)) as port:
        assert ask_once(port, "good").status == 200
        server.behave = Asked.held
        garbage = [f"garbage-{number}" for number in range(AT_ONCE + IN_LINE + more)]
        callers = Callers(port, garbage)
        assert until(lambda: len(callers.answers) == more)
        assert {one.status for one in callers.answers} == {503}
        assert ask_once(port, "good").status == 200
        server.open.set()
        found = [one.status for one in callers.ended()]
        assert (found.count(401), found.count(503)) == (AT_ONCE + IN_LINE, more)
        assert (server.calls, server.most) == (1 + AT_ONCE + IN_LINE, AT_ONCE)


class Row(NamedTuple):
    """An endpoint that fails, and what is told of it."""

    behave: Callable[[Asked], None]
    settings: dict[str, str] = {}  # noqa: RUF012  # never changed
    event: str = "introspection_failed"


def slow(asked: Asked) -> None:
    """Say nothing until the guard hangs up."""
    asked.connection.recv(1)
    asked.close_connection = True


def moved(asked: Asked) -> None:
    """Send the question elsewhere."""
    asked.send(b"", 302, Location=asked.server.url("/elsewhere"))


BRIEF = {"INTROSPECT_TIMEOUT": "0.5"}
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"
DENIED = b'{"error": "invalid_client"}'
ROWS = {
    "slow": Row(slow, BRIEF),
    "header that drips": Row(lambda a: a.drip(b"HTTP/1.1 200 OK\r\nX: "), BRIEF),
    "body that drips": Row(lambda a: a.drip(JSON), BRIEF),
    "HTML": Row(lambda a: a.send(b"<html>", Content_Type="text/html")),
    "302": Row(moved),
    "401": Row(lambda a: a.send(DENIED, 401), event="introspection_denied"),
    "429": Row(lambda a: a.send(b"", 429, Retry_After="60")),
    "500": Row(lambda a: a.send(b"", 500)),
    "hangs up": Row(lambda a: setattr(a, "close_connection", True)),
}
rows = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


@both
@rows
def test_an_endpoint_that_fails(
    row: Row, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """New tokens get 503 in time, known ones pass, and the endpoint recovers."""
    with endpoint() as server, serve(site := Site(server, **row.settings)) as port:
        assert until(lambda: ask_once(port, "good").status == 200)
        assert until(lambda: ask_once(port, "good-before").status == 200)
        del site.told[:]
        server.behave = row.behave
        refused = ask_once(port, "good-new")
        assert (refused.status, refused.error) == (503, "temporarily_unavailable")
        assert "www-authenticate" not in refused.fields
        assert 1 <= int(refused.fields["retry-after"]) <= 60
        assert until(lambda: server.now == 0)
        assert ask_once(port, "good").status == 200
        assert until(lambda: set(site.told) == {row.event, "refused"})
        assert server.seen == []
        assert "good" not in caplog.text
        server.behave = Asked.tell
        if row is not ROWS["429"]:
            assert until(lambda: ask_once(port, "good-new").status == 200)


@both
def test_retry_after_is_obeyed(serve: Serve) -> None:
    """An endpoint that is busy is not asked again before it wants to be."""
    with endpoint() as server, serve(Site(server)) as port:
        server.behave = ROWS["429"].behave
        for number in range(10):
            refused = ask_once(port, f"good-{number}")
            assert refused.status == 503
            assert 5 < int(refused.fields["retry-after"]) <= 60
        assert server.calls == 1


@both
def test_a_secret_that_was_replaced(serve: Serve, tmp_path: Path) -> None:
    """After a 401 the file is read at once, though the next reload is far away."""
    secret = tmp_path / "secret"
    secret.write_text("the one before")
    file = {"INTROSPECT_CLIENT_SECRET_FILE": str(secret), "RELOAD": "3600"}
    with endpoint() as server, serve(site := Site(server, **file)) as port:

        def by_secret(asked: Asked) -> None:
            old = asked.headers["Authorization"] == "Basic YXBpOnRoZStvbmUrYmVmb3Jl"
            asked.send(DENIED, 401) if old else asked.tell()

        server.behave = by_secret
        secret.write_text("the new one")
        assert ask_once(port, "good").status == 503
        assert until(lambda: "reloaded" in site.told)
        assert ask_once(port, "good").status == 200
        assert server.calls == 2
