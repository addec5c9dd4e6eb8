"""A second policy, judged beside the first: it decides nothing.

Both trust the same issuers and keys, so a token is verified once. Where the verdicts
differ, an event tells both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import AuthError, InvalidTokenError
from .authorize.access import Access, Authorizer, Reported
from .authorize.clients import Clients
from .authorize.origin_rules import Page
from .extract import credentials
from .extract.fetch_metadata import origin_of
from .extract.paths import Kind, PathAccess, PathRules
from .extract.token_header import field_of
from .flow import Flow, Flowing
from .model.decision import Decision, Decoration, Respond
from .model.facts import Facts
from .model.policy import Policy
from .model.request import Request
from .path_rules import path_rules
from .respond.reports import path_shape, subject_mark
from .token_answers import COOKIES
from .verify.keys import Emit
from .verify.token_cache import CachedToken

_PASSES = ""
_MISSING = "no_credentials"
_NO_TOKEN = frozenset({_MISSING, "unsupported_scheme"})


class ShadowedFlow(Flow):
    """A flow that also judges each request by ``policy.shadow``.

    It takes no fast path, which would not know what the second policy needs.
    """

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        **more: Any,
    ) -> None:
        super().__init__(policy, now, monotonic, emit, **more)
        second = policy.shadow or policy
        paths, if_fresh = path_rules(second), self.answers.if_fresh
        self.shadow = Shadow(second, paths, emit, if_fresh)
        self.answers.compare = self.shadow.compare
        self.decide_at_once = _never

    def decide(self, request: Request) -> Flowing:
        """Decide by the first policy, and tell if the second one differs."""
        decision = yield from super().decide(request)
        self.shadow.compare_without_token(request, decision)
        return decision


def _never(request: Request) -> Decision | None:  # noqa: ARG001
    """Leave every request to the full flow."""
    return None


class Shadow:
    """Compares the verdicts of a second policy with those of the first."""

    def __init__(
        self,
        policy: Policy,
        paths: PathRules,
        emit: Emit,
        if_fresh: Callable[[PathAccess, CachedToken, Decoration | Reported], Access],
    ) -> None:
        self._paths = paths
        self._if_fresh = if_fresh
        self._authorizer = Authorizer(policy, Clients(policy))
        self._policy = policy
        self._by_proof = frozenset(
            policy.client_key(client) for client in policy.clients if client.dpop
        )
        self._cookie, self._longest = policy.cookie, policy.max_token_bytes
        self._sessions = policy.session_client is not None
        self._field = field_of(policy)
        self._emit = emit

    def compare(
        self,
        request: Request,
        page: Page,
        known: CachedToken,
        carrier: str,
        first: Access,
    ) -> None:
        """Judge a verified token; *first* is what the first policy has decided."""
        rule = self._paths.access(request)
        # On a public path the second policy reads no token, so it refuses none.
        second: Access | None = None
        reads = rule.kind in (Kind.PROTECTED, Kind.OPTIONAL)
        if reads and self._is_unbound(known.facts):
            second = InvalidTokenError("unbound_token")
        elif reads:
            second = self._authorizer.access(
                rule, request.method, page.origin, page.own, known, carrier in COOKIES
            )
            # How long ago the user signed in is judged on each use, and last.
            if rule.max_age is not None and not isinstance(second, AuthError):
                second = self._if_fresh(rule, known, second)
        self._tell(request, _reason(first), _reason(second), known.facts)

    def _is_unbound(self, facts: Facts) -> bool:
        """Whether the token is not bound, and the second policy's client asks for it.

        All else that binds a token is the same in both policies, so it was checked.
        """
        if not self._by_proof or facts.jkt is not None or facts.x5t is not None:
            return False
        listed = self._policy.listed(facts.issuer)
        issuer = facts.issuer if listed is None else listed.url
        return (issuer, facts.client_id) in self._by_proof

    def compare_without_token(self, request: Request, decision: Decision) -> None:
        """Judge a request for which the first policy has read no token."""
        if isinstance(decision, Respond):
            first = _MISSING if decision.reason in _NO_TOKEN else None
        else:
            read = decision.principal or decision.body is not None or decision.fallback
            first = None if read else _PASSES
        if first is None:
            return
        kind = self._paths.access(request).kind
        if kind in (Kind.OPTIONAL, Kind.PUBLIC):
            self._tell(request, first, _PASSES, None)
        # If it brings a token all the same, that would have to be verified first.
        elif kind is Kind.PROTECTED and not self._brings_token(request):
            self._tell(request, first, _MISSING, None)

    def _brings_token(self, request: Request) -> bool:
        if self._sessions and "cookie" in request.headers:
            return True
        if self._field in request.headers:
            return True
        try:
            found = credentials.find(request, self._cookie, self._longest, dpop=True)
        except AuthError:
            # Broken credentials are some: whether the second policy would refuse them
            # is another question than whether they are missing.
            return True
        return found is not None

    def _tell(
        self, request: Request, first: str, second: str, facts: Facts | None
    ) -> None:
        if first != second:
            self._emit(
                "shadow_differs",
                reason=first,
                shadow_reason=second,
                rule=path_shape(request.path),
                method=request.method,
                origin=origin_of(request),
                client_id=facts.client_id if facts else None,
                issuer=facts.issuer if facts else None,
                subject=subject_mark(facts) if facts else None,
            )


def _reason(access: Access | None) -> str:
    """Return why a policy refuses; empty if it lets the request pass."""
    return access.reason if isinstance(access, AuthError) else _PASSES
