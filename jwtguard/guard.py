"""A policy, a clock and a way to fetch keys: one object for every thread and loop."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .core.authorize.origin_rules import Page
from .core.extract.credentials import given
from .core.extract.fetch_metadata import origin_of
from .core.extract.paths import PathAccess
from .core.model.decision import Decision
from .core.model.policy import Policy, checked_policy
from .core.model.policy_lines import policy_hash
from .core.model.principal import Principal
from .core.model.request import Request
from .core.model.site_path import is_site_path
from .core.relay.flow import RelayFlow
from .core.respond.wording import Render
from .core.verify.issuer_states import IssuerState
from .core.verify.jose import Compact
from .events import Hook, emitter
from .health import Health, health_of
from .outside.clock import Clock
from .outside.daily import warn_of
from .outside.drivers import no_body
from .outside.forks import in_each_child
from .outside.guesses import GuessCounter
from .outside.lazy_http import sender_of
from .outside.public_suffixes import check_origin_patterns
from .outside.revocation_link import RevocationLink
from .outside.sending import Sender, Transport
from .outside.state_client import StateClient
from .outside.stores import state_at
from .refusing import check_render
from .reloading import SECRET_REFUSED, Reloader
from .settings import load_policy
from .state import State

__all__ = [
    "Clock",
    "Guard",
    "Hook",
    "Transport",
]


class Guard(Reloader):
    """Decides requests and verifies tokens by *policy*.

    The constructor does no I/O and starts no thread. The same object serves threads,
    asyncio, trio and several event loops, and survives ``fork``. *clock*, *transport*
    and *on_event* are for tests, for other HTTP clients, and for metrics. *transport*
    is called with a URL, header fields and seconds, GETs that URL, and returns status,
    header fields (names in lower case) and body, or raises ``OSError``; or it is an
    object with ``handle_request``, as httpx has them, which sends everything. *state*
    None means what ``JWTGUARD_STATE`` says. *render* words refusals: see
    ``jwtguard.rules.Render``. Raises ``ConfigurationError`` if the state is in a store
    whose library is missing.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        clock: Clock = time,
        transport: Transport | Sender | None = None,
        on_event: Hook | None = None,
        state: State | None = None,
        render: Render | None = None,
    ) -> None:
        check_render(render)
        self.render = render
        self.policy = checked_policy(policy)
        check_origin_patterns(policy)
        self.clock = clock
        emit = emitter(on_event, dict.fromkeys(SECRET_REFUSED, self.look_early))
        self.emit = emit
        warn_of(policy.report_only, emit)
        shared = state_at(policy, clock.monotonic) if state is None else state
        super().__init__(
            sender_of(transport),
            StateClient(shared, policy.state_timeout, clock.monotonic, self.emit),
        )
        # A store of the application's own may be shared, whatever it is.
        followed = state is not None or policy.state != "memory://"
        self._begin(shared=followed, render=render)
        flow = self._flow_of(policy)
        self.link = RevocationLink(
            self.state, policy, flow.revocations, self._receive, clock.monotonic,
            self.emit,
        )  # fmt: skip
        self._adopt(policy, flow)
        self.relays: weakref.WeakSet[Any] = weakref.WeakSet()
        """The relays that use this guard."""
        self.guesses = GuessCounter(policy, shared, clock.monotonic, self.emit)
        if policy.session_client is not None:
            self.guesses.limiter()  # what is wrong with it is told at the start
        in_each_child(self)

    @classmethod
    def from_env(cls, *, render: Render | None = None) -> Guard:
        """Read ``JWTGUARD_*``; raise ``ConfigurationError`` with every problem."""
        guard = cls(load_policy(os.environ), render=render)
        guard.follow_files(os.environ)
        return guard

    def verify(self, token: str) -> Principal:
        """Return the principal of *token*, given without the ``Bearer`` prefix.

        Raises ``AuthError``, whose ``reason`` says which check failed. Blocks only
        while signing keys are fetched. Path, scope and origin rules do not apply.
        """
        shown, flow = given(token), self._flow
        known = flow.verify_at_once(shown) or self.run(flow.verify(shown))
        return Principal.of(known.facts, token)

    async def averify(self, token: str) -> Principal:
        """Do what ``verify`` does, without blocking the event loop."""
        shown, flow = given(token), self._flow
        known = flow.verify_at_once(shown)
        if known is None:
            known = await self.arun(flow.verify(shown))
        return Principal.of(known.facts, token)

    def decide(
        self, request: Request, read: Callable[[int], bytes | None] = lambda _: None
    ) -> Decision:
        """Decide *request*; *read* reads its body if a rule must know it.

        It is called with a limit and returns the body, more than that many bytes if
        the body is longer, or None if the client left.
        """
        return self.decide_at_once(request) or self.decide_in_full(request, read)

    async def adecide(
        self,
        request: Request,
        read: Callable[[int], Awaitable[bytes | None]] = no_body,
    ) -> Decision:
        """Do what ``decide`` does, without blocking the event loop."""
        found = self.decide_at_once(request)
        return found or await self.adecide_in_full(request, read)

    def decide_in_full(
        self, request: Request, read: Callable[[int], bytes | None]
    ) -> Decision:
        """Decide a request for which ``decide_at_once`` has returned None."""
        return self.run(self._flow.decide(request), read)

    def adecide_in_full(
        self, request: Request, read: Callable[[int], Awaitable[bytes | None]]
    ) -> Awaitable[Decision]:
        """Decide a request for which ``decide_at_once`` has returned None."""
        return self.arun(self._flow.decide(request), read)

    def relay_flow(self) -> RelayFlow:
        """Return the flow of a relay that uses this guard's policy.

        Raises ``ConfigurationError``.
        """
        return self._relay_flow(self._flow)

    @staticmethod
    def next_path(value: str | None, default: str = "/") -> str:
        """Return *value* if it is a path of this site, else *default*.

        For the login page, which redirects to its parameter ``next``: anything else
        would let a link send people from your page to any other host.
        """
        return value if value is not None and is_site_path(value) else default

    def path_access(self, request: Request) -> PathAccess:
        """Return what the policy's path settings ask of *request*."""
        return self._flow.paths.access(request)

    def page_of(self, request: Request) -> Page:
        """Return the page that *request* comes from, as the browser states it."""
        flow = self._flow
        return flow.origin_rules.page_of(
            request, flow.wire_of(request), origin_of(request)
        )

    def issuer_of(self, compact: Compact) -> IssuerState:
        """Return the issuer that a token claims; raise ``InvalidTokenError``."""
        return self._flow.verifier.issuer_of(compact)

    @property
    def issuers(self) -> Mapping[str, IssuerState]:
        """The rules and keys of each issuer, and of the tenants known now, by URL."""
        return self._flow.verifier.issuers

    def health(self) -> Health:
        """Return the state of each issuer's keys, for a readiness endpoint.

        ``ready``: a token can be verified now. ``keys``: how many are held. ``age``:
        seconds since they were fetched, None if never or if they were given directly.
        ``failures``: failed fetches since then; ``failure`` and ``failed_ago``
        (seconds) describe the last one. ``health().state`` is the state of the
        shared store, and ``health().policy`` the hash of the policy.
        """
        now = self.clock.monotonic()
        return Health(
            {
                url: health_of(trusted.key_cache, now)
                for url, trusted in self.issuers.items()
            },
            self.link.health(),
            policy_hash(self.policy),
        )

    def after_fork(self) -> None:
        """Drop what belongs to the parent process: locks, and fetches under way."""
        for relay in list(self.relays):
            relay.after_fork()
        self.guesses.after_fork()
        if self._flow.sessions is not None:
            self._flow.sessions.after_fork()
        self._flow.verifier.after_fork()
        self.state.after_fork()
        self._flow.revocations.after_fork()
        self.link.after_fork()
        if self._files is not None:
            self._files.after_fork()
