"""Known tokens and preflights, decided at once: no generator, and no rule of its own.

It composes the pieces of the flow (look-up, gates, ``authorize``) for requests that
bring one token in the usual form: a bearer token, or one with a proof, where only this
process has to know which proofs were used. All others run the full flow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import AuthError, InvalidProofError
from .authorize.access import Access, Authorizer, Reported
from .authorize.origin_rules import OriginRules
from .extract.credentials import BEARER, DPOP, Credentials, is_token68
from .extract.fetch_metadata import origin_of
from .extract.paths import PathAccess, PathRules
from .extract.proofs import SentProof, proof_of
from .extract.wire import TLS, Wire
from .model.decision import Decision, Decoration, Outbox, Proceed
from .model.policy import Policy
from .model.principal import Principal
from .model.request import Request
from .respond.reports import Reports
from .respond.responses import Responses
from .verify.token_cache import CachedToken
from .verify.verifier import Verifier

# Measured: without the constructors of two named tuples, 0.2 µs of 2.6 are saved.
_new: Any = tuple.__new__
"""What a named tuple's own constructor calls, without the call in between."""


class FastPath:
    """The pieces of one flow, for requests that need nothing from the outside."""

    def __init__(
        self,
        policy: Policy,
        paths: PathRules,
        wire_of: Callable[[Request], Wire],
        verifier: Verifier,
        origin_rules: OriginRules,
        authorizer: Authorizer,
        responses: Responses,
        reports: Reports,
        renewed: Callable[[Decoration, SentProof], Decoration],
    ) -> None:
        self.is_stale: Callable[[], bool] | None = None
        self._longest = policy.max_token_bytes
        # No scheme at all where a certificate has to be looked for.
        self._plain_tls = "https" if policy.certificates is None else None
        self._rule_of = paths.rule
        self._wire_of = wire_of
        self._tokens = verifier.token_cache
        self._verify_new = verifier.verify_new_at_once
        self._recheck = verifier.gates.check_at_once
        self._page_of = origin_rules.page_of
        self._access = authorizer.access
        self._refuse = responses.refuse
        collects = policy.session_client is not None or policy.report_header
        self._collects = True if collects else None
        self._report = reports.tell
        self._renewed = renewed
        self._proofs = policy.dpop != "off" and not verifier.binding.replays.shared
        self._preflight = responses.preflight

    def decide(self, request: Request) -> Decision | None:
        """Return the decision, or None if the full flow has to run."""
        method = request.method
        if method == "OPTIONS" and not request.opened:
            return self._preflight_to(request)
        shown = _simple(request, self._proofs)
        if shown is None or len(token := shown.token) > self._longest:
            return None
        rule = self._rule_of(method, request.path, request.raw_path, request.root)
        if not rule.reads_token:
            return None
        digest, known = self._tokens.get(token)
        wire = TLS if request.scheme == self._plain_tls else self._wire_of(request)
        if not wire.secure or (self.is_stale is not None and self.is_stale()):
            return None
        origin = origin_of(request) if "origin" in request.headers else None
        try:
            known = (
                self._recheck(known, shown, wire)
                if known is not None
                else self._verify_new(shown, wire, digest)
            )
        except AuthError as error:
            # A JWT that is read at all has no other characters. Other texts may be two
            # tokens, or none: the full flow looks closer.
            if not is_token68(token):
                return None
            return self._refuse(error, request, origin=origin)
        if known is None:
            return None
        access = self._access(rule, method, origin, False, known, False)
        if type(access) is not Decoration:
            return self._looked_at(access, request, rule, wire, origin, known, shown)
        access = access if shown.proof is None else self._renewed(access, shown.proof)
        principal = Principal.of(known.facts, token)
        sent = self._collects and Outbox()
        fields = (principal, access, None, None, None, "header", None, sent, ())
        answer: Proceed = _new(Proceed, fields)
        return answer

    def _looked_at(
        self,
        access: Access,
        request: Request,
        rule: PathAccess,
        wire: Wire,
        origin: str | None,
        known: CachedToken,
        shown: Credentials,
    ) -> Decision:
        """Refuse a known token, or let it pass and report what would be refused."""
        # An own page may do more than any other, so it matters only for a refusal.
        if self._page_of(request, wire, origin).own:
            access = self._access(rule, request.method, origin, True, known, False)
        if isinstance(access, AuthError):
            return self._refuse(access, request, known.facts, origin=origin)
        outbox = Outbox() if self._collects else None
        told: tuple[str, ...] = ()
        if isinstance(access, Reported):
            told = self._report(access.refusals, request, known.facts, outbox)
            access = access.decoration
        access = access if shown.proof is None else self._renewed(access, shown.proof)
        principal = Principal.of(known.facts, shown.token)
        return Proceed(
            principal, access, carrier="header", outbox=outbox, reported=told
        )

    def _preflight_to(self, request: Request) -> Decision | None:
        path, raw_path, root = request.path, request.raw_path, request.root
        rule = self._rule_of("OPTIONS", path, raw_path, root)
        return self._preflight(request, rule)


def _simple(request: Request, proofs: bool) -> Credentials | None:
    """Return what is in the one field of a request, if it is in the usual form.

    None: there is no token, or ``credentials.find`` has to look for it. *proofs*: the
    scheme ``DPoP`` is known here.
    """
    values = request.headers.get("authorization")
    if not values or len(values) > 1 or request.websocket or request.opened:
        return None
    scheme, _, token = values[0].partition(" ")
    shown = None
    if scheme == BEARER and token:
        shown = _new(Credentials, (token, "header", BEARER, None))
    elif scheme == DPOP and token and proofs:
        try:
            shown = Credentials(token, "header", DPOP, proof_of(request))
        except InvalidProofError:
            return None
    return shown
