"""What may help: near misses named, and where issuers keep the switch.

Only words are made here, for ``jwtguard explain``; nothing is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .core.policy import Client
from .core.tokens import TokenRules

Claims = Mapping[str, Any]

BY_REASON = {
    "encrypted": "five parts: an encrypted token (JWE); ask for a signed one",
    "id_token": "the client sent its ID token; it has to send access_token",
    "refresh_token": "the client sent its refresh token; it has to send access_token",
    "logout_token": "a logout token is for the client's logout URL, not for an API",
    "bound_token": "it is bound to a key (DPoP or mTLS); ask for a plain bearer token",
    "wrong_type": "JWTGUARD_PROFILE says which types count; rfc9068 wants at+jwt",
    "not_access_token": (
        "no scope, client_id or typ marks it as an access token: an ID token, or an "
        "issuer that needs a profile (JWTGUARD_PROFILE)"
    ),
    "wrong_algorithm": "JWTGUARD_ALGORITHMS says which count; symmetric ones never do",
    "bad_signature": "the key is known, the signature is not its: changed on the way?",
    "client_not_listed": "list it in JWTGUARD_CLIENTS",
    "no_rule": "no rule of JWTGUARD_SCOPES names this path and method",
    "origin_missing": "a browser would send Origin: add --origin",
    "path_ambiguous": (
        "//, /../, ;, encoded slashes, bytes that are not UTF-8 and a root path that "
        "is not at the beginning are read in more than one way"
    ),
    "insecure_transport": "tokens need https; see JWTGUARD_TRUSTED_PROXIES",
}


def of_form(token: str) -> str:
    """Say what a text is that is no signed token."""
    if token.count(".") == 4:
        return BY_REASON["encrypted"]
    if token.count(".") != 2:
        return (
            "an opaque token; some issuers make a JWT only if the token request names "
            "the API: Auth0 by `audience`, oidc-provider by `resource`"
        )
    return "the token may have been cut or quoted on its way here"


def difference(found: str, wanted: str) -> str:
    """Name the small thing in which *found* is not *wanted*, if it is small."""
    for words, fold in _FOLDS:
        if fold(found) == fold(wanted):
            return words(found, wanted)
    if _all(found) == _all(wanted):
        return "several small things"
    return ""


def _slash(found: str, _: str) -> str:
    return "a trailing slash too many" if found.endswith("/") else "a slash at the end"


def _scheme(found: str, wanted: str) -> str:
    return f"{found.partition('://')[0]} instead of {wanted.partition('://')[0]}"


def _bare(text: str) -> str:
    return text.partition("://")[2] or text


def _loopback(text: str) -> str:
    return text.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")


def _all(text: str) -> str:
    return _loopback(_bare(text).rstrip("/").lower())


_FOLDS = (
    (_slash, lambda text: text.rstrip("/")),
    (_scheme, _bare),
    (lambda *_: "upper and lower case", str.lower),
    (lambda *_: "the name of loopback", _loopback),
    (lambda *_: "www.", lambda text: text.replace("://www.", "://")),
)


def of_issuer(found: str, known: Iterable[str]) -> str:
    """Say how near *found* comes to an issuer that is trusted."""
    for name in known:
        small = difference(found, name)
        if small:
            return f"almost {name}, but for {small}: issuers are compared exactly"
    for name in known:
        if urlsplit(found).netloc == urlsplit(name).netloc:
            return f"the server of {name}, but another realm or tenant of it"
    return "the token is another issuer's, or JWTGUARD_ISSUER names the wrong one"


def of_audience(rules: TokenRules, claims: Claims) -> str:
    """Say why ``aud`` lacks ours, and how the issuer is told to add it."""
    aud = claims.get("aud")
    listed = [aud] if isinstance(aud, str) else aud if isinstance(aud, list) else []
    ours = sorted(rules.audience)
    for found in listed:
        for wanted in ours:
            small = difference(str(found), wanted)
            if small:
                return f"almost {wanted}, but for {small}: compared exactly"
    if listed and listed == [claims.get("azp", claims.get("client_id"))]:
        return "aud is the client itself, as in an ID token: send access_token"
    return f"the token does not name this API. {_how_to_add(rules, ours[0])}"


def _how_to_add(rules: TokenRules, audience: str) -> str:
    keycloak = (
        "Keycloak needs an audience mapper: Clients, the client, Client scopes, its "
        "-dedicated scope, Configure a new mapper, Audience, "
        f"Included Custom Audience {audience}"
    )
    auth0 = (
        f"Auth0: APIs, Create API with identifier {audience}, and send "
        f"audience={audience} with the token request"
    )
    family = rules.profile.name
    if family == "keycloak" or "/realms/" in rules.issuer:
        return keycloak
    if family == "auth0" or ".auth0.com" in rules.issuer:
        return auth0
    if family == "entra":
        return "Entra: ask for a scope of this API, api://.../NAME, not for Graph's"
    if family == "okta":
        return "Okta: aud is set on the authorization server: Security, API"
    return f"{keycloak}. {auth0}. oidc-provider: send resource={audience}"


def of_missing(rules: TokenRules, claim: str) -> str:
    """Say how the issuer is told to put *claim* into its tokens."""
    if claim == "aud" and rules.audience != "unchecked":
        return _how_to_add(rules, min(rules.audience))
    if claim == "sub":
        return (
            "Keycloak's lightweight tokens need `Add to lightweight access token` on "
            "the mapper sub; others may keep the user elsewhere: `subject_claim` of "
            "the issuer"
        )
    return "JWTGUARD_PROFILE, or `require` of the issuer, says what it needs"


def of_times(reason: str, claims: Claims, now: float, ahead: float | None) -> str:
    """Tell a wrong clock from an old token; *ahead* is how far the issuer's clock is.

    It is None where it could not be measured.
    """
    if ahead is not None and abs(ahead) >= 5:
        return f"{clock_words(ahead)}: set the one that is wrong"
    if reason in ("not_yet_valid", "issued_in_future"):
        later = max(_number(claims, "iat", now), _number(claims, "nbf", now)) - now
        if ahead is not None:
            return "the clocks agree, so the token was made for later on purpose"
        return f"the issuer's clock is {later:.0f} s or more ahead of this one"
    if reason != "expired":
        return ""
    over = now - _number(claims, "exp", now)
    lived = _number(claims, "exp", now) - _number(claims, "iat", now)
    text = f"it was good for {lived:.0f} s, and ended {over:.0f} s ago"
    if ahead is None:
        return f"{text}; if it was made just now, compare the clocks of both machines"
    return f"{text}; the clocks agree, so the client has to refresh or sign in again"


def clock_words(ahead: float) -> str:
    """Say how two clocks differ."""
    if abs(ahead) < 2:
        return "the issuer's clock and this one agree"
    side = "ahead of" if ahead > 0 else "behind"
    return f"the issuer's clock is {abs(ahead):.0f} s {side} this one"


def _number(claims: Claims, name: str, default: float) -> float:
    value = claims.get(name)
    return value if isinstance(value, int | float) else default


def of_origin(origin: str, client_id: str | None, clients: Iterable[Client]) -> str:
    """Say which listed origin comes near, or which client the origin belongs to."""
    clients = tuple(clients)
    for client in clients:
        if origin in client.origins:
            theirs = f"{origin} belongs to client {client.id}"
            return f"{theirs}, and the token was made for {client_id or 'none'}"
    for client in clients:
        for known in sorted(client.origins):
            small = difference(origin, known) or _port(origin, known)
            if small:
                return f"client {client.id} lists {known}: {small}"
    if client_id is None:
        return "no client lists it: JWTGUARD_CLIENTS"
    return f"list it for the client: JWTGUARD_CLIENTS={client_id}={origin}"


def _port(one: str, other: str) -> str:
    found, known = urlsplit(one), urlsplit(other)
    same = (found.scheme, found.hostname) == (known.scheme, known.hostname)
    return "another port" if same else ""
