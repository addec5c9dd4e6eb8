"""How tokens are revoked: what is asked for becomes an entry, here and for others."""

from __future__ import annotations

from collections.abc import Callable, Generator
from math import floor, isfinite
from typing import Any

from ..model.effects import Append, Ask, Publish, Save
from ..model.issuers import TrustedIssuer
from ..model.policy import Policy
from ..model.principal import Principal
from .entries import Entry, Marks, decoded, digest_of
from .keys import Emit
from .revocations import Found, Revocations
from .steady_time import SteadyTime

STREAM = "revocations"
"""The stream of the shared state that all processes follow."""
OMITTED: Any = object()
"""A value that was not given. None is a mistake: it would revoke far too much."""
Asking = Generator[Ask, Any, None]


def lifetime_of(issuer: TrustedIssuer, policy: Policy) -> float:
    """Return how long a revocation can hit anything, in seconds.

    A session that is idle outlives its tokens: a refresh must not bring it back.
    """
    longest = issuer.max_lifetime or policy.revocation_for
    if policy.session_client is None:
        return longest
    return max(longest, policy.session_max_age)


ENDLESS = 10 * 365 * 86400.0
"""Seconds for which a token without an end stays revoked."""


class Revoking:
    """Revokes tokens of the issuers of one policy."""

    def __init__(
        self,
        policy: Policy,
        revocations: Revocations,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
    ) -> None:
        self._list = revocations
        self._now = now
        self._steady = SteadyTime(now, monotonic)
        self._emit = emit
        self._leeway = policy.leeway
        self._policy = policy
        self._issuers = {issuer.url: issuer.url for issuer in policy.issuers}
        """One string for all entries of an issuer: there may be many."""
        longest = max(lifetime_of(issuer, policy) for issuer in policy.issuers)
        self._keep = longest + 2 * policy.leeway

    def until(self, issuer: str) -> float:
        """Return when the last token of *issuer* that is good now has ended."""
        listed = self._policy.listed(issuer)
        longest = self._keep if listed is None else lifetime_of(listed, self._policy)
        return self._now() + longest + 2 * self._leeway

    def add(self, entry: Entry) -> Asking:
        """Take *entry* here, at once, and tell the other processes of it."""
        # Here first: this process refuses the token at once, whether or not the store
        # can be reached.
        added = self._list.add(entry, self._steady())
        shared = self._list.shared
        if added is not None and shared:
            told = Append(STREAM, added.encoded(), self._keep)
            left = max(1.0, added.until - self._now())
            asked = Save(added.name, added.encoded(), left)
            shared = yield Publish((told, asked))
        self._emit("revoked", issuer=entry.issuer, kind=entry.kind, shared=shared)

    def receive(self, data: bytes) -> None:
        """Take what another process has revoked.

        What names no trusted issuer hits no token here, and would only be kept.
        """
        entry = decoded(data)
        if entry is None or self._policy.listed(entry.issuer) is None:
            return
        issuer = self._issuers.get(entry.issuer, entry.issuer)
        if entry.kind != "issuer" or not entry.value:
            self._list.add(entry._replace(issuer=issuer), self._steady())

    def look_up(self, marks: Marks) -> Generator[Ask, Any, Found]:
        """Return what is known of a token, also what the shared state alone knows."""
        found = self._list.find(marks)
        if found.unsure:
            return (yield from self._list.make_sure(found, marks.issued_at))
        return found

    def session(self, principal: Principal) -> Asking:
        """Revoke what *principal* came with: its session, or else its token."""
        issuer = principal.issuer
        self._check_issuer(issuer)
        entry = self._entry_of(principal)
        yield from self.add(entry)
        if principal.session and entry.kind != "sid":  # its token may be an earlier one
            yield from self.add(entry._replace(kind="token", value=principal.session))

    def _entry_of(self, principal: Principal) -> Entry:
        """Return the entry that hits the session of *principal*, or else its token."""
        issuer = principal.issuer
        ends, claims = principal.expires_at + self._leeway, principal.claims
        sid, jti, issued_at = (claims.get(name) for name in ("sid", "jti", "iat"))
        now = float(floor(self._now()))
        # Neither JSON nor Redis has an infinite time.
        ends = ends if isfinite(ends) else now + ENDLESS
        until = max(self.until(issuer), ends)
        if isinstance(sid, str) and sid:
            if isinstance(issued_at, int | float) and isfinite(issued_at):
                ahead = min(floor(issued_at), self._now() + self._leeway)
                now = max(now, float(ahead))  # the issuer's clock may be ahead
            return Entry("sid", issuer, sid, now, until)
        if isinstance(jti, str) and jti:
            return Entry("jti", issuer, jti, now, until)
        # A principal made by hand in a test has no token: revoking nothing would look
        # like success.
        if not principal.token:
            raise ValueError("the principal has neither sid nor jti nor a token")
        return Entry("token", issuer, digest_of(principal.token), now, until)

    def tokens(self, issuer: str, named: dict[str, Any], before: Any) -> Asking:
        """Revoke tokens of *issuer*: what is *named*, or all of them."""
        self._check_issuer(issuer)
        given = {kind: v for kind, v in named.items() if v is not OMITTED}
        # Two at once could mean "and" or "or", and the second would revoke far more.
        if len(given) > 1:
            raise ValueError("give one of subject, sid, jti and client_id at most")
        for kind, value in given.items():
            if not isinstance(value, str):
                raise TypeError(f"{kind} must be a string, not {type(value).__name__}")
            if not value:
                raise ValueError(f"{kind} must not be empty")
        kind, value = next(iter(given.items()), ("issuer", ""))
        if kind == "jti" and before is not OMITTED:
            raise ValueError("before does not go with jti: one token has that id")
        bound = self._bound(before)
        kind = "client" if kind == "client_id" else kind
        return self.add(Entry(kind, issuer, value, bound, self.until(issuer)))

    def _bound(self, before: Any) -> float:
        """Return *before* in whole seconds."""
        now = self._now()
        if before is OMITTED:
            return float(floor(now))
        if isinstance(before, bool) or not isinstance(before, int | float):
            name = type(before).__name__
            raise TypeError(f"before must be seconds since the epoch, not {name}")
        # A time in the future would also end tokens that are issued at the next
        # sign-in.
        if not 0 <= before <= now + self._leeway:
            raise ValueError(
                f"before must be seconds since the epoch, not in the future: {before}"
            )
        return float(floor(before))

    def _check_issuer(self, issuer: Any) -> None:
        if not isinstance(issuer, str):
            raise TypeError(f"issuer must be a string, not {type(issuer).__name__}")
        if self._policy.listed(issuer) is None:
            raise ValueError(f"{issuer!r} is not one of the trusted issuers")
