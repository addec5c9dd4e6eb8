"""RFC 7662 section 2.1: the request about a token, and how we say who we are."""

from __future__ import annotations

import secrets
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from jwtguard import ConfigurationError, TrustedIssuer
from jwtguard.core.introspect.client import IntrospectionClient
from jwtguard.core.model.effects import Outgoing
from jwtguard.core.model.introspection import private_key_of

NOW = 1_800_000_000.0
URL = "https://id.example/introspect"
EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def request(**settings: Any) -> Outgoing:
    issuer = TrustedIssuer(
        url="https://id.example", introspect="opaque", introspect_client_id="a:b c",
        **{f"introspect_{name}": value for name, value in settings.items()},
    )  # fmt: skip
    client = IntrospectionClient(issuer, lambda: NOW, secrets.token_bytes)
    return client.outgoing(URL, "the token+&=")


def form(outgoing: Outgoing) -> dict[str, str]:
    found = parse_qs(outgoing.body.decode(), strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def test_basic_is_form_encoded_first() -> None:
    """RFC 6749 section 2.3.1: a colon in the client id would end it otherwise."""
    outgoing = request(client_secret="s/1 %")
    scheme, _, given = outgoing.headers["Authorization"].partition(" ")
    assert (scheme, b64decode(given)) == ("Basic", b"a%3Ab+c:s%2F1+%25")
    assert (outgoing.method, outgoing.url) == ("POST", URL)
    assert form(outgoing) == {
        "token": "the token+&=",
        "token_type_hint": "access_token",
    }
    assert outgoing.timeout == 2


def test_post_sends_both_in_the_form() -> None:
    """RFC 6749 section 2.3.1: and no Authorization field."""
    outgoing = request(client_secret="s/1 %", auth="post")
    assert "Authorization" not in outgoing.headers
    sent = form(outgoing)
    assert (sent["client_id"], sent["client_secret"]) == ("a:b c", "s/1 %")


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (RSA, "RS256")])
def test_a_key_signs_an_assertion(key: Any, alg: str) -> None:
    """RFC 7523 section 3: for the issuer, for a minute, and never the same twice."""
    first, second = (form(request(key=pem(key))) for _ in range(2))
    assert first["client_assertion_type"].endswith(":jwt-bearer")
    assert first["client_id"] == "a:b c"
    claims = [
        jwt.decode(
            sent["client_assertion"], key.public_key(), [alg],
            audience="https://id.example", options={"verify_exp": False,
            "verify_iat": False},
        )
        for sent in (first, second)
    ]  # fmt: skip
    assert claims[0]["iss"] == claims[0]["sub"] == "a:b c"
    assert (claims[0]["iat"], claims[0]["exp"]) == (NOW, NOW + 60)
    assert len({one["jti"] for one in claims}) == 2


def test_line_breaks_of_a_key_may_be_escaped() -> None:
    """As in many .env files."""
    assert private_key_of(pem(EC).replace("\n", "\\n"))


ON = {"introspect": "opaque", "introspect_client_id": "api"}
CREDENTIAL = {"introspect_client_secret": "s"}
NO_KEY = (
    "introspect_key: must be a private key in PEM, without a password: P-256 or RSA "
    "(not shown)"
)
NO_TENANTS = "not possible with tenants; write an [[issuers]] table for each"
NO_EFFECT = "has no effect, because introspect is never and introspect_paths is empty"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"introspect": "sometimes"},
            "introspect: 'sometimes' is not valid; expected one of never opaque always",
        ),
        (
            {"introspect_auth": "none"},
            (
                "introspect_auth: 'none' is not valid; expected one of basic post "
                "private_key_jwt"
            ),
        ),
        (
            {"introspect_outage": "allow"},
            "introspect_outage: 'allow' is not valid; expected one of refuse local",
        ),
        (
            {"introspect_ttl": 0},
            "introspect_ttl: 0 is not valid; expected a number of at least 1",
        ),
        (
            {"introspect_timeout": 0},
            "introspect_timeout: 0 is not valid; expected a number of at least 0.1",
        ),
        (
            {"introspect_paths": ("x",)},
            "introspect_paths: path 'x': must begin with /",
        ),
        ({"introspect_url": ""}, "introspect_url: '': must be a non-empty string"),
        (
            {"introspect_client_secret": ""},
            "introspect_client_secret: must be a non-empty string",
        ),
        ({"introspect_key": "s3cret"}, NO_KEY),
        ({"introspect_key": 5}, NO_KEY),
        (
            {"introspect_key": pem(ec.generate_private_key(ec.SECP384R1()))},
            NO_KEY,
        ),
        ({"introspect_key": pem(ed25519.Ed25519PrivateKey.generate())}, NO_KEY),
        ({"opaque_prefix": ("",)}, "opaque_prefix: '': must be a non-empty string"),
        (
            {"introspect_client_id": None},
            (
                "introspect_client_id: required: the client id of this API at its "
                "issuer, for introspection"
            ),
        ),
        (
            {"introspect_client_secret": None},
            "introspect_client_secret: required with introspect_auth basic",
        ),
        (
            {"introspect_auth": "private_key_jwt"},
            "introspect_key: required with introspect_auth private_key_jwt",
        ),
        (
            {"url": "https://id.example/{realm}", "tenants": ("a",)},
            f"introspect: {NO_TENANTS}",
        ),
        (
            {
                "introspect": "never",
                "introspect_client_id": None,
                "introspect_url": "https://a.example",
            },
            f"introspect_url: {NO_EFFECT}",
        ),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    """The sentence says what to write, and no secret is shown."""
    url = "https://id.example"
    given = {"url": url, **ON, **CREDENTIAL, **wrong}
    with pytest.raises(ConfigurationError) as caught:
        TrustedIssuer(audience="api", **given)
    assert f"issuer {given['url']}: {message}" in caught.value.problems
    assert "s3cret" not in str(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    """Settings end up in logs."""
    key = pem(EC)
    given: dict[str, Any] = {**ON, "introspect_client_secret": "s3cret"}
    issuer = TrustedIssuer(url="https://id.example", introspect_key=key, **given)
    assert "s3cret" not in repr(issuer)
    assert "PRIVATE" not in repr(issuer)
