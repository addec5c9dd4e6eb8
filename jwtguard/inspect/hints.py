"""Hints of ``jwtguard explain``: near misses, and the setting of the issuer to change.

Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from ..core.model.issuers import TrustedIssuer
from ..core.model.origins import serialized
from ..core.model.policy import Client
from ..core.verify.not_tokens import without_dots
from ..reasons import REASONS

OUR_REFRESH_TOKEN = "refresh."  # noqa: S105  # no token, but how one begins
"""How refresh tokens of ``jwtguard issuer`` begin."""


def hint_of(reason: str) -> str:
    """Return the hint that the registry has for *reason*, or an empty string."""
    known = REASONS.get(reason)
    return known.hint if known else ""


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
    if token.count(".") != 2:
        return (
            "an opaque token, like a refresh token; some issuers make the access token "
            "a JWT only if the token request names the API: Auth0 by `audience`, "
            "oidc-provider by `resource`"
        )
    return "the token may have been truncated or quoted on the way"


def difference(found: str, wanted: str) -> str:
    """Name the small thing in which *found* is not *wanted*, if it is small."""
    for words, fold in _FOLDS:
        if fold(found) == fold(wanted):
            return words(found, wanted)
    if _all(found) == _all(wanted):
        return "several small differences"
    return ""


def _slash(found: str, _: str) -> str:
    return (
        "an extra trailing slash" if found.endswith("/") else "a missing trailing slash"
    )


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
    (lambda *_: "a difference in case", str.lower),
    (lambda *_: "another name of loopback", _loopback),
    (lambda *_: "the prefix www.", lambda text: text.replace("://www.", "://")),
)


def of_issuer(found: str, known: Sequence[str]) -> tuple[str, str]:
    """Say how near *found* comes to an issuer that is trusted, and to which one."""
    for name in known:
        small = difference(found, name)
        if small:
            text = f"almost {name}: {small}; issuers are compared exactly"
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


def of_keys(issuer: TrustedIssuer, failure: str) -> str:
    """Say where keys that cannot be fetched may be looked for."""
    failure = failure or "not fetched yet"
    if issuer.keys is not None or issuer.jwks_url is not None:
        return failure
    if issuer.discovery_url is not None:
        return f"{failure}; JWTGUARD_DISCOVERY_URL is fetched exactly as written"
    return (
        f"{failure}; if the metadata is elsewhere, set JWTGUARD_DISCOVERY_URL, or "
        "JWTGUARD_JWKS_URL for the key set"
    )


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


def of_origin(origin: str, client_id: str | None, clients: Iterable[Client]) -> str:
    """Say which listed origin comes near, or which client the origin belongs to."""
    clients = tuple(clients)
    for client in clients:
        if client.serves(origin):
            theirs = f"{origin} belongs to client {client.id}"
            return f"{theirs}, but the token was issued to {client_id or 'no client'}"
    for client in clients:
        for known in sorted(client.origins):
            small = difference(origin, known) or _port(origin, known)
            if small:
                return f"client {client.id} lists {known}: {small}"
    for client in clients:
        if client.origin_patterns:
            patterns = " ".join(client.origin_patterns)
            return f"no client lists it, and it does not fit {patterns} of {client.id}"
    if serialized(origin) != origin:
        return "not a valid origin; browsers send one like https://www.example.com"
    if client_id is None:
        return "no client lists it; see JWTGUARD_CLIENTS"
    return f"list it for the client: JWTGUARD_CLIENTS={client_id}={origin}"


def _port(one: str, other: str) -> str:
    if serialized(one) is None:
        return ""
    found, known = urlsplit(one), urlsplit(other)
    same = (found.scheme, found.hostname) == (known.scheme, known.hostname)
    return "another port" if same else ""
