"""A token that the guard verified before: when it still counts."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, cast

import pytest

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.core.model.jwk_set import parse_given
from jwtguard.core.verify.key_fetch import Snapshot
from jwtguard.core.verify.keys import KeyCache
from jwtguard.errors import InvalidTokenError
from jwtguard.testing import AUDIENCE, FakeClock, JWTIssuer
from tests.core.flow_support import House, Sign, principal, quickly, request


def test_a_remembered_token_still_ends(jwt_clock: FakeClock, house: House) -> None:
    """``exp`` counts on every use, to the second."""
    asked = request(token=house.token(expires_in=100))
    house.passes(asked)
    jwt_clock.advance(129)
    house.passes(asked)
    jwt_clock.advance(2)
    assert house.reason(asked) == (401, "expired")


def test_a_remembered_token_does_not_hide_another(house: House) -> None:
    """Two tokens in one request are refused, known or not."""
    token = house.token()
    twice = request(authorization=[f"Bearer {token}", f"Bearer {token}"])
    both = request(token=token, websocket=True, subprotocols=("bearer", token))
    for _ in range(2):
        assert house.reason(twice) == (400, "authorization_repeated")
        assert house.reason(both) == (400, "token_repeated")
        house.passes(request(token=token))


def test_a_remembered_token_is_not_valid_before_its_time(
    jwt_clock: FakeClock, house: House
) -> None:
    """Should the clock be set back."""
    now = int(jwt_clock.time())
    asked = request(token=house.token(claims={"nbf": now}))
    house.passes(asked)
    jwt_clock._now -= 31
    assert house.reason(asked) == (401, "not_yet_valid")


def test_a_remembered_token_counts_as_issued_in_the_future_after_the_clock_steps_back(
    house: House, jwt_clock: FakeClock
) -> None:
    """As a new one does, with the same leeway."""
    asked = request(token=house.token(claims={"iat": int(jwt_clock.time())}))
    house.passes(asked)
    jwt_clock._now -= 29
    assert quickly(house, asked)
    jwt_clock._now -= 2
    assert house.reason(asked) == (401, "issued_in_future")
    assert house.reason(request(token=house.token(claims={"iat": 10**10}))) == (
        401,
        "issued_in_future",
    )


def test_each_remembered_token_begins_at_its_own_time_if_the_clock_is_set_back(
    house: House, jwt_clock: FakeClock
) -> None:
    """To the second, whichever was verified last; and it may be used again later."""
    now = int(jwt_clock.time())
    early = request(token=house.token(claims={"iat": now - 500}))
    middle = request(token=house.token(claims={"iat": now - 500, "nbf": now - 50}))
    late = request(token=house.token(claims={"iat": now}))
    for asked in (late, early, middle):
        house.passes(asked)
    for back, reasons in (
        (30, ("", "", "")),
        (31, ("", "", "issued_in_future")),
        (80, ("", "", "issued_in_future")),
        (81, ("", "not_yet_valid", "issued_in_future")),
        (530, ("", "not_yet_valid", "issued_in_future")),
        (531, ("issued_in_future", "not_yet_valid", "issued_in_future")),
        (0, ("", "", "")),
    ):
        jwt_clock._now = now - back
        for asked, reason in zip((early, middle, late), reasons, strict=True):
            if reason:
                assert house.reason(asked) == (401, reason)
            else:
                assert quickly(house, asked)


def test_a_remembered_token_keeps_to_the_leeway_and_comes_along(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The first time and every other time: the same times count, the same is told."""
    house = House(jwt_issuer)
    guard, now = house.guard, jwt_clock.time()
    early = jwt_issuer.token(claims={"nbf": now + 30})
    for _ in range(2):
        assert principal(house.passes(request(token=early))).token == early
        assert guard.verify(early).token == early
    assert quickly(house, request(token=early))
    ends = jwt_issuer.token(claims={"exp": now + 100})
    assert guard.verify(ends).token == ends
    jwt_clock.advance(129.5)
    assert guard.verify(ends).token == ends
    assert quickly(house, request(token=ends))
    jwt_clock.advance(0.5)
    assert house.reason(request(token=ends)) == (401, "expired")
    with pytest.raises(InvalidTokenError, match="expired"):
        guard.verify(ends)


def test_a_token_without_kid_is_tried_only_where_the_setting_says_so(
    jwt_issuer: JWTIssuer, sign: Sign
) -> None:
    """``never`` means it, although the one published key would fit."""
    token = sign(None, {"alg": "ES256"})
    for kidless, good in (("one", True), ("never", False)):
        issuer = TrustedIssuer(
            url=jwt_issuer.url,
            audience=AUDIENCE,
            keys=jwt_issuer.jwks(),
            kidless=kidless,
        )
        guard = Guard(Policy(issuers=[issuer]), clock=jwt_issuer.clock)
        if good:
            assert guard.verify(token).subject == "alice"
        else:
            with pytest.raises(InvalidTokenError, match="unknown_key"):
                guard.verify(token)


def test_a_remembered_token_dies_with_its_key(
    jwt_clock: FakeClock, house: House
) -> None:
    """A withdrawal ends it at the next fetch, though it has not expired."""
    asked = request(token=house.token(expires_in=7200))
    house.passes(asked)
    house.issuer.rotate(withdraw=True)
    house.passes(asked)
    jwt_clock.advance(1300)
    assert house.reason(asked) == (401, "unknown_key")


@pytest.mark.parametrize(("first", "later"), [("RS256", "PS256"), (None, "PS256")])
def test_a_remembered_token_dies_when_its_key_is_published_for_another_alg(
    jwt_clock: FakeClock, first: str | None, later: str
) -> None:
    """The same key with another ``alg`` would not verify the token any more."""
    issuer = JWTIssuer(alg="RS256", clock=jwt_clock)
    (published,) = issuer.published
    published["alg"] = first
    house = House(issuer)
    asked = request(token=house.token(expires_in=7200))
    house.passes(asked)
    published["alg"] = later
    house.passes(asked)
    jwt_clock.advance(1300)
    for sent in (asked, request(token=house.token(expires_in=7201))):
        assert house.reason(sent) == (401, "wrong_algorithm")


def test_a_remembered_token_outlives_the_fetch_that_keeps_its_key(
    jwt_clock: FakeClock, house: House
) -> None:
    """Another key beside it changes nothing."""
    asked = request(token=house.token(expires_in=7200))
    house.passes(asked)
    house.issuer.rotate()
    jwt_clock.advance(1300)
    for _ in range(2):
        assert principal(house.passes(asked)).subject == "alice"
    assert house.issuer.fetches == 2


def test_a_new_key_set_is_searched_once_for_all_tokens_of_a_key(
    jwt_clock: FakeClock, house: House
) -> None:
    """They share what signed them; a token of another key has its own."""
    first, second = (
        request(token=house.token(subject=s, expires_in=7200)) for s in "ab"
    )
    for asked in (first, second):
        house.passes(asked)
    house.issuer.rotate()
    jwt_clock.advance(1300)
    house.passes(first)
    assert quickly(house, second)
    house.passes(request(token=house.token(subject="c")))
    a, b, c = house.guard._flow.verifier.token_cache._tokens.values()
    assert a.signed is b.signed
    assert a.signed.signed_with != c.signed.signed_with


NO_KEYS = Snapshot()
OTHER_KEYS = Snapshot(parse_given(JWTIssuer(alg="ES256").jwks()), 0, inf, inf)


@pytest.mark.parametrize("later", [NO_KEYS, OTHER_KEYS])
def test_a_token_whose_key_is_withdrawn_during_the_check_is_refused(
    jwt_issuer: JWTIssuer, later: Snapshot
) -> None:
    """A new token passes the same gates as a known one; nothing keeps it alive."""

    class Clock(FakeClock):
        guard: Guard | None = None

        def time(self) -> float:
            for trusted in self.guard.issuers.values() if self.guard else ():
                trusted.key_cache.snapshot = later
            return super().time()

    def losing() -> Guard:
        clock = Clock()
        policy, transport = jwt_issuer.policy(), jwt_issuer.transport
        clock.guard = Guard(policy, clock=clock, transport=transport)
        return clock.guard

    token = jwt_issuer.token()
    guard = losing()
    assert guard.verify(token).subject == "alice"  # it is still published
    guard = losing()
    parsed = jwt_issuer.published[-1]
    trusted = guard.issuers[jwt_issuer.url]
    trusted.key_cache.snapshot = Snapshot(parse_given({"keys": [parsed]}), 0, inf, inf)
    jwt_issuer.rotate(withdraw=True)
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        guard.verify(token)
    assert guard._flow.verifier.token_cache.get(token)[1] is None


@pytest.mark.parametrize("later", [NO_KEYS, OTHER_KEYS])
def test_a_remembered_token_keeps_no_key_set_that_lacks_its_key(
    house: House, later: Snapshot
) -> None:
    """It keeps the set that verified it, should the keys vanish between two looks."""

    class Vanishing:
        snapshot = later

        def find(self, wanted: object) -> Iterator[Any]:
            return iter(())

    asked = request(token=house.token())
    house.passes(asked)
    (entry,) = house.guard._flow.verifier.token_cache._tokens.values()
    signed = entry.signed
    assert signed.key_set is signed.cache.snapshot.key_set
    before, signed.cache = signed.key_set, cast(KeyCache, Vanishing())
    house.passes(asked)
    assert signed.key_set is before


def test_without_memory_every_token_is_verified(jwt_issuer: JWTIssuer) -> None:
    """And the answer is the same."""
    house = House(jwt_issuer, token_cache=0)
    asked = request(token=house.token())
    assert house.passes(asked) == house.passes(asked)
