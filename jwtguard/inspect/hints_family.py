"""Which family of issuers a token looks like, for hints."""

from __future__ import annotations

from ..core.verify.token_rules import Claims, TokenRules


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
