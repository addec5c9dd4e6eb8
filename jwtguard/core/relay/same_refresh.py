"""Which refreshes are one, and what their answer is to each of those who sent them."""

from __future__ import annotations

import json
from hashlib import sha256

from ...errors import GrantError
from ..model.decision import Respond, TokenRequest
from ..model.error_code import error_code
from ..model.request import Request
from .client_auth import basic_of
from .proofs import sender_of


def name_of(issuer: str, request: Request, grant: TokenRequest) -> str:
    """Return a digest of what requests for the same refresh have in common.

    Proofs differ each time, and the key that they are signed with does not: tokens
    that are bound to one key are not for the holder of another.
    """
    # Two spellings of one form are one refresh: the order means nothing.
    form = sorted((name, list(values)) for name, values in grant.form.items())
    sender = [basic_of(request) or "", sender_of(request)]
    return sha256(json.dumps([issuer, sender, form]).encode()).hexdigest()


def is_about_proof(request: Request, outcome: Respond | GrantError) -> bool:
    """Whether the issuer refused a proof, which it does before it spends the token.

    Codes differ: RFC 9449 has two, and Keycloak answers ``invalid_request``. What is
    said of the refresh token is ``invalid_grant`` (RFC 6749 section 5.2).
    """
    if "dpop" not in request.headers or isinstance(outcome, GrantError):
        return False
    if outcome.status not in (400, 401):
        return False
    return error_code(outcome.body) != "invalid_grant"


def answer_or_raise(outcome: Respond | GrantError | None) -> Respond:
    """Return the answer of a refresh that ended, or raise ``GrantError``."""
    if outcome is None:
        raise GrantError("issuer_timeout", detail="a shared refresh takes too long")
    if isinstance(outcome, GrantError):  # others may hold the same one
        reason, fields = outcome.reason, outcome.fields
        raise GrantError(reason, detail=outcome.detail, fields=fields)
    return outcome
