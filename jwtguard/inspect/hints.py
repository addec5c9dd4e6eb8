"""Hints of ``jwtguard explain``: near misses, and the setting of the issuer to change.

Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from ..core.respond.near_misses import difference
from ..core.verify.not_tokens import without_dots
from ..reasons import REASONS

OUR_REFRESH_TOKEN = "refresh."  # noqa: S105  # no token, but how one begins
"""How refresh tokens of ``jwtguard issuer`` begin."""


def hint_of(reason: str) -> str:
    """Return the hint that the registry has for *reason*, or an empty string."""
    known = REASONS.get(reason)
    return known.hint if known else ""


def of_unbound(dpop: str) -> str:
    """Say what to do with a token that came with a proof, and is bound to nothing."""
    bearer = "without a proof it is a bearer token: send it as `Authorization: Bearer`"
    asked = hint_of("unbound_token")
    return asked if dpop == "require" else f"{asked}; {bearer}"


def of_form(token: str) -> str:
    """Say what *token* looks like if it is not a signed token."""
    if not token:
        return "the token is empty: was the variable set, and the response a success?"
    if token.startswith(OUR_REFRESH_TOKEN):
        return f"from jwtguard issuer: {hint_of('refresh_token')}"
    if (word := without_dots(token)).startswith("the word"):
        return word
    if token.count(".") == 4:
        return hint_of("encrypted")
    parts = token.count(".") + 1
    if token.startswith("eyJ") and parts != 3:
        count = {1: "one part", 2: "two parts"}.get(parts, f"{parts} parts")
        was = "it was cut" if parts < 3 else "something was added to it"
        return f"begins like a JWT, but has {count} in place of three: {was}"
    if parts != 3:
        return (
            "an opaque token, like a refresh token; some issuers make the access token "
            "a JWT only if the token request names the API: Auth0 by `audience`, "
            "oidc-provider by `resource`"
        )
    return "the token may have been truncated or quoted on the way"


def of_issuer(found: str, known: Sequence[str]) -> tuple[str, str]:
    """Say how near *found* comes to an issuer that is trusted, and to which one."""
    for name in known:
        small = difference(found, name)
        if small:
            text = f"almost {name}: {small}; issuers are compared exactly, so if this "
            text += f"is your issuer, write JWTGUARD_ISSUER={found}"
            return text, name
    for name in known:
        if _host(found) == _host(name):
            return f"on the same server as {name}, but another realm or tenant", ""
    text = "the token comes from another issuer, or JWTGUARD_ISSUER is wrong"
    return text, ""


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None


def of_unknown_key(kid: str | None, unusable: frozenset[str]) -> str:
    """Say why no key fits the token, though the key set could be read."""
    if kid is None:
        return (
            "the token has no kid: `kidless` of the issuer decides whether the "
            "published keys are tried"
        )
    if kid in unusable:
        return (
            f"kid {kid} is published, but not supported: keys are RSA (2048 to 8192 "
            "bits), P-256, P-384, P-521 or Ed25519, public, and for signatures"
        )
    return "the issuer may have rotated its keys, or another realm signed the token"


def clock_words(ahead: float) -> str:
    """Say how two clocks differ."""
    if abs(ahead) < 2:
        return "the issuer's clock and this one agree"
    side = "ahead of" if ahead > 0 else "behind"
    return f"the issuer's clock is {abs(ahead):.0f} s {side} this one"
