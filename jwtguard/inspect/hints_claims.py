"""Hints of ``jwtguard explain`` about claims, and the setting of the issuer to change.

Nothing is decided here.
"""

from __future__ import annotations

from ..core.verify.token_rules import Claims, TokenRules
from .hints import hint_of
from .hints_audience import remedy
from .hints_family import family_of


def _profile_hint(rules: TokenRules, claims: Claims) -> str:
    family = family_of(rules, claims)
    if not family or family == rules.profile.name:
        return ""
    return f"the token looks like one of {_NAMES[family]}: JWTGUARD_PROFILE={family}"


_NAMES = {
    "auth0": "Auth0",
    "cognito": "Amazon Cognito",
    "entra": "Microsoft Entra",
    "keycloak": "Keycloak",
    "okta": "Okta",
}


def of_reason(reason: str, rules: TokenRules, claims: Claims) -> str:
    """Return the hint of *reason*, with the profile that the token looks like."""
    hint = hint_of(reason)
    if reason not in ("not_access_token", "wrong_type", "client_ambiguous"):
        return hint
    azp = claims.get("azp")
    if reason == "not_access_token" and isinstance(azp, str) and "://" in azp:
        return (
            "azp is an origin, as in a session token of Clerk: set `mark` of the "
            "issuer to a claim and a value that only these tokens have"
        )
    return _profile_hint(rules, claims) or hint


def of_missing(rules: TokenRules, claims: Claims, claim: str) -> str:
    """Return how to make the issuer put *claim* into its tokens."""
    if claim == "aud" and rules.audience != "unchecked":
        return remedy(rules, claims, min(rules.audience))
    if claim == "sub":
        return _without_subject(rules, claims)
    if claim == "iss":
        return (
            "`require` of the issuer lists iss; it can be left out only where the "
            "keys are given directly"
        )
    if claim == "exp":
        return "a token without exp never ends, and is never accepted"
    advice = (
        _profile_hint(rules, claims) or "this comes from JWTGUARD_PROFILE or `require`"
    )
    return f"profile {rules.profile.name} requires {claim}: {advice}"


def _without_subject(rules: TokenRules, claims: Claims) -> str:
    if "keycloak" in (rules.profile.name, family_of(rules, claims)):
        return (
            "Keycloak 25 and later put sub into the client scope `basic`: Clients, the "
            "client, Client scopes, Add client scope, basic, Default; lightweight "
            "tokens also need `Add to lightweight access token` on its mapper sub"
        )
    return "if the issuer names the user in another claim, set its `subject_claim`"
