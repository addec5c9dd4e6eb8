"""The trusted issuers of a policy, with the rules and the key cache of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..model.issuers import TrustedIssuer
from ..model.policy import Policy
from ..model.resources import spellings
from .keys import Emit, KeyCache
from .token_rules import TokenRules


class IssuerState(NamedTuple):
    """One issuer: its rules and its keys."""

    rules: TokenRules
    key_cache: KeyCache


def issuer_states(
    policy: Policy,
    monotonic: Callable[[], float],
    emit: Emit,
    held: Mapping[str, IssuerState] | None = None,
) -> dict[str, IssuerState]:
    """Return the state of each trusted issuer, by its URL.

    *held* are those of another policy: keys from the same place are kept.
    """
    return {
        issuer.url: IssuerState(
            rules_of(issuer, policy),
            kept_or_new(
                (held or {}).get(issuer.url),
                key_cache_for(issuer, policy, monotonic, emit),
            ),
        )
        for issuer in policy.issuers
        if issuer.tenants is None
    }


def kept_or_new(held: IssuerState | None, made: KeyCache) -> KeyCache:
    """Return the keys that are held, if they are fetched as *made* fetches them."""
    if held is not None and held.key_cache.fetch.source == made.fetch.source:
        return held.key_cache
    return made


def rules_of(
    issuer: TrustedIssuer, policy: Policy, listed: str = "", tenant: str | None = None
) -> TokenRules:
    """Put together what *issuer* and *policy* say about its tokens.

    *listed*: the URL of *tenant*'s issuer in the policy, with its placeholder.
    """
    audience: Any = policy.audience if issuer.audience is None else issuer.audience
    if isinstance(audience, frozenset):
        audience |= spellings(policy, audience)
    return TokenRules(
        issuer=issuer.url,
        profile=issuer.rules,
        audience=audience,
        algorithms=issuer.algorithms or policy.algorithms,
        leeway=policy.leeway,
        max_lifetime=issuer.max_lifetime,
        # Clients without an issuer belong to the first one, and with several issuers
        # every client names its own.
        clients=frozenset(
            client.id
            for client in policy.clients
            if client.issuer in (None, listed or issuer.url)
        ),
        tenant=tenant,
    )


def key_cache_for(
    issuer: TrustedIssuer, policy: Policy, monotonic: Callable[[], float], emit: Emit,
    kind: Callable[..., KeyCache] = KeyCache, **more: Any,
) -> KeyCache:  # fmt: skip
    """Return the key cache of *issuer*, empty as yet unless its keys were given."""
    return kind(
        issuer,
        monotonic,
        max_age=policy.keys_max_age,
        stale_for=policy.keys_stale_for,
        cooldown=policy.keys_cooldown,
        http_hosts=policy.http_hosts,
        emit=emit,
        **more,
    )
