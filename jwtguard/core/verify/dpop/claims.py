"""RFC 9449 section 4.2: the claims of a proof, and how they are written."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ....errors import InvalidProofError
from ...model.encoding import decode_segment, parse_json

LONGEST_ID = 256
"""Characters of ``jti``. A UUID has 36."""
_STRINGS = ("jti", "htm", "htu", "ath")


class ProofClaims(NamedTuple):
    """What a proof says. Nothing of it is compared yet."""

    jti: str
    method: str
    url: str
    token_hash: str
    issued_at: float
    nonce: str | None


@lru_cache(maxsize=64)  # the nonce is looked at again when the answer goes out
def parse_claims(segment: str) -> ProofClaims:
    """Return the claims in *segment*; raise ``InvalidProofError``."""
    try:
        claims = parse_json(decode_segment(segment.encode()))
    except ValueError:
        raise InvalidProofError("dpop_malformed", detail="the claims") from None
    if not isinstance(claims, dict):
        raise InvalidProofError("dpop_malformed", detail="the claims")
    for name in _STRINGS:
        if not isinstance(claims.get(name), str):
            raise InvalidProofError("dpop_malformed", detail=name)
    # It is hashed for each request, so its length is what each request may cost.
    if not 1 <= len(claims["jti"]) <= LONGEST_ID:
        raise InvalidProofError("dpop_malformed", detail="jti")
    iat = claims.get("iat")
    # In Python, true is the number 1.
    if not isinstance(iat, int | float) or isinstance(iat, bool):
        raise InvalidProofError("dpop_malformed", detail="iat")
    nonce = claims.get("nonce")
    if "nonce" in claims and not isinstance(nonce, str):
        raise InvalidProofError("dpop_malformed", detail="nonce")
    jti, htm, htu, ath = (claims[name] for name in _STRINGS)
    return ProofClaims(jti, htm, htu, ath, iat, nonce)
