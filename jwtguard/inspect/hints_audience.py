"""Hints of ``jwtguard explain`` about the audience, and how each issuer adds one."""

from __future__ import annotations

from ..core.respond.near_misses import difference
from ..core.verify.token_rules import Claims, TokenRules, audiences
from .hints_family import family_of

_NOT_OURS = frozenset({"account", "broker", "realm-management"})
"""Audiences that Keycloak adds by itself."""


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
    return f"the token does not name this API. {remedy(rules, claims, ours[0])}"


def _meant_for_the_client(rules: TokenRules, claims: Claims) -> str:
    """An ID token is meant for the client; some issuers' access tokens are as well."""
    if not any(claims.get(name) is not None for name in rules.marking):
        return "aud is the client itself, as in an ID token: send access_token"
    return (
        "aud is the client itself, so this access token does not name the API. "
        f"{remedy(rules, claims, min(rules.audience))}"
    )


def remedy(rules: TokenRules, claims: Claims, audience: str) -> str:
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
