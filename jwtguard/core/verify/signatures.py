"""Which key a token means, and which key signed it (RFC 7515 sections 5.2 and 6)."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InvalidTokenError
from ..model.jwk import Key, KeySet
from .jose import Compact
from .token_rules import TokenRules


def matching_keys(compact: Compact, held: KeySet, rules: TokenRules) -> Sequence[Key]:
    """Return the keys that fit the token's header (RFC 7515 section 6)."""
    alg, kid, _ = compact.header
    found = held.select(alg, kid, rules.profile.kidless)
    if not found and kid is not None and kid in held.by_kid:
        raise InvalidTokenError("wrong_algorithm")
    if rules.tenant is not None:
        return [key for key in found if _belongs(key, rules)]
    return found


def _belongs(key: Key, rules: TokenRules) -> bool:
    """Whether a key may sign for this tenant: Entra names the issuer of each key."""
    # One key set serves all tenants, so a tenant's own key could sign for another.
    named = key.issuer
    return named is None or rules.issuer == named.replace(
        "{tenantid}", rules.tenant or ""
    )


def publishing(signed_with: tuple[bytes, str], held: KeySet) -> Sequence[Key]:
    """Return the keys with this material and algorithm, whatever their names."""
    material, alg = signed_with
    found = [key for key in held.keys if key.material == material]
    fitting = [key for key in found if alg in key.algorithms]
    if found and not fitting:
        raise InvalidTokenError("wrong_algorithm")
    return fitting


def verifying_key(compact: Compact, keys: Sequence[Key]) -> Key:
    """Return the key that made the signature (RFC 7515 section 5.2)."""
    alg = compact.header.alg
    for key in keys:
        if key.verifies(alg, compact.signing_input, compact.signature):
            return key
    raise InvalidTokenError("bad_signature")
