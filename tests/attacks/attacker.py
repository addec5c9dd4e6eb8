"""What an attacker holds: published keys, true tokens, keys of his own. And the guard.

Two issuers are trusted. Each publishes a key under the name ``k``, and not the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.errors import AuthError
from jwtguard.testing import FakeClock

ACCEPTED = "accepted"
ONE, OTHER = "https://one.example", "https://other.example"
AUDIENCE = "https://api.example"
CLOCK = FakeClock(now=1_800_000_000)
NOW = int(CLOCK.time())

EC, EC_OTHER, EC_MINE = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
P384 = ec.generate_private_key(ec.SECP384R1())
RSA, RSA_MINE = (rsa.generate_private_key(65537, 2048) for _ in range(2))
ED, ED_MINE = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
ALGORITHMS: Mapping[str, Algorithm] = {
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "EdDSA": OKPAlgorithm(),
}


def public(private: Any, **members: Any) -> dict[str, Any]:
    """Return the JWK of the public half, as an issuer publishes it."""
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ed25519.Ed25519PrivateKey: OKPAlgorithm}
    made: Any = next(
        (kind for key, kind in kinds.items() if isinstance(private, key)), ECAlgorithm
    )
    jwk: dict[str, Any] = made.to_jwk(private.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, **members}


PUBLISHED = {
    "keys": [
        public(EC, kid="k"),
        public(RSA, kid="rsa"),
        public(ED, kid="ed"),
        public(P384, kid="p384"),
    ]
}
GUARD = Guard(
    Policy(
        audience=[AUDIENCE],
        issuers=[
            TrustedIssuer(url=ONE, keys=PUBLISHED),
            TrustedIssuer(url=OTHER, keys={"keys": [public(EC_OTHER, kid="k")]}),
        ],
    ),
    clock=CLOCK,
)


def b64(content: bytes | str) -> str:
    """RFC 7515 section 2: base64url without padding."""
    return base64url_encode(
        content.encode() if isinstance(content, str) else content
    ).decode()


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a true token, changed; ``...`` leaves one out."""
    members = {
        "iss": ONE,
        "sub": "alice",
        "aud": AUDIENCE,
        "client_id": "spa",
        "scope": "notes:read",
        "iat": NOW,
        "exp": NOW + 300,
        **changes,
    }
    return {name: value for name, value in members.items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    """Return the header of a true token, changed; ``...`` leaves a member out."""
    members = {"alg": "ES256", "kid": "k", "typ": "at+jwt", **changes}
    return {name: value for name, value in members.items() if value is not ...}


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def unsigned(head: Any = None, body: Any = None) -> str:
    """Return what is signed, of JSON values, texts or bytes."""
    first = _bytes(header() if head is None else head)
    return f"{b64(first)}.{b64(_bytes(claims() if body is None else body))}"


def sealed(text: str, key: Any = EC, alg: str = "ES256") -> str:
    """Sign *text*, whatever it is."""
    return f"{text}.{b64(ALGORITHMS[alg].sign(text.encode(), key))}"


def signed(
    head: Any = None, body: Any = None, key: Any = EC, alg: str = "ES256"
) -> str:
    """Return a token of any header and payload; by default the issuer itself signs."""
    return sealed(unsigned(head, body), key, alg)


def says(**changes: Any) -> str:
    """Return a token that the issuer has really signed, with these claims."""
    return signed(body=claims(**changes))


def heads(**changes: Any) -> str:
    """Return a token that the issuer has really signed, with this header."""
    return signed(head=header(**changes))


def reason(guard: Guard, token: str) -> str:
    """Return why *token* is refused, or ``accepted``."""
    try:
        guard.verify(token)
    except AuthError as error:
        return error.reason
    return ACCEPTED
