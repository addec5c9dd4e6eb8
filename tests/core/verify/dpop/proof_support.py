"""A guard, a client with a key, and requests that bring its token with a proof."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import get_default_algorithms

from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.request import Request
from jwtguard.testing import JWTIssuer
from jwtguard.testing.dpop import DPoPKey
from tests.core.flow_support import API, House, request

URL = f"https://{API}/x"
SECRET = "dGhpcyBpcyBhIHNlY3JldCBmb3IgdGVzdHMgb25seSwgcmFuZG9t"
OTHER_SECRET = "YW5vdGhlciBvbmUgd2l0aCBieXRlcyBvZiBpdHMgb3duLCB4eXo0MjE"


class Prover(House):
    """A guard at ``https://api.example``, and one client that holds a key."""

    def __init__(self, issuer: JWTIssuer, alg: str = "ES256", **settings: Any) -> None:
        super().__init__(issuer, **{"public_url": f"https://{API}", **settings})
        issuer.clock.advance(-issuer.clock.time() % 1)  # `iat` is in whole seconds
        self.key: DPoPKey = issuer.dpop(alg)
        self.bound = self.key.token()
        self.passes(request(token=self.token()))  # has the keys fetched

    def proof(self, *, method: str = "GET", url: str = URL, **given: Any) -> str:
        return self.key.proof(method, url, **{"token": self.bound, **given})

    def asked(self, proof: str | None = None, **fields: Any) -> Request:
        """Return a request with the bound token, and *proof* or a good one."""
        sent = self.proof() if proof is None else proof
        given = {"authorization": f"DPoP {self.bound}", "dpop": sent}
        return request(**{**given, **fields})

    def reason_of(self, proof: str | None = None, **fields: Any) -> str:
        """Return why a request is refused, with 401; empty if it passes."""
        decision = self.decide(self.asked(proof, **fields))
        if isinstance(decision, Proceed):
            return ""
        assert decision.status == 401
        return decision.reason


def segment(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def signed(header: Any, claims: Any, private: Any, alg: str) -> str:
    """Return a JWT of these very parts, each given as bytes or as what they say."""
    text = f"{segment(header)}.{segment(claims)}"
    algorithm = get_default_algorithms()["EdDSA" if alg == "Ed25519" else alg]
    return f"{text}.{segment(algorithm.sign(text.encode(), private))}"


def der_signature(private: ec.EllipticCurvePrivateKey, text: str) -> bytes:
    """Return the signature as X.509 has it, which JWS has not (RFC 7518 3.4)."""
    made = private.sign(text.encode(), ec.ECDSA(SHA256()))
    assert decode_dss_signature(made)
    return made


Mutation = Callable[[Prover], str]
