"""Tokens that their issuer is asked about, at first and again when an answer is old.

A token goes to one issuer at most: an opaque one to the issuer of its prefix, or the
only one that introspects; a JWT to the issuer that has signed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from hashlib import sha256
from math import inf
from typing import Any

from ...errors import IntrospectionUnavailableError
from ..extract.credentials import Credentials
from ..extract.wire import Wire
from ..model.effects import Ask
from ..model.introspection import introspects, takes_opaque
from ..model.jwk import Key, KeySet
from ..model.policy import Policy
from ..verify.jose import Compact, is_opaque, parse
from ..verify.key_fetch import Snapshot
from ..verify.keys import Emit
from ..verify.revocations import Revocations
from ..verify.signatures import verifying_key
from ..verify.token_cache import CachedToken, Live, Signed
from ..verify.token_rules import TokenRules
from ..verify.verifier import Unverified, Verifier
from .answer_rules import (
    check_answer,
    check_part,
    merged_compact,
    opaque_compact,
    opaque_rules,
)
from .introspector import Introspector
from .lookups import Outcome

_NO_KEYS = KeySet((), 0, frozenset())


class _NoKeys:
    """Stands for the key cache of tokens that no key has signed."""

    snapshot = Snapshot(_NO_KEYS, refresh_at=inf, stale_until=inf, retry_at=inf)


OPAQUE: Any = Signed(_NoKeys(), _NO_KEYS, (b"", ""))  # type: ignore[arg-type]
"""What no key has signed, and what no key can be withdrawn of."""


class LiveTokens:
    """Asks the issuers of one policy about the tokens that their settings name."""

    def __init__(
        self,
        policy: Policy,
        verifier: Verifier,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        random: Callable[[int], bytes],
    ) -> None:
        self._verifier = verifier
        self._now = now
        self._leeway = policy.leeway
        self._monotonic = monotonic
        self._emit = emit
        trusted = verifier.trusted
        asked = [issuer for issuer in policy.issuers if introspects(issuer)]
        self.introspectors = {
            issuer.url: Introspector(
                policy, issuer, trusted[issuer.url], now, monotonic, emit, random
            )
            for issuer in asked
        }
        opaque = [issuer for issuer in asked if takes_opaque(issuer)]
        self._prefixes = [
            (prefix, self.introspectors[issuer.url])
            for issuer in opaque
            for prefix in issuer.opaque_prefix or ("",)
        ]
        self.always: Collection[str] = frozenset(
            issuer.url for issuer in opaque if issuer.introspect == "always"
        )
        """The issuers whose JWTs are introspected wherever they are used."""
        self._opaque_rules = {
            issuer.url: opaque_rules(
                verifier.trusted[issuer.url].rules, issuer.require or ()
            )
            for issuer in opaque
        }

    def after_fork(self) -> None:
        """Forget what threads of the parent process were doing."""
        for introspector in self.introspectors.values():
            introspector.after_fork()

    def owner_of(self, token: str) -> Introspector | None:
        """Return who is asked about an opaque *token*; None: it is not opaque."""
        for prefix, introspector in self._prefixes:
            if token.startswith(prefix) and is_opaque(token):
                return introspector
        return None

    def opaque_rules(self, introspector: Introspector) -> TokenRules:
        """Return what an answer about an opaque token has to say."""
        return self._opaque_rules[introspector.issuer.url]

    def opaque(
        self, introspector: Introspector, token: str, *, known: bool = False
    ) -> Generator[Ask, Any, CachedToken]:
        """Return what the issuer says of an opaque token; raise ``AuthError``."""
        outcome = yield from introspector.ask(token, _digest(token), known=known)
        rules, claims = self.opaque_rules(introspector), outcome.claims or {}
        check_answer(rules, claims, {})
        fresh = self._verifier.cached(rules, opaque_compact(rules, claims), OPAQUE)
        fresh.live = Live(outcome.until)
        return fresh

    def signed(
        self, new: Unverified, keys: Sequence[Key], token: str
    ) -> Generator[Ask, Any, CachedToken]:
        """Return what a new JWT says that its issuer calls active."""
        signed = self._verifier.signed_by(new, verifying_key(new.compact, keys))
        check_part(new.rules, new.compact, self._now())
        introspector = self.introspectors[new.rules.issuer]
        try:
            outcome = yield from introspector.ask(token, _digest(token), known=False)
        except IntrospectionUnavailableError as error:
            # Before the claims are checked: an answer might have had what they lack.
            skipped = self._skip(introspector, error)
            fresh = self._verifier.cached(new.rules, new.compact, signed)
            fresh.live = skipped
            return fresh
        return self._merged(new.rules, new.compact, signed, outcome)

    def check_live(
        self, known: CachedToken, shown: Credentials, _wire: Wire | None
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a token that is not active any more: a gate, and the first."""
        live = known.live
        if live is None or not live.everywhere or self._monotonic() < live.until:
            return None
        return self.renew(known, shown.token)

    def demand(self, known: CachedToken, token: str) -> Generator[Ask, Any, None]:
        """Refuse a JWT that is not active, on a path where that is asked of all."""
        if known.facts.issuer not in self.introspectors:
            return
        if known.live is None:
            known.live = Live(-inf, everywhere=False)
        if self._monotonic() >= known.live.until:
            yield from self.renew(known, token)

    def renew(self, known: CachedToken, token: str) -> Generator[Ask, Any, None]:
        """Ask again about a token, and take over what the answer says."""
        introspector = self.introspectors[known.facts.issuer]
        live = known.live or Live(-inf)
        if known.facts.expires_at <= self._now() - self._leeway:
            return  # it is refused for that, and nobody needs to be asked
        if known.signed.cache is OPAQUE.cache:
            known.take((yield from self.opaque(introspector, token, known=True)))
            return
        local = parse(token)
        try:
            outcome = yield from introspector.ask(token, _digest(token), known=True)
        except IntrospectionUnavailableError as error:
            skipped = self._skip(introspector, error)
            known.live = skipped._replace(everywhere=live.everywhere)
            return
        rules = introspector.state.rules
        fresh = self._merged(rules, local, known.signed, outcome)
        fresh.live = Live(outcome.until, everywhere=live.everywhere)
        known.take(fresh)

    def _merged(
        self, rules: TokenRules, local: Compact, signed: Signed, outcome: Outcome
    ) -> CachedToken:
        claims = outcome.claims or {}
        check_answer(rules, claims, local.claims)
        # Beside the claims of the token, which win below: an answer for another API, or
        # one that has ended, refuses a token that says otherwise.
        part = opaque_compact(rules, claims)
        check_part(opaque_rules(rules), part, self._now())
        fresh = self._verifier.cached(rules, merged_compact(local, claims), signed)
        if any(name in claims for name in rules.profile.scope_claims):
            narrowed = fresh.facts.scopes & rules.scopes(claims)
            fresh.facts = fresh.facts.replace(scopes=narrowed)
        fresh.live = Live(outcome.until)
        return fresh

    def _skip(
        self, introspector: Introspector, error: IntrospectionUnavailableError
    ) -> Live:
        """Go on without an answer where the policy allows that; else raise again."""
        if introspector.issuer.introspect_outage != "local":
            raise error
        self._emit("introspection_skipped", issuer=introspector.issuer.url)
        return Live(self._monotonic() + error.retry_after)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def verifier(
    policy: Policy,
    now: Callable[[], float],
    monotonic: Callable[[], float],
    emit: Emit,
    random: Callable[[int], bytes] | None,
    before: Verifier | None = None,
    *,
    shared: bool = False,
) -> Verifier:
    """Return the verifier of *policy*, which asks issuers where the policy says so.

    *before*: one whose revocations are kept, and its keys, as far as they come from the
    same place.
    """
    # What was revoked under another policy has not become good by this one.
    revocations = (
        Revocations(policy.revocations, shared=shared)
        if before is None
        else before.revocations
    )
    made = Verifier(policy, now, monotonic, emit, revocations, before, shared=shared)
    if random is not None and any(map(introspects, policy.issuers)):
        live = LiveTokens(policy, made, now, monotonic, emit, random)
        made.live = live
        # Before the others: they look at what the newest answer says.
        made.gates.insert(0, live.check_live)
    return made
