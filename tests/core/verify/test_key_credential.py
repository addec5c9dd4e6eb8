"""The credential for metadata and keys goes to one origin, and into no log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.core.model.effects import Incoming
from jwtguard.core.verify.key_credential import credential_fields
from jwtguard.errors import KeysUnavailableError
from jwtguard.settings import load_policy
from jwtguard.testing import JWTIssuer

SECRET = "Bearer s3cret"
METADATA = "https://id.example/.well-known/openid-configuration"


def issuer(**changes: Any) -> TrustedIssuer:
    given = {"url": "https://id.example", "keys_authorization": SECRET, **changes}
    return TrustedIssuer(**given)


@pytest.mark.parametrize(
    ("settings", "url", "sent"),
    [
        ({}, METADATA, True),
        ({}, "https://id.example:443/keys", True),
        ({}, "https://ID.example/keys", True),
        ({}, "https://keys.example/keys", False),
        ({}, "https://id.example:8443/keys", False),
        ({}, "http://id.example/keys", False),
        ({}, "https://id.example.evil.example/keys", False),
        ({}, "https://id.example@evil.example/keys", False),
        ({"jwks_url": "https://k.example/keys"}, "https://k.example/keys", True),
        ({"jwks_url": "https://k.example/keys"}, METADATA, False),
        ({"discovery_url": "https://m.example/about"}, "https://m.example/keys", True),
        ({"keys_authorization": None}, METADATA, False),
    ],
)
def test_only_the_configured_origin_gets_it(
    settings: dict[str, Any], url: str, sent: bool
) -> None:
    """Scheme, host and port are compared; no other host ever gets the credential."""
    expected = {"Authorization": SECRET} if sent else {}
    assert credential_fields(issuer(**settings), url) == expected


class Web:
    """An issuer that wants a credential, and whose keys are at *jwks_uri*."""

    def __init__(self, jwks_uri: str) -> None:
        self.jwks_uri = jwks_uri
        self.signer = JWTIssuer("https://id.example", alg="ES256")
        self.seen: list[tuple[str, str | None]] = []

    def __call__(self, url: str, headers: Mapping[str, str], _: float) -> Incoming:
        given = headers.get("Authorization")
        self.seen.append((url, given))
        if url == METADATA and given == SECRET:
            about = {"issuer": "https://id.example", "jwks_uri": self.jwks_uri}
            return Incoming(200, {}, json.dumps(about).encode())
        if url == self.jwks_uri:
            return Incoming(200, {}, json.dumps(self.signer.jwks()).encode())
        return Incoming(401, {}, b"")


@pytest.mark.parametrize(
    ("jwks_uri", "sent"),
    [("https://id.example/keys", SECRET), ("https://elsewhere.example/keys", None)],
)
def test_metadata_cannot_send_it_elsewhere(jwks_uri: str, sent: str | None) -> None:
    """A ``jwks_uri`` at another host is fetched without the credential."""
    web = Web(jwks_uri)
    guard = Guard(Policy(issuers=[issuer(audience="unchecked")]), transport=web)
    token = web.signer.token(expires_in=1e9, claims={"iat": None})
    assert guard.verify(token).subject == "alice"
    assert web.seen == [(METADATA, SECRET), (jwks_uri, sent)]


def test_it_is_read_from_a_variable_and_shown_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the policy, nor the log of a failed fetch, nor an error shows it."""
    caplog.set_level("DEBUG")
    environ = {
        "JWTGUARD_ISSUER": "https://id.example",
        "JWTGUARD_AUDIENCE": "api",
        "JWTGUARD_KEYS_AUTHORIZATION": "Bearer wr0ng",
    }
    web = Web("https://id.example/keys")
    guard = Guard(load_policy(environ), transport=web)
    with pytest.raises(KeysUnavailableError) as caught:
        guard.verify(web.signer.token())
    assert web.seen[0] == (METADATA, "Bearer wr0ng")
    told = f"{guard.policy!r} {caplog.text} {caught.value!r} {guard.health()!r}"
    assert "fetch_failed" in told
    assert "wr0ng" not in told
