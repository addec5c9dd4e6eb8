"""RFC 9449 section 4.2: the claims of a proof, and how they are written."""

from __future__ import annotations

from typing import Any, NamedTuple

from ....errors import InvalidProofError
from ...model.encoding import decode_segment, parse_json

LONGEST_ID = 256
"""Characters of ``jti``. A UUID has 36."""


class ProofClaims(NamedTuple):
    """What a proof says. Nothing of it is compared yet."""

    jti: str
    method: str
    url: str
    token_hash: str
    issued_at: float
    nonce: str | None


def parse_claims(segment: str) -> ProofClaims:
    """Return the claims in *segment*; raise ``InvalidProofError``."""
    try:
        claims = parse_json(decode_segment(segment.encode()))
    except ValueError:
        raise InvalidProofError("dpop_malformed", detail="the claims") from None
    if not isinstance(claims, dict):
        raise InvalidProofError("dpop_malformed", detail="the claims")
    jti, htm, htu, ath = (_string(claims, n) for n in ("jti", "htm", "htu", "ath"))
    # It is hashed for each request, so its length is what each request may cost.
    if not 1 <= len(jti) <= LONGEST_ID:
        raise InvalidProofError("dpop_malformed", detail="jti")
    iat = claims.get("iat")
    # In Python, true is the number 1.
    if not isinstance(iat, int | float) or isinstance(iat, bool):
        raise InvalidProofError("dpop_malformed", detail="iat")
    nonce = _string(claims, "nonce") if "nonce" in claims else None
    return ProofClaims(jti, htm, htu, ath, iat, nonce)


def _string(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise InvalidProofError("dpop_malformed", detail=name)
    return value
