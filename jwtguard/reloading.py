"""Another policy without a restart: in one step, and all of it or nothing."""

from __future__ import annotations

import secrets
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from .config_files import ConfigFiles
from .core.flow import Flow
from .core.model.decision import Decision
from .core.model.policy import Policy, checked_policy
from .core.model.policy_lines import policy_hash, policy_lines
from .core.model.request import Request
from .core.relay.flow import RelayFlow
from .core.respond.wording import Render
from .core.shadow import ShadowedFlow
from .core.verify.watches import end
from .errors import ConfigurationError, Problem
from .outside.daily import reminding, warn_of
from .outside.lazy_http import load_client_for
from .outside.public_suffixes import check_origin_patterns
from .requiring import Requirer

FIXED = (
    "state", "state_prefix", "state_timeout", "revocations", "relay_limit",
    "relay_limit_storage",
)  # fmt: skip
"""Settings of what outlives a reload: connections, and what has been counted."""
SECRET_REFUSED = (
    "introspection_denied", "client_secret_denied", "session_refresh_failed",
)  # fmt: skip
"""Events after which files are checked early: a secret may have been replaced."""


class Reloader(Requirer):
    """How a guard gets its policy, and another one later."""

    clock: Any
    emit: Any
    relays: weakref.WeakSet[Any]

    def _begin(self, *, shared: bool, render: Render | None) -> None:
        self._shared = shared
        self._render = render
        self._files: ConfigFiles | None = None
        self._reported = weakref.WeakSet()
        self._reloading = threading.Lock()

    def _flow_of(self, policy: Policy, before: Flow | None = None) -> Flow:
        clock = self.clock
        # Each flow warns of what its own policy only reports.
        emit = reminding(self.emit, policy.report_only, clock.monotonic)
        return (ShadowedFlow if policy.shadow else Flow)(
            policy, clock.time, clock.monotonic, emit, shared=self._shared,
            random=secrets.token_bytes, render=self._render, before=before,
        )  # fmt: skip

    def _adopt(self, policy: Policy, flow: Flow) -> None:
        """Judge by *policy* from now on."""
        load_client_for(policy)
        self.link.use(policy)
        if self._shared and policy.revocation_outage != "allow":
            flow.fast.is_stale = flow.is_stale = self.link.is_stale
        # Each decision begins at one of the next two, and sees one flow.
        self.policy = policy
        self._flow = flow
        self.decide_at_once = self._look if self._files else flow.decide_at_once
        """Returns the decision on a request, or None if the outside is needed."""
        if self._files is not None:
            self._files.look_every(policy.reload)

    def _receive(self, data: bytes) -> None:
        self._flow.revoking.receive(data)

    def _relay_flow(self, flow: Flow) -> RelayFlow:
        return RelayFlow(flow, self.clock.monotonic, self.emit, secrets.token_bytes)

    def reload(self, policy: Policy) -> None:
        """Judge by *policy* from the next request on; each request sees one policy.

        Keys of issuers that stay the same are kept, and so is what was revoked. Tokens
        and sessions of issuers that are no longer trusted are refused at once, and open
        connections of theirs are closed. Raises ``ConfigurationError``, and then goes
        on with the old policy, for a policy that only a new process can use.
        """
        policy = checked_policy(policy)
        check_origin_patterns(policy)
        with self._reloading:
            before, flow = self.policy, self._flow
            _check_fixed(before, policy)
            flow = self._flow_of(policy, flow)
            # Whatever may fail comes before the first change.
            if policy.session_client is not None:
                self.guesses.limiter()
            relays = [(relay, self._relay_flow(flow)) for relay in list(self.relays)]
            self._adopt(policy, flow)
            for relay, own in relays:
                relay.use(own)
            # Last, so that nobody who was told to go connects by the old policy again.
            for watch in flow.revocations.watches.all():
                if policy.listed(watch.marks.issuer) is None:
                    end(watch)
            old, new = policy_lines(before), policy_lines(policy)
        self.emit(
            "reloaded",
            policy=policy_hash(policy),
            added=sorted(new - old),
            removed=sorted(old - new),
        )
        warn_of(policy.report_only, self.emit)

    def follow_files(self, environ: Mapping[str, str]) -> None:
        """Reload when files that *environ* names have changed: ``JWTGUARD_RELOAD``."""
        if self.policy.reload:
            self._files = ConfigFiles(
                environ, self.reload, self.clock.monotonic, self.emit
            )
            self._adopt(self.policy, self._flow)

    def look_early(self) -> None:
        """Look at the files before that is due: a secret may have been replaced."""
        if self._files is not None:
            self._files.look()

    def _look(self, request: Request) -> Decision | None:
        """Look at the files if that is due, and decide."""
        files = self._files
        if files is not None and self.clock.monotonic() >= files.due:
            files.look()
        return self._flow.decide_at_once(request)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are checked for a reload; empty without one."""
        return () if self._files is None else tuple(self._files.paths)


def _check_fixed(before: Policy, policy: Policy) -> None:
    wrong = [name for name in FIXED if getattr(before, name) != getattr(policy, name)]
    if wrong:
        text = "cannot be changed by a reload; restart the process"
        raise ConfigurationError(*(Problem(text, name) for name in wrong))
