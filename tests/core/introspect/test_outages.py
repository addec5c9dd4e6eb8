"""An endpoint that fails: known tokens go on, others get 503, and it is let alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from jwtguard.errors import IntrospectionUnavailableError, InvalidTokenError
from jwtguard.guard import Guard
from jwtguard.testing import OpaqueIssuer
from tests.core.introspect.holding import Holding

Reply = Callable[[Mapping[str, Any]], tuple[int, Mapping[str, str], bytes]]


def status(code: int, body: bytes = b"", **fields: str) -> Reply:
    return lambda _: (code, {k.replace("_", "-"): v for k, v in fields.items()}, body)


@pytest.fixture
def issuer() -> OpaqueIssuer:
    return OpaqueIssuer(alg="ES256")


def unavailable(guard: Guard, token: str) -> float:
    with pytest.raises(IntrospectionUnavailableError) as caught:
        guard.verify(token)
    return caught.value.retry_after


def test_a_known_token_serves_until_its_answer_is_old(issuer: OpaqueIssuer) -> None:
    """Then it is 503 with Retry-After and no challenge: it may be active."""
    guard, token = issuer.guard(introspect_ttl=60), issuer.opaque_token()
    assert guard.verify(token)
    issuer.down()
    issuer.clock.advance(59)
    assert guard.verify(token)
    issuer.clock.advance(1)
    request = Request("GET", "/notes", {"authorization": [f"Bearer {token}"]})
    decision = guard.decide(request, lambda _: None)
    assert isinstance(decision, Respond)
    assert (decision.status, decision.reason) == (503, "introspection_unavailable")
    fields = dict(decision.headers)
    assert fields["Retry-After"] == "1"
    assert "WWW-Authenticate" not in fields
    issuer.up()
    issuer.clock.advance(5)
    assert guard.verify(token)


def test_one_failure_pauses_all_questions(issuer: OpaqueIssuer) -> None:
    """For a second, then longer, and never for more than five."""
    guard = issuer.guard()
    issuer.reply = status(500)
    tokens = [issuer.opaque_token() for _ in range(20)]
    pauses = []
    for number in range(1, 7):
        for token in tokens:
            wait = unavailable(guard, token)
        assert issuer.introspections == number
        pauses.append(wait)
        issuer.clock.advance(wait)
    assert pauses[0] == 1
    assert pauses[0] < pauses[1] < pauses[2]
    assert all(4 <= pause <= 5 for pause in pauses[3:])
    issuer.reply = None
    assert guard.verify(tokens[0])
    issuer.reply = status(500)
    assert unavailable(guard, tokens[1]) == 1


@pytest.mark.parametrize(("asked", "obeyed"), [("17", 17), ("86400", 60), ("0", 1)])
@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_obeyed(
    issuer: OpaqueIssuer, code: int, asked: str, obeyed: float
) -> None:
    """Also where it is longer than our own pause, for up to a minute."""
    guard, token = issuer.guard(), issuer.opaque_token()
    issuer.reply = status(code, retry_after=asked)
    wait = unavailable(guard, token)
    assert wait == obeyed
    issuer.reply = None
    issuer.clock.advance(obeyed - 0.5)
    if obeyed > 1:
        unavailable(guard, token)
    issuer.clock.advance(0.5)
    assert guard.verify(token)


@pytest.mark.parametrize("code", [400, 413, 414])
def test_a_token_that_cannot_be_asked_about_harms_no_other(
    issuer: OpaqueIssuer, code: int
) -> None:
    """Strangers can send anything; an answer to them must not keep others out."""
    guard, good = issuer.guard(), issuer.opaque_token()
    issuer.reply = status(code, b'{"error": "invalid_request"}')
    for _ in range(10):
        unavailable(guard, "garbage")
    assert issuer.introspections == 1
    issuer.reply = None
    assert guard.verify(good)
    issuer.clock.advance(5)
    for _ in range(2):  # once it was refused, an error changes nothing of that
        with pytest.raises(InvalidTokenError, match="inactive"):
            guard.verify("garbage")
        issuer.reply = status(code, b"{}")
        issuer.clock.advance(10)


def test_wrong_credentials_of_ours_are_an_error_in_the_log(
    issuer: OpaqueIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller is told 503: 401 would blame the token, and sign people out."""
    token = issuer.opaque_token()
    guard = issuer.guard(introspect_client_secret="wr0ng")
    with caplog.at_level(logging.DEBUG, "jwtguard"):
        unavailable(guard, token)
        unavailable(guard, token)
    (told,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert told.__dict__["event"] == "introspection_denied"
    assert "status 401, invalid_client" in told.getMessage()
    assert token not in caplog.text
    assert "wr0ng" not in caplog.text


def test_what_was_refused_stays_refused_in_an_outage(issuer: OpaqueIssuer) -> None:
    """Also with ``local``: an outage makes no ended token good again."""
    for settings in ({}, {"introspect": "always", "introspect_outage": "local"}):
        guard = issuer.guard(**settings)
        token = issuer.token() if settings else issuer.opaque_token()
        issuer.end(token)
        with pytest.raises(InvalidTokenError, match="inactive"):
            guard.verify(token)
        issuer.down()
        issuer.clock.advance(11)
        with pytest.raises(InvalidTokenError, match="inactive"):
            guard.verify(token)
        issuer.up()


def test_local_accepts_what_was_verified_here(issuer: OpaqueIssuer) -> None:
    """JWTs only; opaque tokens cannot be verified here. Each time is an event."""
    events: list[str] = []
    policy = issuer.policy(introspect="always", introspect_outage="local")
    guard = Guard(
        policy, clock=issuer.clock, transport=issuer,
        on_event=lambda event, _: events.append(event),
    )  # fmt: skip
    known, opaque = issuer.token(), issuer.opaque_token()
    assert guard.verify(known)
    assert guard.verify(opaque)
    issuer.down()
    issuer.clock.advance(31)
    unavailable(guard, opaque)
    assert "introspection_skipped" not in events
    assert guard.verify(known)
    assert guard.verify(issuer.token())
    assert events.count("introspection_skipped") == 2
    with pytest.raises(InvalidTokenError, match="expired"):
        guard.verify(issuer.expired())
    with pytest.raises(InvalidTokenError, match="bad_signature"):
        guard.verify(issuer.forged())
    issuer.up()
    issuer.end(known)
    issuer.clock.advance(5)
    with pytest.raises(InvalidTokenError, match="inactive"):
        guard.verify(known)


def test_refuse_is_503_for_jwts_as_well(issuer: OpaqueIssuer) -> None:
    """Unless the policy says otherwise."""
    guard, known = issuer.guard(introspect="always"), issuer.token()
    assert guard.verify(known)
    issuer.down()
    assert guard.verify(known)
    unavailable(guard, issuer.token())
    # What a lightweight token lacks, the answer might have had.
    unavailable(guard, issuer.token(claims={"aud": None}))
    issuer.clock.advance(31)
    unavailable(guard, known)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x")])
def test_a_transport_that_breaks_is_an_outage(
    issuer: OpaqueIssuer, error: BaseException
) -> None:
    """Nobody waits for ever, and the place in the line is free again."""
    holding = Holding(issuer)
    holding.error = error
    holding.open.set()
    guard, token = holding.guard(), issuer.opaque_token()
    unavailable(guard, token)
    holding.error = None
    issuer.clock.advance(5)
    assert guard.verify(token)


def test_without_an_endpoint_in_the_metadata_it_is_an_outage(
    issuer: OpaqueIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what is missing."""
    bare = OpaqueIssuer.metadata

    class Without(OpaqueIssuer):
        def metadata(self) -> dict[str, Any]:
            return {k: v for k, v in bare(self).items() if "introspection" not in k}

    issuer = Without()
    unavailable(issuer.guard(), issuer.opaque_token())
    assert "introspection_endpoint" in caplog.text


def test_a_child_process_begins_anew(issuer: OpaqueIssuer) -> None:
    """Pauses and locks belong to threads that it does not have."""
    guard, token = issuer.guard(), issuer.opaque_token()
    issuer.reply = status(500)
    unavailable(guard, token)
    issuer.reply = None
    unavailable(guard, token)
    guard.after_fork()
    assert guard.verify(token)
