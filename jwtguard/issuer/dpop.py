"""RFC 9449 section 5: tokens that are bound to the key of whoever asks for them."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, cast

from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, g, jsonify, request

from ..core.extract.proofs import proof_of
from ..core.model.encoding import decode_segment, parse_json
from ..core.model.policy_fields import DPOP_ALGORITHMS
from ..core.model.request import Request
from ..core.verify.dpop import nonces
from ..core.verify.dpop.headers import ProofHeaders
from ..core.verify.dpop.target import target_of
from ..errors import InvalidProofError

LIFETIME = 60
"""Seconds before and after its ``iat`` that a proof is good for."""


class RefusedProofError(OAuth2Error):  # type: ignore[misc]
    """A proof is not good for a token request, or is missing there."""

    error = "invalid_dpop_proof"


class NonceNeededError(RefusedProofError):
    """A proof needs the nonce that goes with this answer (section 8)."""

    error = "use_dpop_nonce"


class Nonces:
    """What proofs have to hold, a new one each minute; the last one is good too."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._made = nonces.Nonces([secrets.token_urlsafe(32)])

    def current(self) -> str:
        """Return the nonce of this minute."""
        return self._made.make(self._now())

    def is_good(self, nonce: object) -> bool:
        """Whether *nonce* is the one of this minute, or of the last."""
        window = self._made.window(nonce) if isinstance(nonce, str) else None
        return window is not None and self._now() // nonces.WINDOW - window in (0, 1)


class Proofs:
    """Checks the proofs of token requests to the endpoint at *url*.

    With *needed* a proof has to hold one of these nonces.
    """

    def __init__(
        self,
        url: str,
        needed: Nonces | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.nonces = needed
        self._url = url
        self._now = now
        self._headers = ProofHeaders(DPOP_ALGORITHMS)
        self._used: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def check(self, proof: str | None) -> str | None:
        """Return the thumbprint of the key that signed *proof*; None if there is none.

        Raises ``RefusedProofError``.
        """
        if proof is None:
            return None
        try:
            sent = proof_of(Request("POST", "", {"dpop": [proof]}))
            claims, jkt = self._verified(sent.text)
        except (InvalidProofError, ValueError) as error:
            raise RefusedProofError(
                "The DPoP header must hold one proof: a JWT of type dpop+jwt, with "
                "alg and jwk in its header and the claims jti, htm, htu and iat "
                f"({error})"
            ) from None
        self._check(claims)
        self._claim(jkt, claims["jti"])
        return jkt

    def _verified(self, proof: str) -> tuple[dict[str, Any], str]:
        head, body, signature = proof.split(".")
        header = self._headers.read(head)
        signed = f"{head}.{body}".encode()
        octets = decode_segment(signature.encode())
        if not header.key.verifies(header.alg, signed, octets):
            raise ValueError("its signature is not that of the key in it")
        claims = parse_json(decode_segment(body.encode()))
        if not isinstance(claims, dict):
            raise ValueError("its claims are not an object")
        for name in ("jti", "htm", "htu"):
            if not isinstance(claims.get(name), str):
                raise ValueError(f"{name} must be a string")
        if type(claims.get("iat")) not in (int, float):
            raise ValueError("iat must be a number")
        return claims, header.jkt

    def _check(self, claims: Mapping[str, Any]) -> None:
        named = target_of(claims["htu"], None)
        if claims["htm"] != "POST" or named != target_of(self._url, None):
            text = f"The DPoP proof is not for this request: POST {self._url}"
            raise RefusedProofError(text)
        if self.nonces is not None:
            # A nonce says when the proof was made, whatever the client's clock says.
            if not self.nonces.is_good(claims.get("nonce")):
                raise NonceNeededError("The DPoP proof needs the nonce of this answer")
        elif abs(self._now() - claims["iat"]) > LIFETIME:
            raise RefusedProofError(
                "iat of the DPoP proof is not this server's time: the clocks differ"
            )

    def _claim(self, jkt: str, jti: str) -> None:
        # By key and jti: two clients may choose the same one.
        now = self._now()
        with self._lock:
            self._used = {key: end for key, end in self._used.items() if end > now}
            if (jkt, jti) in self._used:
                raise RefusedProofError("The DPoP proof was used before")
            self._used[jkt, jti] = now + 4 * LIFETIME


def add_proofs(app: Flask, path: str, proofs: Proofs) -> None:
    """Check the proofs of requests to the token endpoint at *path*."""

    @app.before_request
    def check() -> Response | None:
        if request.path != path or request.method != "POST":
            return None
        # Before the form is looked at: a refused proof spends no refresh token.
        try:
            g.dpop_jkt = proofs.check(request.headers.get("DPoP"))
        except RefusedProofError as error:
            return refused(error)
        return None

    @app.after_request
    def with_nonce(answer: Response) -> Response:
        if request.path == path and "DPoP" in request.headers and proofs.nonces:
            answer.headers["DPoP-Nonce"] = proofs.nonces.current()
        return answer


def bound_to() -> str | None:
    """Return the thumbprint of the key that this token request proved, or None."""
    return cast("str | None", g.get("dpop_jkt"))


def refused(error: RefusedProofError) -> Response:
    """Return the answer, and print what it says for whoever develops the client."""
    said = {"error": error.error, "error_description": error.description}
    if not isinstance(error, NonceNeededError):  # the client's library sees to it
        print(f"A proof was refused. {error.description}", file=sys.stderr, flush=True)
    answer = jsonify(said)
    answer.status_code = 400
    answer.headers["Cache-Control"] = "no-store"
    return answer
