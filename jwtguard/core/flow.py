"""The flow: extract, verify, authorize, respond, in this order.

It is written once, as a generator, and yields only when it needs the outside.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ..errors import (
    AuthError,
    InvalidRequestError,
    InvalidTokenError,
    RevocationsStaleError,
    TokenTooLargeError,
)
from .authorize import clients
from .authorize.access import Authorizer
from .authorize.origin_rules import OriginRules, Page
from .extract import credentials, token_header
from .extract.fetch_metadata import origin_of
from .extract.missing import missing_token
from .extract.paths import OPEN, Kind, PathAccess
from .extract.wire import Wire, Wires
from .fastpath import FastPath
from .introspect.live import verifier
from .logout_flow import LogoutFlow
from .model.decision import Decision, Outbox, Proceed, decoration
from .model.effects import Ask
from .model.policy import Policy
from .model.request import Request
from .path_rules import path_rules
from .respond.reports import Reports
from .respond.responses import Responses, answered_with
from .respond.wording import Render
from .revocation_flow import RevocationFlow
from .session.answers import SessionAnswers
from .session.cookies import Shown
from .session.sessions import Sessions
from .session.signing import Signing
from .token_answers import SESSION, TokenAnswers, changes
from .token_flow import TokenFlow
from .verify.keys import Emit
from .verify.revoking import Revoking
from .verify.token_cache import CachedToken
from .verify.verifier import Verifier

Flowing = Generator[Ask, Any, Decision]


class Flow:
    """Decides requests by one policy.

    ``now`` returns seconds since the epoch, ``monotonic`` seconds since anything;
    ``emit`` is told of every refusal. *shared*: other processes may revoke, too.
    *random* returns so many random bytes; sessions need it. *render* words refusals.
    *before*: the flow of another policy, whose revocations and keys are kept.
    """

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        *,
        shared: bool = False,
        random: Callable[[int], bytes] | None = None,
        render: Render | None = None,
        before: Flow | None = None,
    ) -> None:
        self.policy = policy
        held: Verifier | None = before.verifier if before else None
        self.verifier: Verifier = verifier(
            policy, now, monotonic, emit, random, held, shared=shared
        )
        self.revocations = self.verifier.revocations
        self.revoking = Revoking(policy, self.revocations, now, monotonic, emit)
        self.clients = clients.Clients(policy)
        self.origin_rules = OriginRules(policy, self.clients)
        self.authorizer = Authorizer(policy, self.clients)
        self.paths = path_rules(policy)
        self.wire_of = Wires.under(policy).of
        self.responses = Responses(policy, self.clients, emit, self.paths, render)
        self.token_flow = TokenFlow(policy, self.clients, self.responses)
        self.logout_flow = LogoutFlow(
            policy, self.verifier, self.responses, now, emit, self.revoking.add
        )
        self.revocation_flow = RevocationFlow(
            policy, self.clients, self.verifier, self.revoking, now, emit
        )
        self.sessions: Sessions | None = None
        self.signing: Signing | None = None
        self.session_answers: SessionAnswers | None = None
        if policy.session_client is not None and random is not None:
            self._keep_sessions(now, monotonic, emit, random)
        self.reports = Reports(policy, self.paths, emit)
        self.answers = TokenAnswers(
            policy, self.clients, self.origin_rules, self.authorizer, self.responses,
            self.reports, now, self.verifier, sessions=self.sessions is not None,
        )  # fmt: skip
        self.fast = FastPath(
            policy, self.paths, self.wire_of, self.verifier, self.origin_rules,
            self.authorizer, self.responses, self.reports, self.answers.renewed,
        )  # fmt: skip
        self.decide_at_once = token_header.beside(policy, self.fast.decide)
        """Returns the decision on a request, or None if the outside is needed."""
        self.is_stale: Callable[[], bool] | None = None
        """Whether too little is known of revocations, where the policy refuses then."""
        self._cookie, self._field = policy.cookie, token_header.field_of(policy)
        self._find = token_header.finder(policy)

    def _keep_sessions(
        self,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        random: Callable[[int], bytes],
    ) -> None:
        policy, rules = self.policy, self.origin_rules
        parts = (self.verifier, self.revoking, now, monotonic, emit, random)
        self.sessions = Sessions(policy, *parts)
        self.signing = Signing(self.sessions, self.verify, self.wire_of, rules)
        if policy.session_path is not None:
            self.session_answers = SessionAnswers(
                policy, self.signing, self.responses, self.clients, rules,
                self._without_token,
            )  # fmt: skip

    def decide(self, request: Request) -> Flowing:
        """Return what to do with *request*: ``Respond`` now, or ``Proceed``."""
        origin = origin_of(request)
        try:
            rule = self.paths.access(request)
            if request.method == "OPTIONS" and (
                answer := self.responses.preflight(request, rule)
            ):
                return answer
            kind = rule.kind
            if kind is None:
                raise InvalidRequestError("path_ambiguous")
            if kind is Kind.LOGOUT:
                return (yield from self.logout_flow.decide(request))
            wire = self.wire_of(request)
            if kind is Kind.TOKEN or kind is Kind.REVOCATION:
                revocation = kind is Kind.REVOCATION
                return (
                    yield from self.token_flow.decide(request, wire, origin, revocation)
                )
            page = self.origin_rules.page_of(request, wire, origin)
            self.origin_rules.check_login_csrf(request, page)
            if kind in OPEN:
                return (yield from self._open(request, rule, page, wire))
            shown = self._find(request)
            if shown is None:
                return (yield from self._without_token(request, rule, page, wire))
            told = self.answers.check_arrival(request, shown.carrier, page, wire)
            try:
                known = yield from self.verify(shown, wire, request)
            except (InvalidTokenError, TokenTooLargeError) as error:
                return self.answers.without_good_token(
                    error, request, kind, shown.carrier, page
                )
            return self.answers.authorized(request, rule, page, shown, known, told)
        except AuthError as error:
            return self.responses.refuse(error, request, origin=origin)

    def verify(
        self,
        shown: credentials.Credentials,
        wire: Wire | None = None,
        request: Request | None = None,
    ) -> Generator[Ask, Any, CachedToken]:
        """Return what a token says that may be used in *request*, or on its own."""
        live = request is not None and self._is_live(request)
        known = yield from self.verifier.verify(shown, wire, live=live)
        if self.is_stale is not None:
            outage = self.policy.revocation_outage
            writes = outage == "refuse" or (request is not None and changes(request))
            if writes and self.is_stale():
                raise RevocationsStaleError
        return known

    def verify_at_once(self, shown: credentials.Credentials) -> CachedToken | None:
        """Return what a token says on its own, or None if the flow has to run."""
        if self.is_stale is not None and self.is_stale():
            return None
        return self.verifier.verify_at_once(shown)

    def _is_live(self, request: Request) -> bool:
        """Whether the issuer has to call the token of *request* active."""
        return (
            self.verifier.live is not None
            and self.paths.rule(
                request.method, request.path, request.raw_path, request.root
            ).live
        )

    def token_request(
        self, request: Request, origin: str | None, *, revocation: bool
    ) -> Flowing:
        """Decide a request to a token endpoint, wherever it is mounted."""
        if answer := self.responses.preflight(request, None):
            return answer
        wire = self.wire_of(request)
        return (yield from self.token_flow.decide(request, wire, origin, revocation))

    def _open(
        self, request: Request, rule: PathAccess, page: Page, wire: Wire
    ) -> Flowing:
        """Decide a request to a path where no token is needed."""
        if rule.kind is Kind.METADATA:
            return self.responses.metadata.answer(request)
        if rule.kind is Kind.SESSION and self.session_answers is not None:
            return (yield from self.session_answers.decide(request, rule, page, wire))
        ours = decoration(self.clients.union(page.origin), replace=False)
        return Proceed(None, ours, outbox=self.answers.outbox())

    def _without_token(
        self, request: Request, rule: PathAccess, page: Page, wire: Wire
    ) -> Flowing:
        """Decide a request that brings no token itself: a session may hold one."""
        visitor = self.sessions.find(request, wire) if self.sessions else None
        if visitor is not None:
            return (yield from self._by_session(request, rule, page, wire, visitor))
        if rule.kind is Kind.OPTIONAL:
            return self.answers.anonymous(page)
        needed = self.responses.scope_of(rule)
        raise missing_token(request, self._cookie, self._field, needed)

    def _by_session(
        self,
        request: Request,
        rule: PathAccess,
        page: Page,
        wire: Wire,
        visitor: Shown,
    ) -> Flowing:
        """Decide a request of somebody who is signed in.

        Its new cookie leaves with whatever is answered, or the next request would
        bring a refresh token that is spent.
        """
        outbox = Outbox()
        try:
            told = self.answers.check_arrival(request, SESSION, page, wire)
            try:
                signed_in = yield from self._signed_in(request, wire, visitor, outbox)
                shown, known, mark = signed_in
            except (InvalidTokenError, TokenTooLargeError) as error:
                decision: Decision = self.answers.without_good_token(
                    error, request, rule.kind, SESSION, page
                )
            else:
                decision = self.answers.authorized(
                    request, rule, page, shown, known, told, mark
                )
        except AuthError as error:
            decision = self.responses.refuse(error, request, origin=page.origin)
        return answered_with(decision, outbox)

    def _signed_in(
        self, request: Request, wire: Wire, visitor: Shown, outbox: Outbox
    ) -> Generator[Ask, Any, tuple[credentials.Credentials, CachedToken, str]]:
        """Return the token of a session, what it says, and the session's mark.

        The token is refreshed if that is due.
        """
        sessions: Any = self.sessions
        session = (yield from sessions.visit(visitor, outbox)).held.session
        shown = credentials.Credentials(session.access, SESSION)
        known = yield from self.verify(shown, wire, request)
        yield from sessions.check(session, known.facts)
        return shown, known, session.mark
