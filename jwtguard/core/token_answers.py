"""Answering requests with a token, and without one on optional paths."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import AuthError, InsecureTransportError
from .authorize.access import Access, Authorizer, Reported
from .authorize.clients import Clients
from .authorize.freshness import check_fresh
from .authorize.origin_rules import OriginRules, Page
from .extract.credentials import Credentials
from .extract.fetch_metadata import SAFE_METHODS
from .extract.paths import Kind, PathAccess
from .extract.plain_http import plain_http
from .extract.proofs import SentProof
from .extract.wire import Wire
from .model.decision import Decision, Decoration, Outbox, Proceed, decoration
from .model.policy import Policy
from .model.principal import Principal
from .model.request import Request
from .respond.reports import Reports
from .respond.responses import Responses
from .verify.token_cache import CachedToken
from .verify.verifier import Verifier

SESSION = "session"
"""The carrier of a token from a session."""
COOKIES = frozenset({"cookie", SESSION})
"""Carriers that browsers send automatically, for any page."""


class TokenAnswers:
    """Answers requests by one policy. *sessions* says whether sessions are on."""

    def __init__(
        self,
        policy: Policy,
        clients: Clients,
        origin_rules: OriginRules,
        authorizer: Authorizer,
        responses: Responses,
        reports: Reports,
        now: Callable[[], float],
        verifier: Verifier,
        *,
        sessions: bool,
    ) -> None:
        self._clients = clients
        self._origin_rules = origin_rules
        self._authorizer = authorizer
        self._responses = responses
        self._reports = reports
        self._now = now
        self._leeway = policy.leeway
        self._report_only = frozenset(policy.report_only)
        self._proxies = tuple(policy.proxies)
        self._cookie = policy.cookie
        self._sessions = sessions
        self.compare: Callable[..., None] | None = None
        """Told what was decided about each verified token, if anybody compares."""
        self._collects = sessions or policy.report_header
        self._renewal = verifier.binding.proofs.renewal

    def outbox(self) -> Outbox | None:
        """Return the collector of session cookies and reports, or None without both."""
        return Outbox() if self._collects else None

    def check_arrival(
        self, request: Request, carrier: str, page: Page, wire: Wire
    ) -> tuple[AuthError, ...]:
        """Refuse a token sent over plain HTTP, or a cookie sent from a foreign page.

        What is returned is only to be reported, if the token is good.
        """
        # Before the signature is checked: a token that travelled in the clear may have
        # been read on the way, whether it is valid or not.
        if not wire.secure:
            raise InsecureTransportError(plain_http(request, self._proxies))
        if carrier not in COOKIES:
            return ()
        try:
            self._origin_rules.check_cookie(request, page)
        except AuthError as error:
            if changes(request) or not self._reports.covers(error):
                raise
            return (error.with_traceback(None),)
        return ()

    def without_good_token(
        self,
        error: AuthError,
        request: Request,
        kind: Kind | None,
        carrier: str,
        page: Page,
    ) -> Proceed:
        """On an optional path, a bad cookie makes the request anonymous."""
        # An outage of the issuer does not: a person who is signed in would see the page
        # for strangers, and sign in again in vain.
        if kind is not Kind.OPTIONAL or carrier not in COOKIES:
            raise error
        self._responses.report(error, request, page.origin)
        return self.anonymous(page, error)

    def anonymous(self, page: Page, error: AuthError | None = None) -> Proceed:
        """Let a request without a token pass; *error* says what was wrong with one."""
        cookies = self._cookie or self._sessions
        vary = ("Origin", "Cookie") if cookies else ("Origin",)
        union = self._clients.union(page.origin)
        return Proceed(
            None,
            decoration(union, vary=vary, private=error is not None),
            refusal=error.reason if error else None,
            outbox=self.outbox(),
        )

    def authorized(
        self,
        request: Request,
        rule: PathAccess,
        page: Page,
        shown: Credentials,
        known: CachedToken,
        reported: tuple[AuthError, ...] = (),
        session: str = "",
    ) -> Decision:
        """Let a verified token pass, or refuse it.

        *session* is the mark of the session that brought it; *reported* is what was to
        be reported before.
        """
        cookie = shown.carrier in COOKIES
        access = self._authorizer.access(
            rule, request.method, page.origin, page.own, known, cookie
        )
        if isinstance(access, Reported):
            access = _enforced(access, request) if cookie else access
        if rule.max_age is not None and not isinstance(access, AuthError):
            access = self.if_fresh(rule, known, access)
        if self.compare is not None:
            self.compare(request, page, known, shown.carrier, access)
        if isinstance(access, AuthError):
            origin = page.origin
            return self._responses.refuse(access, request, known.facts, origin=origin)
        if isinstance(access, Reported):
            reported, access = _joined(reported, access.refusals), access.decoration
        if shown.proof is not None:
            access = self.renewed(access, shown.proof)
        principal = Principal.of(known.facts, shown.token, session)
        outbox = self.outbox()
        decision = Proceed(principal, access, carrier=shown.carrier, outbox=outbox)
        if not reported:
            return decision
        told = self._reports.tell(reported, request, known.facts, outbox)
        return decision._replace(reported=told)

    def if_fresh(
        self, rule: PathAccess, known: CachedToken, access: Decoration | Reported
    ) -> Access:
        """Return *access* if the user signed in recently enough, else the refusal.

        After all that a new login cannot change, and never remembered: the answer
        depends on the clock.
        """
        at, age, acr = known.facts.authenticated_at, rule.max_age, rule.acr or ()
        try:
            check_fresh(at, age or 0, self._now(), self._leeway, acr)
        except AuthError as error:
            if error.report_only not in self._report_only:
                return error
            # In the order of the checks: this is the last of them.
            before = access.refusals if isinstance(access, Reported) else ()
            ours = access.decoration if isinstance(access, Reported) else access
            return Reported(ours, (*before, error))
        return access

    def renewed(self, access: Decoration, proof: SentProof) -> Decoration:
        """Hand out a nonce before the one in *proof* expires (RFC 9449 8.2)."""
        nonce = self._renewal(proof)
        if nonce is None:
            return access
        fields = (("DPoP-Nonce", nonce),)
        return decoration(
            access.cors, access.replace, access.vary, private=True, fields=fields
        )


def changes(request: Request) -> bool:
    """Whether a request may change something, or opens a WebSocket."""
    return request.method not in SAFE_METHODS or request.websocket


def _enforced(access: Reported, request: Request) -> Reported | AuthError:
    """Return the refusal of a foreign page that would act with a visitor's cookie.

    Browsers attach cookies to requests of any page, so this is never only reported.
    """
    if not changes(request):
        return access
    pages = (r for r in access.refusals if r.report_only == "origins")
    return next(pages, access)


def _joined(
    before: tuple[AuthError, ...], later: tuple[AuthError, ...]
) -> tuple[AuthError, ...]:
    """Return what is reported of one request: the cookie's page is refused once."""
    pages = any(refusal.report_only == "origins" for refusal in before)
    return (*before, *(r for r in later if not pages or r.report_only != "origins"))
