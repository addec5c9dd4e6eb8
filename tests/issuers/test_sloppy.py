"""Servers that bend the rules: what is survived, and where the line is."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from jwtguard import Guard, load_policy
from jwtguard.core.model.effects import Incoming
from jwtguard.errors import AuthError
from jwtguard.testing import FakeClock

SERVER = "Sloppy servers"

ISSUER = "https://id.example.com/tenant"
AUDIENCE = "https://api.example.com"
KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: Any = KEY, **members: Any) -> dict[str, Any]:
    """Return the key as a JWK with no optional member but *members*."""
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    plain = kind.to_jwk(key.public_key(), as_dict=True)
    plain.pop("key_ops", None)
    return {**plain, **members}


class Web:
    """Documents by URL, counted; ``headers`` go with each of them."""

    def __init__(self, documents: Mapping[str, Any], **headers: str) -> None:
        self.documents = documents
        self.headers = {k.replace("_", "-"): v for k, v in headers.items()}
        self.asked: list[str] = []

    def __call__(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        self.asked.append(url)
        if url not in self.documents:
            return Incoming(404, {}, b"<html>not here</html>")
        return Incoming(200, self.headers, json.dumps(self.documents[url]).encode())


def publishing(*keys: Any, issuer: str = ISSUER, **headers: str) -> Web:
    """Return a server with OpenID discovery and this key set."""
    metadata = {"issuer": issuer, "jwks_uri": "https://keys.example.net/set"}
    base = issuer.rstrip("/")
    documents = {
        f"{base}/.well-known/openid-configuration": metadata,
        "https://keys.example.net/set": {"keys": list(keys)},
    }
    return Web(documents, **headers)


def guarded(web: Web, clock: FakeClock | None = None, **differs: Any) -> Guard:
    """Return a guard by a TOML file with one issuer, of which *differs* are members."""
    settings = {"url": ISSUER, "audience": AUDIENCE, **differs}
    # A string or a list means the same in JSON and in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with TemporaryDirectory() as folder:
        config = Path(folder, "jwtguard.toml")
        config.write_text("\n".join(["[[issuers]]", *lines, ""]), "utf-8")
        policy = load_policy({"JWTGUARD_CONFIG": str(config)})
    return Guard(policy, clock=clock or FakeClock(), transport=web)


def token(
    guard: Guard, key: Any = KEY, *, kid: str | None = None, **claims: Any
) -> str:
    """Sign a token of ``guard``'s issuer; a claim that is None is left out."""
    claims = {
        "iss": next(iter(guard.policy.issuers)).url,
        "sub": "alice",
        "aud": AUDIENCE,
        "scope": "notes:read",
        "exp": int(guard.clock.time()) + 300,
        **claims,
    }
    alg = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, alg, headers={"kid": kid} if kid else None)


def reason(guard: Guard, text: str) -> str:
    with pytest.raises(AuthError) as caught:
        guard.verify(text)
    return caught.value.reason


def test_no_kid_in_the_token() -> None:
    """Tokens without `kid` are accepted if exactly one published key fits."""
    for key in (jwk(), jwk(kid="named")):
        guard = guarded(publishing(key, jwk(RSA, kid="rsa")))
        assert guard.verify(token(guard)).subject == "alice"


def test_no_kid_in_the_set() -> None:
    """A token with `kid` is accepted if the key set has no `kid`."""
    guard = guarded(publishing(jwk()))
    assert guard.verify(token(guard, kid="whatever")).subject == "alice"


def test_several_keys_without_kid() -> None:
    """With `kidless` set to `try`, up to eight keys without `kid` are tried."""
    web = publishing(jwk(OTHER), jwk(RSA), jwk())
    strict = guarded(web)
    assert reason(strict, token(strict)) == "unknown_key"
    trying = guarded(web, kidless="try")
    for key in (KEY, OTHER, RSA):
        assert trying.verify(token(trying, key)).subject == "alice"
    never = guarded(publishing(jwk()), kidless="never")
    assert reason(never, token(never)) == "unknown_key"


def test_keys_without_alg_and_use() -> None:
    """Keys without `alg` and `use` serve each algorithm of their type."""
    guard = guarded(publishing(jwk(kid="a"), jwk(RSA, kid="b")))
    assert guard.verify(token(guard, kid="a")).subject == "alice"
    assert guard.verify(token(guard, RSA, kid="b")).subject == "alice"


def test_discovery_elsewhere() -> None:
    """Metadata is read where RFC 8414 puts it, or from `discovery_url`."""
    metadata = {"issuer": ISSUER, "jwks_uri": "https://keys.example.net/set"}
    keys = {"https://keys.example.net/set": {"keys": [jwk()]}}
    inserted = "https://id.example.com/.well-known/oauth-authorization-server/tenant"
    guard = guarded(Web({inserted: metadata, **keys}))
    assert guard.verify(token(guard)).subject == "alice"

    anywhere = "https://www.example.net/oauth/about.json"
    guard = guarded(Web({anywhere: metadata, **keys}), discovery_url=anywhere)
    assert guard.verify(token(guard)).subject == "alice"

    guard = guarded(Web(keys), jwks_url="https://keys.example.net/set")
    assert guard.verify(token(guard)).subject == "alice"


@pytest.mark.parametrize("issuer", ["https://id.example.com/", f"{ISSUER}/"])
def test_trailing_slash(issuer: str) -> None:
    """An issuer with a trailing slash and one without are two issuers."""
    guard = guarded(publishing(jwk(), issuer=issuer), url=issuer)
    assert guard.verify(token(guard)).issuer == issuer
    bare = token(guard, iss=issuer.rstrip("/"))
    assert reason(guard, bare) == "unknown_issuer"


def test_metadata_of_the_other_slash() -> None:
    """Metadata that names the issuer without its trailing slash is refused."""
    web = publishing(jwk())
    guard = guarded(web, url=f"{ISSUER}/")
    assert reason(guard, token(guard)) == "keys_unavailable"


@pytest.mark.parametrize(
    "aud", [AUDIENCE, [AUDIENCE], ["account", AUDIENCE], [AUDIENCE, AUDIENCE]]
)
def test_audience_forms(aud: Any) -> None:
    """`aud` may be a string or a list that includes the API."""
    guard = guarded(publishing(jwk()))
    assert guard.verify(token(guard, aud=aud)).subject == "alice"


@pytest.mark.parametrize(
    ("aud", "why"),
    [
        (f"account {AUDIENCE}", "wrong_audience"),
        (["account"], "wrong_audience"),
        ([], "wrong_audience"),
        (None, "missing_claim"),
        ([AUDIENCE, 1], "malformed_claim"),
        ({AUDIENCE: True}, "malformed_claim"),
    ],
)
def test_audience_forms_that_are_none(aud: Any, why: str) -> None:
    """An audience is compared exactly, and never split on spaces."""
    guard = guarded(publishing(jwk()))
    assert reason(guard, token(guard, aud=aud)) == why


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "notes:read notes:write"},
        {"scope": ["notes:read", "notes:write"]},
        {"scope": None, "scp": "notes:read  notes:write"},
        {"scope": None, "scp": ["notes:read", "notes:write"]},
        {"scope": None, "scopes": ["notes:read", "notes:write"]},
    ],
)
def test_scope_forms(claims: dict[str, Any]) -> None:
    """Scopes may be a string or a list, in `scope`, `scp` or a configured claim."""
    named: dict[str, Any] = {"scope_claims": ["scopes"]} if "scopes" in claims else {}
    guard = guarded(publishing(jwk()), **named)
    assert guard.verify(token(guard, **claims)).scopes == {"notes:read", "notes:write"}


def test_no_store() -> None:
    """Metadata and keys served with `no-store` are not fetched for each request."""
    web = publishing(jwk(), cache_control="no-store, max-age=0")
    clock = FakeClock()
    guard = guarded(web, clock)
    for _ in range(5):
        guard.verify(token(guard, jti=str(clock.monotonic())))
        clock.advance(59)
    assert len(web.asked) == 2


UNUSABLE: tuple[Any, ...] = (
    jwk(RSA, kid="enc", use="enc", alg="RSA-OAEP"),
    jwk(RSA, kid="wrap", key_ops=["wrapKey"]),
    jwk(kid="mixed", alg="RS256"),
    {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
    {"kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AAAA"},
    {"kty": "OKP", "crv": "X25519", "kid": "x", "x": "AAAA"},
    {"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AAAA", "y": "AAAA"},
    {"kty": "EC", "crv": "P-256", "kid": "off", "x": "A" * 43, "y": "A" * 43},
    {"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"},
    {"kty": "RSA", "kid": "null", "n": None, "e": "AQAB"},
    {**jwk(OTHER), "kid": "private", "d": "AAAA"},
    {"kid": 7, "kty": "EC"},
    {},
    "key",
    None,
)


def test_unusable_keys() -> None:
    """Unusable keys are skipped, and the others still work."""
    guard = guarded(publishing(*UNUSABLE, jwk(kid="good")))
    assert guard.verify(token(guard, kid="good")).subject == "alice"
    assert reason(guard, token(guard, OTHER, kid="private")) == "unknown_key"


def test_nothing_but_unusable_keys() -> None:
    """A key set without a usable key counts as an outage."""
    guard = guarded(publishing(*UNUSABLE))
    assert reason(guard, token(guard)) == "keys_unavailable"


def certificate(key: Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "id.example.com")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def x5c(key: Any) -> list[str]:
    der = certificate(key).public_bytes(Encoding.DER)
    return [base64.b64encode(der).decode()]


def test_certificate_alone() -> None:
    """A member with only `x5c` is skipped, and the other keys still work.

    RFC 7517 section 4.7: a certificate may go with a key; RFC 7518 section 6.3.1: the
    key's own members must be there. Whoever has the certificate alone can give it.
    """
    bare = {"kty": "RSA", "kid": "cert", "use": "sig", "x5c": x5c(RSA)}
    guard = guarded(publishing(bare, jwk(kid="good")))
    assert guard.verify(token(guard, kid="good")).subject == "alice"
    assert reason(guard, token(guard, RSA, kid="cert")) == "unknown_key"

    given = guarded(Web({}), keys=certificate(RSA).public_bytes(Encoding.PEM).decode())
    assert given.verify(token(given, RSA, kid="cert")).subject == "alice"


def test_certificate_of_another_key() -> None:
    """The key is used, and the certificate next to it is ignored."""
    key = jwk(RSA, kid="k", x5c=x5c(KEY), x5t="AAAA", issuer="{tenantid}")
    guard = guarded(publishing(key))
    assert guard.verify(token(guard, RSA, kid="k")).subject == "alice"
    assert reason(guard, token(guard, KEY, kid="k")) == "wrong_algorithm"
