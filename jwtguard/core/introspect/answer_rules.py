"""What an answer about a token has to say: it adds to local checks and replaces none.

The claims of an opaque token are the answer. Those of a JWT are its own; the answer
supplies what is missing, as for Keycloak's lightweight tokens.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ...errors import InvalidTokenError
from ..model.profiles import ANY_JWT
from ..verify.claims import CHECKS
from ..verify.jose import Compact, Header
from ..verify.token_rules import TokenRules

_OPAQUE = Header("none", None, "at+jwt")
"""Stands for the header of a token that has none: its issuer knows that it is one."""
_LACKING = frozenset({"missing_claim", "not_access_token"})
"""Why a part of the claims is refused that is good with the others."""


def opaque_rules(rules: TokenRules, require: Collection[str] = ()) -> TokenRules:
    """Return *rules* for answers about opaque tokens (RFC 7662 section 2.2).

    *require* are members that the settings ask for; what a JWT needs is optional here.
    """
    profile = rules.profile
    return replace(
        rules,
        ends=False,
        profile=replace(
            profile,
            header_types=ANY_JWT,
            require=tuple(dict.fromkeys(("aud", *require))),
            client_claims=tuple(dict.fromkeys((*profile.client_claims, "client_id"))),
            scope_claims=tuple(dict.fromkeys((*profile.scope_claims, "scope"))),
        ),
    )


def opaque_compact(rules: TokenRules, claims: Mapping[str, Any]) -> Compact:
    """Return an answer about an opaque token in the form that the checks read."""
    name = rules.profile.subject_claim
    found = dict(claims)
    # A token of a client that acts for itself has no subject, or none that is told.
    if found.get(name) is None and found.get("client_id") is not None:
        found[name] = found["client_id"]
    return _compact(_OPAQUE, found)


def merged_compact(local: Compact, claims: Mapping[str, Any]) -> Compact:
    """Return the claims of a JWT, with those of the answer that it lacks."""
    # A member that is null says nothing, and hides no binding of the answer.
    own = {name: said for name, said in local.claims.items() if said is not None}
    return _compact(local.header, {**claims, **own})


def _compact(header: Header, claims: dict[str, Any]) -> Compact:
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return Compact(header, claims, payload, b"", b"")


def check_part(rules: TokenRules, part: Compact, now: float) -> None:
    """Refuse claims of which something is wrong, whatever others would add."""
    for check in CHECKS:
        problem = check.problem(rules, part, now)
        if problem is not None and problem.reason not in _LACKING:
            raise InvalidTokenError(problem.reason, detail=problem.detail)


def check_answer(
    rules: TokenRules, claims: Mapping[str, Any], local: Mapping[str, Any]
) -> None:
    """Refuse what no check of claims sees: who answers, and what the token is bound to.

    *local*: the claims of the token itself, if it is a JWT.
    """
    if claims.get("iss") not in (None, rules.issuer):
        raise InvalidTokenError("unknown_issuer", detail="iss of the answer")
    bound, own = claims.get("cnf"), local.get("cnf")
    if None not in (bound, own) and bound != own:
        raise InvalidTokenError("bound_token", detail="cnf of the answer")
    kind = claims.get("token_type")
    if isinstance(kind, str) and kind.lower() == "dpop":
        cnf = bound if own is None else own
        # RFC 9449 section 6.2: an answer that does not say which key is of no use.
        if not isinstance(cnf, Mapping) or "jkt" not in cnf:
            raise InvalidTokenError("bound_token", detail="token_type without cnf")
