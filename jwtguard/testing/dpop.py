"""RFC 9449 as a client does it: a key, tokens that are bound to it, and proofs."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from jwt.algorithms import get_default_algorithms

from .clock import FakeClock
from .keys import new_key, public_members

_THUMBPRINT_MEMBERS = ("crv", "e", "kty", "n", "x", "y")  # RFC 7638 section 3.2

_Changes = Mapping[str, Any] | None


class DPoPKey:
    """A client's key: ``jwt_issuer.dpop()`` makes one.

    ``token()`` returns access tokens that are bound to the key, ``proof()`` a proof of
    possession for one request, and ``headers()`` both as request headers. ``jwk`` is
    the public key, ``thumbprint`` the ``jkt`` of the tokens.
    """

    def __init__(
        self,
        alg: str,
        *,
        issue: Callable[..., str],
        clock: FakeClock,
        keycloak: bool = False,
    ) -> None:
        self.alg = alg
        self.clock = clock
        self._issue = issue
        self._keycloak = keycloak
        self._private = new_key(alg)
        self._skew = 0.0
        self.jwk = public_members(self._private)
        self.thumbprint = _thumbprint(self.jwk)

    def token(self, *, claims: _Changes = None, **token: Any) -> str:
        """Return an access token that is bound to this key.

        Takes the options of ``JWTIssuer.token``.
        """
        bound: dict[str, Any] = {"cnf": {"jkt": self.thumbprint}}
        if self._keycloak:
            bound = {"typ": "DPoP", "cnf": {**bound["cnf"], "kc-jkt-type": "DPoP"}}
        return self._issue(claims={**bound, **(claims or {})}, **token)

    def proof(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        nonce: str | None = None,
        claims: _Changes = None,
        headers: _Changes = None,
    ) -> str:
        """Return a proof for one request, changed by *claims* and *headers*.

        *token* is the access token that is sent with it, and *nonce* the last
        ``DPoP-Nonce`` of the server. A claim or header that is None is left out. Query
        and fragment of *url* are left out too (RFC 9449 section 4.2).
        """
        made = {
            "jti": secrets.token_urlsafe(12),
            "htm": method,
            "htu": url.partition("#")[0].partition("?")[0],
            "iat": int(self.clock.time() + self._skew),
            "ath": None if token is None else _digest(token.encode()),
            "nonce": nonce,
            **(claims or {}),
        }
        head = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk, **(headers or {})}
        # By hand: a library would refuse to write some of the headers that tests need.
        signed = f"{_segment(head)}.{_segment(made)}"
        algorithm = get_default_algorithms()[
            "EdDSA" if self.alg == "Ed25519" else self.alg
        ]
        signature = algorithm.sign(signed.encode(), self._private)
        return f"{signed}.{_base64(signature)}"

    def headers(
        self,
        method: str,
        url: str,
        token: str | None = None,
        /,
        *,
        nonce: str | None = None,
        **given: Any,
    ) -> dict[str, str]:
        """Return the headers of one request: a bound token and a new proof.

        With *token* it is that one, else a new one with the options *given*, as
        ``token`` takes them. Call it for each request: a proof is good once.
        """
        sent = token or self.token(**given)
        proof = self.proof(method, url, token=sent, nonce=nonce)
        return {"Authorization": f"DPoP {sent}", "DPoP": proof}

    def skew(self, seconds: float) -> None:
        """Let the client's clock run *seconds* ahead of the guard's."""
        self._skew = seconds


def _thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638 section 3: the required members in order, without spaces."""
    required = {name: jwk[name] for name in _THUMBPRINT_MEMBERS if name in jwk}
    return _digest(json.dumps(required, separators=(",", ":")).encode())


def _segment(members: Mapping[str, Any]) -> str:
    given = {name: value for name, value in members.items() if value is not None}
    return _base64(json.dumps(given, separators=(",", ":")).encode())


def _digest(text: bytes) -> str:
    return _base64(sha256(text).digest())


def _base64(text: bytes) -> str:
    return urlsafe_b64encode(text).rstrip(b"=").decode()
