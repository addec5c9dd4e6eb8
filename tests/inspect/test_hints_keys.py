"""``explain`` and ``check`` name the key set of the metadata if the settings do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.core.model.effects import Incoming
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check
from jwtguard.testing import AUDIENCE, ISSUER, JWTIssuer

NAMED = f"; the metadata of the issuer names {ISSUER}/jwks: remove JWTGUARD_JWKS_URL"
OTHER = f"{ISSUER}/other/jwks"


class Elsewhere(JWTIssuer):
    """An issuer whose server also has a key set of somebody else, at ``OTHER``."""

    def transport(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        """Answer as the other issuer at its URL."""
        if url == OTHER:
            return self._answer(JWTIssuer("https://other.example").jwks())
        return super().transport(url, headers, timeout)


def with_jwks_url(issuer: JWTIssuer, url: str) -> Check:
    """Return what is said of the key where the settings name *url*."""
    trusted = TrustedIssuer(url=ISSUER, audience=AUDIENCE, jwks_url=url)
    guard = Guard(
        Policy(issuers=[trusted]), clock=issuer.clock, transport=issuer.transport
    )
    return {one.name: one for one in explain(guard, issuer.token())}["key"]


def test_the_key_set_of_the_metadata_is_named(jwt_issuer: JWTIssuer) -> None:
    """A wrong JWTGUARD_JWKS_URL is the usual reason why only the keys are missing."""
    found = with_jwks_url(jwt_issuer, f"{ISSUER}:9001/jwks")
    assert found.reason == "keys_unavailable"
    assert found.hint.endswith(NAMED)


def test_no_key_set_is_named_that_is_not_known(jwt_issuer: JWTIssuer) -> None:
    """Nothing is proposed where the metadata is missing too, or names the same."""
    jwt_issuer.down()
    for url in (f"{ISSUER}:9001/jwks", f"{ISSUER}/jwks"):
        assert "metadata" not in with_jwks_url(jwt_issuer, url).hint


def test_the_key_set_of_the_settings_is_not_proposed(jwt_issuer: JWTIssuer) -> None:
    """The metadata agrees with the settings: the key set itself is broken."""
    jwt_issuer.published[:] = [{"kty": "RSA"}]
    found = with_jwks_url(jwt_issuer, f"{ISSUER}/jwks")
    assert not found.passed
    assert "remove" not in found.hint


def keys_of(issuer: JWTIssuer, url: str, **settings: Any) -> tuple[str, str]:
    """Return what ``check`` finds about the keys where the settings name *url*."""
    trusted = TrustedIssuer(url=ISSUER, audience=AUDIENCE, jwks_url=url, **settings)
    guard = Guard(
        Policy(issuers=[trusted]), clock=issuer.clock, transport=issuer.transport
    )
    (one,) = [one for one in check(guard) if one.what == "keys"]
    return one.level, one.text


def test_check_gives_the_same_hint(jwt_issuer: JWTIssuer) -> None:
    """A key set that cannot be fetched, or that is not of this issuer."""
    level, text = keys_of(jwt_issuer, f"{ISSUER}:9001/jwks")
    assert level == "wrong"
    assert text.endswith(NAMED)
    level, text = keys_of(Elsewhere(), OTHER, algorithms=["ES256"])
    assert level == "wrong"
    assert text.startswith("none is for ES256; the metadata")
    assert text.endswith(NAMED)


def test_check_proposes_nothing_where_nothing_is_wrong(jwt_issuer: JWTIssuer) -> None:
    """A key set at an internal URL is a choice."""
    level, text = keys_of(jwt_issuer, f"{ISSUER}/jwks")
    assert (level, "remove" in text) == ("ok", False)


def test_check_says_where_metadata_may_be(jwt_issuer: JWTIssuer) -> None:
    """By default, from the issuer's URL; JWTGUARD_DISCOVERY_URL is taken as it is."""
    jwt_issuer.down()
    for discovery_url, words in (
        (None, "set JWTGUARD_DISCOVERY_URL, or JWTGUARD_JWKS_URL"),
        (f"{ISSUER}/meta", "JWTGUARD_DISCOVERY_URL is fetched exactly as written"),
    ):
        trusted = TrustedIssuer(
            url=ISSUER, audience=AUDIENCE, discovery_url=discovery_url
        )
        guard = Guard(
            Policy(issuers=[trusted]),
            clock=jwt_issuer.clock,
            transport=jwt_issuer.transport,
        )
        (one,) = [one for one in check(guard) if one.what == "keys"]
        assert (one.level, words in one.text) == ("wrong", True)
        found = {one.name: one for one in explain(guard, jwt_issuer.token())}["key"]
        assert words in found.hint


def test_a_key_set_of_another_issuer_is_noticed() -> None:
    """Its keys are good, but none has the token's kid."""
    found = with_jwks_url(Elsewhere(), OTHER)
    assert found.reason == "unknown_key"
    assert found.hint.endswith(NAMED)
