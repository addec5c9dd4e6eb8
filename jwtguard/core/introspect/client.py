"""RFC 7662 section 2.1: the request to an introspection endpoint, and who sends it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from ..model.effects import LONGEST_TOKEN_ANSWER, Outgoing
from ..model.introspection import PrivateKey, auth_of, private_key_of
from ..model.issuers import TrustedIssuer
from ..relay.upstream import basic

ASSERTION_LIFETIME = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SIGNED_TYPE = "application/token-introspection+jwt"


class IntrospectionClient:
    """This API as a client of one issuer. *random* returns so many random bytes."""

    def __init__(
        self,
        issuer: TrustedIssuer,
        now: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self.issuer = issuer
        self.id = issuer.introspect_client_id or ""
        self._auth = auth_of(issuer)
        self._secret = issuer.introspect_client_secret or ""
        pem = issuer.introspect_key
        self._key = private_key_of(pem) if pem is not None else None
        self._now = now
        self._random = random

    def outgoing(self, url: str, token: str) -> Outgoing:
        """Return the request about *token*."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": f"{SIGNED_TYPE}, application/json;q=0.9",
        }
        form = {"token": token, "token_type_hint": "access_token"}
        if self._auth == "basic":
            headers["Authorization"] = basic(self.id, self._secret)
        else:
            form["client_id"] = self.id
            form |= self._credentials()
        body = urlencode(form).encode()
        timeout = self.issuer.introspect_timeout
        return Outgoing("POST", url, headers, body, LONGEST_TOKEN_ANSWER, timeout)

    def _credentials(self) -> Mapping[str, str]:
        if self._key is None or self._auth == "post":
            return {"client_secret": self._secret}
        now = int(self._now())
        claims = {
            "iss": self.id, "sub": self.id, "aud": self.issuer.url, "iat": now,
            "exp": now + ASSERTION_LIFETIME, "jti": self._random(16).hex(),
        }  # fmt: skip
        return {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed(claims, self._key),
        }


def signed(claims: Mapping[str, Any], key: PrivateKey) -> str:
    """RFC 7523 section 2.2: *claims* as a JWT that *key* has signed."""
    by_curve = isinstance(key, ec.EllipticCurvePrivateKey)
    header = {"typ": "JWT", "alg": "ES256" if by_curve else "RS256"}
    text = f"{_encoded(_json(header))}.{_encoded(_json(claims))}"
    return f"{text}.{_encoded(_signature(text.encode(), key))}"


def _signature(text: bytes, key: PrivateKey) -> bytes:
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(text, padding.PKCS1v15(), SHA256())
    # RFC 7518 section 3.4: both numbers in 32 bytes, and not DER.
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
