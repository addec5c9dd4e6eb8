"""What ``jwtguard check`` says of bound tokens."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, Guard
from jwtguard.inspect.check_dpop import dpop_findings
from jwtguard.inspect.check_policy import check
from jwtguard.relay import TokenRelay
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer
from tests.session_support import SECRET

URL = "https://api.example"
SOUND: dict[str, Any] = {"dpop": "require", "public_url": URL, "secrets": [SECRET]}


class Shared(MemoryState):
    """A store that other processes use too."""

    shared = True


def guard_of(issuer: JWTIssuer, *, shared: bool = True, **settings: Any) -> Guard:
    policy = issuer.policy(**settings)
    state = Shared() if shared else None
    return Guard(policy, clock=issuer.clock, transport=issuer.transport, state=state)


def found(guard: Guard, **environ: str) -> list[tuple[str, str]]:
    return [(one.level, one.text) for one in dpop_findings(guard, environ)]


def of_level(guard: Guard, level: str, **environ: str) -> str:
    """Return the one finding of this level."""
    (text,) = [text for at, text in found(guard, **environ) if at == level]
    return text


def test_a_sound_policy_has_one_line(jwt_issuer: JWTIssuer) -> None:
    """With a shared state, secrets and the URL there is nothing to add."""
    guard = guard_of(jwt_issuer, **SOUND)
    assert found(guard) == [("ok", "every token must be bound to a key")]
    assert any(one.what == "bound tokens" for one in check(guard))


def test_the_clients_that_need_a_proof_are_named(jwt_issuer: JWTIssuer) -> None:
    """``dpop = true`` of a client is enough."""
    clients = [Client(id="a", dpop=True), Client(id="b"), Client(id="c", dpop=True)]
    guard = guard_of(jwt_issuer, **{**SOUND, "dpop": "accept"}, clients=clients)
    assert found(guard) == [("ok", "tokens of a c must be bound to a key")]


def test_nothing_is_said_where_nothing_must_be_bound(jwt_issuer: JWTIssuer) -> None:
    """It is the default, and most APIs get bearer tokens only."""
    assert found(guard_of(jwt_issuer, shared=False)) == []
    assert found(guard_of(jwt_issuer, shared=False), WEB_CONCURRENCY="1") == []
    level, text = found(guard_of(jwt_issuer, shared=False), WEB_CONCURRENCY="4")[0]
    assert level == "wrong"
    assert text.startswith("WEB_CONCURRENCY is 4, memory://: ")
    assert found(guard_of(jwt_issuer), WEB_CONCURRENCY="4") == []


def test_off_is_a_note(jwt_issuer: JWTIssuer) -> None:
    """Bound tokens are refused then; a client that needs them gets nothing."""
    assert "JWTGUARD_DPOP=off" in of_level(guard_of(jwt_issuer, dpop="off"), "note")
    guard = guard_of(jwt_issuer, dpop="off", clients=[Client(id="a", dpop=True)])
    assert "JWTGUARD_DPOP=off" in of_level(guard, "wrong")


@pytest.mark.parametrize(
    ("workers", "level"),
    [("", "weak"), ("1", "weak"), ("2", "wrong"), ("x", "weak"), ("²", "weak")],
)
def test_replays_need_a_shared_state(
    jwt_issuer: JWTIssuer, workers: str, level: str
) -> None:
    """With several workers, a proof works once in each."""
    guard = guard_of(jwt_issuer, shared=False, **SOUND)
    assert "memory://" in of_level(guard, level, WEB_CONCURRENCY=workers)


def test_replays_may_be_left_alone(jwt_issuer: JWTIssuer) -> None:
    """Knowingly: not compared at all, or not while the state is away."""
    guard = guard_of(jwt_issuer, **SOUND, dpop_replays=0)
    assert "can repeat it for 60 s" in of_level(guard, "weak")
    guard = guard_of(jwt_issuer, **SOUND, dpop_replay_outage="allow")
    assert "JWTGUARD_DPOP_REPLAY_OUTAGE=allow" in of_level(guard, "note")


@pytest.mark.parametrize("secrets", [[], [SECRET]])
def test_without_nonces_clocks_matter(
    jwt_issuer: JWTIssuer, secrets: list[str]
) -> None:
    """The remedy is named where it is missing."""
    settings = {**SOUND, "secrets": secrets, "dpop_nonce": "off"}
    text = of_level(guard_of(jwt_issuer, **settings), "weak")
    assert "60 s late or 30 s ahead" in text
    assert ("set JWTGUARD_SECRETS" in text) is (secrets == [])


def test_cookies_and_sessions_have_no_proof(jwt_issuer: JWTIssuer) -> None:
    """Every request with one would be refused."""
    guard = guard_of(jwt_issuer, **SOUND, cookie="__Host-token")
    assert "the token in the cookie" in of_level(guard, "wrong")
    guard = guard_of(jwt_issuer, **SOUND, session_client="www")
    assert "tokens of sessions" in of_level(guard, "wrong")
    accept = {**SOUND, "dpop": "accept"}
    clients = [Client(id="www", dpop=True)]
    guard = guard_of(jwt_issuer, **accept, clients=clients, session_client="www")
    assert "client www, dpop = true" in of_level(guard, "wrong")
    clients = [Client(id="spa", dpop=True)]
    guard = guard_of(
        jwt_issuer, **accept, clients=clients, session_client="www", cookie="x"
    )
    assert found(guard) == [("ok", "tokens of spa must be bound to a key")]


@pytest.mark.parametrize("relay", [True, False])
def test_a_refresh_of_a_bound_client_needs_a_proof(
    jwt_issuer: JWTIssuer, relay: bool
) -> None:
    """At a token path and at a relay; the token server judges the proof."""
    clients = [Client(id="spa", origins="https://www.example", refresh=True, dpop=True)]
    settings = {**SOUND, "dpop": "accept", "clients": clients}
    paths = [] if relay else ["/oauth/token"]
    guard = guard_of(jwt_issuer, **settings, token_paths=paths)
    kept = None
    if relay:
        assert len(found(guard)) == 1
        kept = TokenRelay(guard)
    assert (kept is not None) is relay
    assert "a refresh of spa needs a DPoP proof" in of_level(guard, "note")


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8"]])
def test_the_url_has_to_be_known(jwt_issuer: JWTIssuer, proxies: list[str]) -> None:
    """Behind a proxy it cannot be told from the request."""
    settings = {**SOUND, "public_url": (), "trusted_proxies": proxies}
    text = of_level(guard_of(jwt_issuer, **settings), "weak")
    assert "JWTGUARD_PUBLIC_URL" in text
    assert ("path prefix" in text) is bool(proxies)
