"""RFC 9449 section 4.3: the checks of a proof, cheapest first.

Whose key it is comes before the signature, so that a foreign key costs no
cryptography; that it is new comes last, so that only good proofs take room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ....errors import InvalidProofError, InvalidTokenError
from ...extract.proofs import SentProof
from ...extract.wire import TLS, Wire
from ...model.encoding import decode_segment
from ...model.policy import Policy
from ...model.request import Request
from ...model.validation import quoted
from .claims import ProofClaims, parse_claims
from .freshness import Freshness
from .headers import ProofHeader, ProofHeaders
from .target import Target, Targets, target_of
from .thumbprint import digest, encoded

_SHOWN = 200
"""Characters of a URL in the log."""


class GoodProof(NamedTuple):
    """What is left to do with a proof that every check has passed."""

    jti: str
    seconds: float
    """So long it would be good again."""


class Proofs:
    """Checks the proofs of one policy. *now* returns seconds since the epoch."""

    def __init__(self, policy: Policy, now: Callable[[], float]) -> None:
        self.headers = ProofHeaders(policy.dpop_algorithms)
        self._targets = Targets(policy.public_url)
        self._now = now
        self.freshness = Freshness(policy)

    def check(
        self,
        sent: SentProof,
        token: str,
        jkt: str,
        wire: Wire | None,
        sha256: bytes = b"",
    ) -> GoodProof:
        """Return a proof for *token*, which is bound to the key *jkt*.

        *sha256* is that of *token*; empty if it is not known.
        Raises ``InvalidProofError``, and ``InvalidTokenError`` if the key is another.
        """
        head, body, _ = sent.text.split(".")
        header = self.headers.read(head)
        check_key(header, jkt)
        # Only now: what a stranger writes with a key of his own is not even parsed.
        claims = parse_claims(body)
        check_method(claims, sent.request)
        self.check_url(claims, sent.request, wire)
        check_token(claims, token, sha256)
        now = self._now()
        until = self.freshness.check(claims, now)
        check_signature(header, sent.text)
        # Whoever fills this memory holds a token that was issued for the key.
        self.headers.remember(head, header)
        return GoodProof(claims.jti, until - now)

    def renewal(self, sent: SentProof) -> str | None:
        """Return a nonce to send with the answer to a good proof, or None."""
        if self.freshness.nonces is None:
            return None
        claims = parse_claims(sent.text.split(".")[1])
        return self.freshness.renewal(claims, self._now())

    def check_url(
        self, claims: ProofClaims, request: Request, wire: Wire | None
    ) -> None:
        """Refuse a proof for another URL; the query does not count."""
        scheme = (wire or TLS).scheme
        if self._targets.spell(claims.url, request, scheme):
            return
        ours = self._targets.of(request, scheme)
        if target_of(claims.url, request.raw_path) not in ours:
            shown = f"htu {quoted(claims.url, _SHOWN)}, not {_shown(ours)}"
            raise InvalidProofError("dpop_url", detail=shown)


def check_key(header: ProofHeader, jkt: str) -> None:
    """Refuse a proof by another key than the one that the token is bound to."""
    if header.jkt != jkt:
        raise InvalidTokenError("dpop_binding")


def check_method(claims: ProofClaims, request: Request) -> None:
    """Refuse a proof for another method; upper and lower case differ."""
    if claims.method != request.method:
        shown = f"htm {quoted(claims.method, 20)}, not {quoted(request.method)}"
        raise InvalidProofError("dpop_method", detail=shown)


def check_token(claims: ProofClaims, token: str, sha256: bytes = b"") -> None:
    """Refuse a proof for another access token (RFC 9449 section 4.3, check 10)."""
    # A cached token was found by this very hash.
    if claims.token_hash != (encoded(sha256) if sha256 else digest(token.encode())):
        raise InvalidProofError("dpop_token_hash")


def check_signature(header: ProofHeader, text: str) -> None:
    """Refuse a proof that the key in it has not signed."""
    signing_input, _, signature = text.rpartition(".")
    try:
        signed = decode_segment(signature.encode())
    except ValueError:
        raise InvalidProofError("dpop_malformed", detail="the signature") from None
    if not header.key.verifies(header.alg, signing_input.encode(), signed):
        raise InvalidProofError("dpop_signature")


def _shown(targets: list[Target]) -> str:
    """Name our URLs for the log."""
    urls = (
        f"{one.origin}/{b'/'.join(one.path).decode(errors='replace')}"
        for one in targets
    )
    return " or ".join(quoted(url, _SHOWN) for url in urls) or "a request without Host"
