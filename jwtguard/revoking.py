"""The calls that end tokens before their time."""

from __future__ import annotations

from .core.flow import Flow
from .core.model.decision import Proceed
from .core.model.policy import Policy
from .core.model.principal import Principal
from .core.verify.entries import Marks, marks_of
from .core.verify.keys import Emit
from .core.verify.revocations import Found
from .core.verify.revoking import OMITTED
from .core.verify.watches import Watch, end
from .outside.drivers import Drivers

ALONE = (
    "a token was revoked on a guard that protects no application, and whose list of "
    "revocations no other guard shares: revoke on the guard of the middleware, or set "
    "JWTGUARD_STATE"
)


class Revoker(Drivers):
    """What a guard can revoke: a session, a token, or many."""

    policy: Policy
    emit: Emit
    _flow: Flow
    protects: bool = False
    """Whether a middleware or a relay uses this guard."""

    def revoke(self, principal: Principal) -> None:
        """End the session of *principal*: its ``sid``, else ``jti``, else its token.

        It holds in this process at once and in the others within a second, or when the
        shared state is back; the call waits at most ``JWTGUARD_STATE_TIMEOUT``. Raises
        ``ValueError`` for a principal of an issuer that is not trusted.
        """
        self._warn_if_alone()
        self.run(self._flow.revoking.session(principal))

    async def arevoke(self, principal: Principal) -> None:
        """Do what ``revoke`` does, without blocking the event loop."""
        self._warn_if_alone()
        await self.arun(self._flow.revoking.session(principal))

    def revoke_tokens(
        self,
        *,
        issuer: str,
        subject: str = OMITTED,
        sid: str = OMITTED,
        jti: str = OMITTED,
        client_id: str = OMITTED,
        before: float = OMITTED,
    ) -> None:
        """End tokens of *issuer*: those of a subject, session or client, one, or all.

        *subject* is that of the principal. Tokens issued at or before *before* end: in
        seconds since the epoch, now by default; it does not go with *jti*. Otherwise
        this does what ``revoke`` does. Raises ``TypeError`` and ``ValueError``.
        """
        named = {"subject": subject, "sid": sid, "jti": jti, "client_id": client_id}
        self._warn_if_alone()
        self.run(self._flow.revoking.tokens(issuer, named, before))

    async def arevoke_tokens(
        self,
        *,
        issuer: str,
        subject: str = OMITTED,
        sid: str = OMITTED,
        jti: str = OMITTED,
        client_id: str = OMITTED,
        before: float = OMITTED,
    ) -> None:
        """Do what ``revoke_tokens`` does, without blocking the event loop."""
        named = {"subject": subject, "sid": sid, "jti": jti, "client_id": client_id}
        self._warn_if_alone()
        await self.arun(self._flow.revoking.tokens(issuer, named, before))

    def _warn_if_alone(self) -> None:
        """Warn of a second guard: nothing asks it whether a token was revoked."""
        shared, cache = self._flow.revocations.shared, self._flow.verifier.token_cache
        if not self.protects and not shared and cache.never_used:
            self.emit("misconfigured", problem=ALONE)

    def answered(self, decision: Proceed, status: int) -> None:
        """Do what follows from the application's answer to a token request.

        A revocation request that was answered 200 ends the token of its form. *status*
        is that of the application's answer, which has not been sent yet.
        """
        self.run(self._flow.revocation_flow.answered(decision.grant, status))

    async def aanswered(self, decision: Proceed, status: int) -> None:
        """Do what ``answered`` does, without blocking the event loop."""
        await self.arun(self._flow.revocation_flow.answered(decision.grant, status))

    def look_up(self, marks: Marks) -> Found:
        """Return what is known of a token that can be revoked by *marks*."""
        return self.run(self._flow.revoking.look_up(marks))

    def read_revocations(self, seconds: float) -> str:
        """Wait for the first read of what others revoked; return what is in the way."""
        return self.link.read(seconds) if self._flow.revocations.shared else ""

    def watch(self, principal: Principal) -> Watch:
        """Return what ends when the token of *principal* is revoked or expires."""
        revocations = self._flow.revocations
        ends = principal.expires_at + self.policy.leeway
        session = principal.session
        watch = Watch(marks_of(principal.facts, principal.token), ends, session)
        revocations.watches.add(watch)
        found = [watch.marks]
        if session:
            found.append(watch.marks._replace(token=session))
        # A reload may have come between the decision and this call.
        gone = self.policy.listed(watch.marks.issuer) is None
        if gone or any(revocations.find(marks).reason for marks in found):
            end(watch)  # since the request was decided
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Forget *watch*."""
        self._flow.revocations.watches.remove(watch)
