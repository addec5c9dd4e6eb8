"""Finding an endpoint, driven by hand: waits that end, and flights that are lost."""

from __future__ import annotations

import pytest

from jwtguard import Guard, TrustedIssuer
from jwtguard.adapters import Proceed
from jwtguard.core.model.decision import decoration
from jwtguard.core.model.effects import Await, FetchFailedError, Flight, Start
from jwtguard.core.model.request import Request
from jwtguard.core.relay.endpoints import EndpointCache
from jwtguard.errors import GrantError
from jwtguard.outside.fetcher import drive
from jwtguard.outside.sending import by_transport
from jwtguard.testing import JWTIssuer


def cache_of(issuer: JWTIssuer) -> EndpointCache:
    trusted = TrustedIssuer(url=issuer.url)
    return EndpointCache(trusted, "jwks_uri", issuer.clock.monotonic)


def test_metadata_that_take_too_long_are_a_timeout(jwt_issuer: JWTIssuer) -> None:
    """A wait has an end, though the flight has not."""
    flow = cache_of(jwt_issuer).find()
    assert isinstance(next(flow), Start)
    assert isinstance(next(flow), Await)
    with pytest.raises(FetchFailedError) as caught:
        next(flow)
    assert caught.value.timed_out


def test_a_flight_that_was_given_up_changes_nothing(jwt_issuer: JWTIssuer) -> None:
    """Another one may have begun since, and knows better."""
    cache = cache_of(jwt_issuer)
    lost = Flight(cache, 0.0)
    send = by_transport(jwt_issuer.transport)
    drive(cache.refresh(lost), send, lambda: 5.0)
    assert cache.url is None


def test_a_request_without_a_form_is_refused(jwt_issuer: JWTIssuer) -> None:
    """Nothing is handed on that was not read."""
    guard: Guard = jwt_issuer.guard(relay_url="https://issuer.example/token")
    flow = guard.relay_flow()._relayed(
        Request("POST", "/token", {}), Proceed(None, decoration())
    )
    with pytest.raises(GrantError) as caught:
        next(flow)
    assert caught.value.reason == "form_malformed"
