"""The DPoP proof of a token request, on its way to the issuer (RFC 9449 section 5).

The issuer judges it. The relay never signs one of its own: that would bind the
client's tokens to the relay.
"""

from __future__ import annotations

from ...errors import GrantError, InvalidProofError
from ..extract.proofs import proof_of
from ..model.issuers import ALGORITHMS
from ..model.request import Request
from ..verify.dpop.headers import ProofHeaders
from ..verify.dpop.proof import check_signature


def proof_to_send(request: Request) -> str | None:
    """Return the one proof that goes on to the issuer, or None if none was sent.

    Raises ``GrantError`` for a field that holds anything else: a second proof could be
    the one that the issuer reads.
    """
    # An empty field is not an absent one: it is a proof that was lost on the way.
    if "dpop" not in request.headers:
        return None
    try:
        return proof_of(request).text
    except InvalidProofError:
        raise GrantError("grant_proof_malformed") from None


def sender_of(request: Request) -> str:
    """Return what the proofs of one client have in common; empty without a proof.

    It is the header with the key in it (RFC 9449 section 4.2), which a client repeats.
    Where the signature cannot be verified, it is the whole proof: a public key is no
    secret, and the answer to its holder is for nobody else.
    """
    proof = proof_to_send(request)
    if proof is None:
        return ""
    header = proof.partition(".")[0]
    try:
        check_signature(ProofHeaders(ALGORITHMS).read(header), proof)
    except InvalidProofError:
        return proof
    return header
