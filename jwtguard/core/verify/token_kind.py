"""Is it an access token, and what is it bound to? RFC 8725 section 3.11, RFC 9068.

An ID token, a refresh token and a logout token are signed with the same key.
"""

from __future__ import annotations

from .claim_check import Problem
from .jose import Compact
from .token_rules import TYPE_CLAIMS, TokenRules, audiences

OTHER_TOKENS = {
    "id": "id_token", "id_token": "id_token", "idtoken": "id_token",
    "serialized-id": "id_token",
    "refresh": "refresh_token", "refresh_token": "refresh_token",
    "offline": "refresh_token", "offline_token": "refresh_token",
    "logout": "logout_token", "logout_token": "logout_token",
}  # fmt: skip

OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})
"""Claims that only ID tokens have, where nothing marks an access token."""


_NEVER = frozenset({"token-introspection+jwt", "secevent+jwt"})
"""Header types that no access token has, whatever ``header_types`` says."""
_NOT_ACCESS = _NEVER | {"logout+jwt"}
_TELLING = OF_ID_TOKENS.union(TYPE_CLAIMS, ("events", "token_introspection"))
"""Claims by which another kind of token can be told."""
CERTIFICATE = "x5t#S256"
"""The member of ``cnf`` that names a client certificate (RFC 8705 section 3.1)."""
_BINDINGS = frozenset({"jkt", CERTIFICATE})
_KEYCLOAK_METHOD = "kc-jkt-type"
"""Keycloak says with it which method ``jkt`` is for; it is no method of its own."""


def check_binding(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """RFC 7800 section 3.1: every confirmation method is one that is checked here."""
    cnf = compact.claims.get("cnf")
    if cnf is None:
        return None
    # A method that we do not know would be a promise that nobody keeps.
    methods = dict(cnf) if isinstance(cnf, dict) else {}
    if "jkt" in methods and methods.get(_KEYCLOAK_METHOD) == "DPoP":
        del methods[_KEYCLOAK_METHOD]
    known = methods and methods.keys() <= _BINDINGS
    if known and all(isinstance(value, str) and value for value in methods.values()):
        return None
    return Problem("bound_token", "cnf")


def check_kind(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 8725 section 3.11: no ID token, refresh token or logout token."""
    claims, typ = compact.claims, compact.header.typ
    # One set operation spares most tokens ten look-ups; this runs for each new token.
    if _TELLING.isdisjoint(claims) and typ not in _NOT_ACCESS:
        return _check_not_for_client(rules, compact)
    for name in TYPE_CLAIMS:
        value = claims.get(name)
        if isinstance(value, str) and value.lower() in OTHER_TOKENS:
            return Problem(OTHER_TOKENS[value.lower()])
    # RFC 8417: a security event token is signed with the same key, and may name the
    # same subject and audience.
    if "events" in claims or typ == "logout+jwt":
        return Problem("logout_token")
    # RFC 9701: an answer about somebody's token is signed with the same key, too.
    if typ in _NEVER or "token_introspection" in claims:
        return Problem("wrong_type", "an answer or an event")
    # Some issuers copy `nonce` into access tokens, so these claims decide only where
    # nothing marks the access token.
    suspicious = not OF_ID_TOKENS.isdisjoint(claims)
    # A mark of the operator's own may be in ID tokens too, so it excuses none of them.
    own = rules.profile.mark
    if suspicious and (own is not None or not rules.is_marked(compact)):
        return Problem("id_token")
    return _check_not_for_client(rules, compact)


def _check_not_for_client(rules: TokenRules, compact: Compact) -> Problem | None:
    """OpenID Connect Core section 2: an ID token is meant for the client."""
    clients = rules.suspicious_audiences
    if not clients or rules.is_hinted(compact):
        return None
    for_none = clients.isdisjoint(audiences(compact.claims) or ())
    return None if for_none else Problem("id_token")


def check_header_type(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 9068 section 4: a header type that the profile accepts."""
    typ = compact.header.typ
    if typ in rules.profile.header_types:
        return None
    # The header is the caller's text until the signature is checked: the log gets the
    # beginning only.
    return Problem("wrong_type", f"typ {typ[:32]!r}")


def check_expected(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """Claims that the profile compares with one value."""
    if not rules.profile.expect:
        return None
    for name, value in rules.expected(compact.claims).items():
        if compact.claims.get(name) != value:
            return Problem("not_access_token", name)
    return None


def check_mark(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """Something has to tell an access token from an ID token."""
    if not rules.needs_mark or rules.is_hinted(compact):
        return None
    return Problem("not_access_token")
