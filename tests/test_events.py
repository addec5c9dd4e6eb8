"""What happens is told once: in the log, and to a hook that cannot do harm."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from jwtguard.errors import AuthError
from jwtguard.events import JSONFormatter, emitter
from jwtguard.guard import Guard
from jwtguard.testing import FakeClock, JWTIssuer


class Hook(list[tuple[str, Mapping[str, Any]]]):
    """Remembers what it was told."""

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        self.append((event, fields))


def guard_of(issuer: JWTIssuer, hook: Any, **settings: Any) -> Guard:
    return Guard(
        issuer.policy(**settings),
        clock=issuer.clock,
        transport=issuer.transport,
        on_event=hook,
    )


def ask(guard: Guard, token: str | None, **headers: str) -> int:
    fields = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    if token is not None:
        fields["authorization"] = (f"Bearer {token}",)
    decision = guard.decide(Request("GET", "/notes", fields), lambda _: None)
    return decision.status if isinstance(decision, Respond) else 200


def test_log_and_hook_hear_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """Each field of the event is an attribute of the record, and in its text."""
    hook = Hook()
    caplog.set_level(logging.INFO, "jwtguard")
    emitter(hook)("refused", reason="expired", status=401, detail="", origin=None)
    fields = {"reason": "expired", "status": 401, "detail": "", "origin": None}
    assert hook == [("refused", fields)]
    (record,) = caplog.records
    assert {name: getattr(record, name) for name in fields} == fields
    assert (record.name, record.event) == ("jwtguard", "refused")  # type: ignore[attr-defined]
    assert record.getMessage() == "refused reason='expired' status=401"


@pytest.mark.parametrize(
    ("event", "level"),
    [
        ("refused", logging.INFO),
        ("fetch_ok", logging.INFO),
        ("unknown_kid", logging.INFO),
        ("fetch_not_modified", logging.DEBUG),
        ("fetch_failed", logging.WARNING),
        ("serving_stale", logging.WARNING),
        ("state_failed", logging.WARNING),
        ("state_restored", logging.WARNING),
    ],
)
def test_outages_are_warnings_refusals_are_not(
    event: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger with bad tokens must not wake anybody; a dead issuer should."""
    caplog.set_level(logging.DEBUG, "jwtguard")
    emitter(None)(event, issuer="https://issuer.example")
    assert [record.levelno for record in caplog.records] == [level]


def test_a_hook_hears_what_the_log_does_not_keep(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Metrics do not depend on log levels."""
    caplog.set_level(logging.CRITICAL, "jwtguard")
    hook = Hook()
    emitter(hook)("fetch_ok", keys=1)
    assert hook == [("fetch_ok", {"keys": 1})]
    assert caplog.records == []


def test_a_hook_that_raises_decides_nothing(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests pass and are refused as without it; the log tells of the hook."""

    def broken(event: str, fields: Mapping[str, Any]) -> None:
        raise ZeroDivisionError(event)

    guard = guard_of(jwt_issuer, broken)
    assert ask(guard, jwt_issuer.token()) == 200
    assert ask(guard, jwt_issuer.forged()) == 401
    assert ask(guard, None) == 401
    failed = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert failed == [
        "the on_event hook failed at fetch_ok",
        "the on_event hook failed at refused",
        "the on_event hook failed at refused",
    ]


def test_events_of_an_outage(jwt_issuer: JWTIssuer, jwt_clock: FakeClock) -> None:
    """Fetched, unknown key asked for, failed, serving stale: each is told."""
    hook = Hook()
    guard = guard_of(jwt_issuer, hook)
    token = jwt_issuer.token(expires_in=7200)
    assert ask(guard, token) == 200
    jwt_issuer.down()
    other = jwt_issuer.token(headers={"kid": "made-up"})
    assert ask(guard, other) == 503
    jwt_clock.advance(3000)
    flight_events = [event for event, _ in hook]
    assert flight_events == ["fetch_ok", "unknown_kid", "fetch_failed", "refused"]
    assert ask(guard, token) == 200
    assert ("serving_stale", {"issuer": jwt_issuer.url, "age": 3000.0}) in hook
    problem = next(f["problem"] for e, f in hook if e == "fetch_failed")
    assert "the issuer is down" in problem


def _tokens(issuer: JWTIssuer) -> list[str]:
    good = issuer.token(claims={"email": "alice@private.example"})
    return [
        good,
        issuer.expired(),
        issuer.forged(),
        issuer.id_token(),
        issuer.wrong_audience(),
        issuer.token(claims={"iss": "https://stranger.example/secret-name"}),
        issuer.token(headers={"kid": "made-up-key-id"}),
        issuer.token(headers={"crit": ["exp"]}),
        issuer.token(claims={"exp": "a-secret-word"}),
        issuer.token(claims={"nbf": 9e9}),
        issuer.token(claims={"cnf": {"jkt": "thumbprint-of-a-key"}}),
        f"{good}.x",
        f"{good}!",
        "x" * 20_000,
    ]


PRIVATE = ("alice", "private.example", "secret-name", "made-up", "a-secret", "thumbpr")


def test_no_token_and_no_claim_is_ever_logged(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Records, their extra fields, hook and answer: none holds a piece of a token."""
    caplog.set_level(logging.DEBUG)
    hook = Hook()
    guard = guard_of(jwt_issuer, hook, cookie="session")
    tokens = _tokens(jwt_issuer)
    for token in tokens:
        ask(guard, token)
        ask(guard, token, origin="https://evil.example")
        ask(guard, None, cookie=f"session={token}", sec_fetch_site="cross-site")
        with pytest.raises(AuthError):
            guard.verify(token + "x")
    told = [str(vars(record)) for record in caplog.records] + [repr(hook)]
    assert len([event for event, _ in hook if event == "refused"]) > len(tokens)
    for text in told:
        for token in tokens:
            pieces = [piece[:40] for piece in token.split(".") if len(piece) > 20]
            assert not any(piece in text for piece in pieces)
        assert not any(word in text for word in PRIVATE), text


def test_refused_tells_reason_status_and_who(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """The client id is told once it is verified, never before."""
    caplog.set_level(logging.INFO, "jwtguard")
    guard = guard_of(jwt_issuer, None, clients_only=True)
    ask(guard, jwt_issuer.token(client_id="stranger"))
    ask(guard, jwt_issuer.forged(client_id="stranger"))
    told = [
        (r.reason, r.status, r.client_id)  # type: ignore[attr-defined]
        for r in caplog.records
        if r.getMessage().startswith("refused")
    ]
    assert told == [
        ("client_not_listed", 403, "stranger"),
        ("bad_signature", 401, None),
    ]


def formatted(**fields: Any) -> dict[str, Any]:
    """Return what the formatter makes of an event with these fields."""
    made = logging.makeLogRecord(
        {"name": "jwtguard", "levelname": "INFO", "created": 1793836800.25, **fields}
    )
    line = JSONFormatter().format(made)
    assert line.isascii()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


def test_json_has_time_level_and_every_field() -> None:
    """One line for each record, with what other filters have added."""
    assert formatted(event="refused", reason="expired", origin=None, status=401) == {
        "time": "2026-11-05T00:00:00.250Z",
        "level": "INFO",
        "event": "refused",
        "reason": "expired",
        "origin": None,
        "status": 401,
    }
    assert formatted(event="x", request_id="r-1")["request_id"] == "r-1"


@pytest.mark.parametrize(
    "value", ["a\nb", "\u2028", '"}\r{"', "\x1b[2J", "\udc80", {1}]
)
def test_no_field_can_break_a_line_of_json(value: Any) -> None:
    """Whatever a stranger sends as its origin; sets and the like become text."""
    found = formatted(event="refused", origin=value)["origin"]
    assert found == (value if isinstance(value, str) else str(value))


def test_json_of_a_record_without_an_event() -> None:
    """Message and traceback, for a hook that failed."""
    try:
        raise ZeroDivisionError("none")
    except ZeroDivisionError:
        info = sys.exc_info()
    found = formatted(msg="the hook failed at %s", args=("refused",), exc_info=info)
    assert found["message"] == "the hook failed at refused"
    assert "ZeroDivisionError: none" in found["exception"]
    assert set(found) == {"time", "level", "message", "exception"}


def test_the_end_of_an_outage_has_the_level_of_its_beginning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever reads warnings alone sees both."""
    emit = emitter(None)
    emit("state_failed", problem="timeout")
    emit("state_restored")
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
