"""``explain`` names the key set of the metadata where the settings name another one."""

from __future__ import annotations

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check
from jwtguard.testing import AUDIENCE, ISSUER, JWTIssuer


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
    named = f"the metadata of the issuer names {ISSUER}/jwks: remove JWTGUARD_JWKS_URL"
    assert found.hint.endswith(named)


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
