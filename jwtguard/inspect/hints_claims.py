"""Hints of ``jwtguard explain`` about claims, and the setting of the issuer to change.

Nothing is decided here.
"""

from __future__ import annotations

from ..core.verify.token_rules import Claims, TokenRules, audiences
from .hints import difference, hint_of

_NOT_OURS = frozenset({"account", "broker", "realm-management"})
"""Audiences that Keycloak adds by itself."""


def family_of(rules: TokenRules, claims: Claims) -> str:
    """Return the name of the profile that the token looks like; empty if unknown."""
    issuer = rules.issuer
    if "cognito-idp." in issuer or ("token_use" in claims and "aud" not in claims):
        return "cognito"
    bearer = claims.get("typ") == "Bearer" and "azp" in claims
    if "/realms/" in issuer or "realm_access" in claims or bearer:
        return "keycloak"
    if ".auth0.com" in issuer or "gty" in claims:
        return "auth0"
    if "login.microsoftonline.com" in issuer or "azpacr" in claims:
        return "entra"
    if "cid" in claims and "uid" in claims:
        return "okta"
    return ""


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
            "azp is an origin, as in a session token of Clerk: such an issuer needs a "
            "profile of its own (jwtguard.profiles), with a claim in `marks` that only "
            "these tokens have"
        )
    return _profile_hint(rules, claims) or hint


def of_audience(rules: TokenRules, claims: Claims) -> str:
    """Return why ``aud`` lacks ours, and how to make the issuer add it."""
    listed = audiences(claims) or []
    ours = sorted(rules.audience)
    for found in listed:
        for wanted in ours:
            small = difference(found, wanted)
            if small:
                return f"almost {wanted}: {small}; audiences are compared exactly"
    client = claims.get("client_id", claims.get("azp"))
    if listed and listed == [client]:
        return _meant_for_the_client(rules, claims)
    return f"the token does not name this API. {_remedy(rules, claims, ours[0])}"


def _meant_for_the_client(rules: TokenRules, claims: Claims) -> str:
    """An ID token is meant for the client; some issuers' access tokens are as well."""
    if not any(claims.get(name) is not None for name in rules.marking):
        return "aud is the client itself, as in an ID token: send access_token"
    return (
        "aud is the client itself, so this access token does not name the API. "
        f"{_remedy(rules, claims, min(rules.audience))}"
    )


def _remedy(rules: TokenRules, claims: Claims, audience: str) -> str:
    family = rules.profile.name
    if family not in _REMEDIES:
        family = family_of(rules, claims)
    if family == "keycloak" and (others := _mapped(claims)):
        remedy = (
            f"An audience mapper of Keycloak adds {' and '.join(others)}: change its "
            f"Included Custom Audience to {audience}, or JWTGUARD_AUDIENCE"
        )
    else:
        remedy = _REMEDIES.get(family, _ANY).format(audience=audience)
    if family == "cognito":
        return remedy
    return f"{remedy}. JWTGUARD_AUDIENCE=unchecked accepts tokens for any API"


def _mapped(claims: Claims) -> list[str]:
    """Return the audiences that somebody configured in Keycloak."""
    listed, client = audiences(claims) or [], claims.get("azp")
    return [name for name in listed if name not in _NOT_OURS and name != client]


_ANY = (
    "Most issuers add an API to aud when the token request names it, by `resource` "
    "(RFC 8707) or `audience`: {audience}"
)
_REMEDIES = {
    "keycloak": (
        "Keycloak needs an audience mapper: Clients, the client, Client scopes, its "
        "-dedicated scope, Configure a new mapper, Audience, "
        "Included Custom Audience {audience}"
    ),
    "auth0": (
        "Auth0: APIs, Create API with identifier {audience}, and send "
        "audience={audience} with the token request"
    ),
    "entra": "Entra: ask for a scope of this API, api://.../NAME, not for Graph's",
    "okta": "Okta: aud is set on the authorization server: Security, API",
    "cognito": (
        "Access tokens of Cognito have no aud: JWTGUARD_PROFILE=cognito, "
        "JWTGUARD_AUDIENCE=unchecked, and JWTGUARD_CLIENTS_ONLY=true with the clients "
        "of this API"
    ),
}


def of_missing(rules: TokenRules, claims: Claims, claim: str) -> str:
    """Return how to make the issuer put *claim* into its tokens."""
    if claim == "aud" and rules.audience != "unchecked":
        return _remedy(rules, claims, min(rules.audience))
    if claim == "sub":
        return _without_subject(rules, claims)
    if claim == "iss":
        return (
            "`require` of the issuer lists iss; it can be left out only where the "
            "keys are given directly"
        )
    if claim == "exp":
        return "a token without exp never ends, and is never accepted"
    remedy = (
        _profile_hint(rules, claims) or "this comes from JWTGUARD_PROFILE or `require`"
    )
    return f"profile {rules.profile.name} requires {claim}: {remedy}"


def _without_subject(rules: TokenRules, claims: Claims) -> str:
    if "keycloak" in (rules.profile.name, family_of(rules, claims)):
        return (
            "Keycloak 25 and later put sub into the client scope `basic`: Clients, the "
            "client, Client scopes, Add client scope, basic, Default; lightweight "
            "tokens also need `Add to lightweight access token` on its mapper sub"
        )
    return "if the issuer names the user in another claim, set its `subject_claim`"
