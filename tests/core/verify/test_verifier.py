"""From a string to a principal: what settings mean there, and what is at hand."""

from __future__ import annotations

from math import inf

import pytest

from jwtguard import Client, Policy, TrustedIssuer
from jwtguard.core.extract.credentials import Credentials
from jwtguard.core.model.issuers import ALGORITHMS
from jwtguard.core.model.jwk_set import parse_given
from jwtguard.core.model.profiles import PROFILES
from jwtguard.core.verify.issuer_states import rules_of
from jwtguard.core.verify.key_fetch import Snapshot
from jwtguard.core.verify.token_rules import TokenRules
from jwtguard.errors import InvalidTokenError, TokenTooLargeError
from jwtguard.testing import FakeClock, JWTIssuer


@pytest.mark.slow
def test_what_needs_no_fetch_is_known_at_once(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """New or remembered, before and after a refresh: there is nothing to wait for."""
    guard = jwt_issuer.guard()

    def asks(token: str) -> int:
        """Count what verifying *token* asks the outside for."""
        flow = guard._flow.verifier.verify(Credentials(token, "header"))
        count = 0
        try:
            while True:
                flow.send(None)
                count += 1
        except StopIteration:
            return count

    old = jwt_issuer.token(expires_in=7200)
    assert guard.verify(old).token == old
    for token in (old, jwt_issuer.token()):
        for _ in range(2):
            assert asks(token) == 0
    jwt_issuer.rotate()
    jwt_clock.advance(1300)
    assert asks(old) > 0
    jwt_issuer.guard().verify(old)
    assert guard.verify(old).token == old


def test_a_token_on_its_own_is_verified_at_once_unless_the_outside_is_needed(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The flow runs without keys, with old keys, and with old news of revocations."""
    guard = jwt_issuer.guard()
    flow, first = guard._flow, jwt_issuer.token(expires_in=7200)
    assert flow.verify_at_once(Credentials(first, "")) is None
    guard.verify(first)
    shown = [Credentials(one, "") for one in (first, jwt_issuer.token(), "x" * 16385)]
    known, new = (flow.verify_at_once(one) for one in shown[:2])
    assert known is not None
    assert new is not None
    assert flow.verify_at_once(shown[1]) is new
    with pytest.raises(TokenTooLargeError, match="token_too_long"):
        flow.verify_at_once(shown[2])
    flow.is_stale = lambda: True
    assert flow.verify_at_once(shown[0]) is None
    flow.is_stale = lambda: False
    assert flow.verify_at_once(shown[0]) is known
    jwt_clock.advance(600)
    assert flow.verify_at_once(shown[0]) is None


def test_an_issuer_goes_by_its_own_settings_before_the_policys() -> None:
    """Audience, algorithms, lifetime; and its own clients are the ones it can mean."""
    one = TrustedIssuer(
        url="https://one.example",
        audience=("a", "b"),
        algorithms=("RS256",),
        max_lifetime=60,
    )
    two = TrustedIssuer(url="https://two.example", profile="rfc9068")
    three = TrustedIssuer(url="https://three.example", audience="unchecked")
    clients = (Client(id="x", issuer=one.url), Client(id="y", issuer=two.url))
    policy = Policy(
        issuers=(one, two, three), audience="api", leeway=5, clients=clients
    )
    assert rules_of(one, policy) == TokenRules(
        issuer=one.url,
        profile=PROFILES["generic"],
        audience=frozenset({"a", "b"}),
        algorithms=frozenset({"RS256"}),
        leeway=5,
        max_lifetime=60,
        clients=frozenset({"x"}),
    )
    assert rules_of(two, policy) == TokenRules(
        issuer=two.url,
        profile=PROFILES["rfc9068"],
        audience=frozenset({"api"}),
        algorithms=frozenset(ALGORITHMS),
        leeway=5,
        clients=frozenset({"y"}),
    )
    assert rules_of(three, policy).audience == "unchecked"


def test_a_client_without_issuer_is_one_of_the_only_issuer() -> None:
    """An ID token made for it is known by its audience."""
    issuer = TrustedIssuer(url="https://one.example", audience="api")
    policy = Policy(issuers=(issuer,), clients=(Client(id="x"),))
    assert rules_of(issuer, policy).clients == {"x"}


def test_keys_are_kept_and_asked_for_as_the_policy_says(jwt_clock: FakeClock) -> None:
    """Age, grace and cooldown; and http where a host is named."""
    issuer = JWTIssuer("http://issuer.internal", alg="ES256", clock=jwt_clock)
    guard = issuer.guard(
        keys_max_age=100,
        keys_stale_for=1000,
        keys_cooldown=3,
        http_hosts=("issuer.internal",),
    )
    guard.verify(issuer.token())
    snapshot = guard._flow.verifier.trusted[issuer.url].key_cache.snapshot
    now = jwt_clock.monotonic()
    assert 90 <= snapshot.refresh_at - now <= 98
    assert snapshot.stale_until - now == 1100
    for seconds, fetches in ((0, 2), (2.5, 2), (0.5, 3)):
        jwt_clock.advance(seconds)
        with pytest.raises(InvalidTokenError, match="unknown_key"):
            guard.verify(issuer.token(headers={"kid": "made-up"}))
        assert issuer.fetches == fetches


def test_a_key_that_is_withdrawn_meanwhile_caches_nothing(
    jwt_issuer: JWTIssuer,
) -> None:
    """The set that is current after the signature lacks the key that verified it."""
    guard, token = jwt_issuer.guard(), jwt_issuer.token()
    guard.verify(token)
    verifier = guard._flow.verifier
    new = verifier._unverified(token)
    (key,) = new.keys_at_hand()
    assert verifier.signed_by(new, key).key_set is new.cache.snapshot.key_set
    other = parse_given(JWTIssuer(alg="ES256").jwks())
    new.cache.snapshot = Snapshot(other, 0, inf, inf)
    assert verifier.signed_by(new, key).key_set is None
