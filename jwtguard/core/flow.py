"""The hallway: extract, verify, authorize, respond. No step looks back.

The flow is written once, as a generator: it runs straight through and yields only when
it needs the outside. RFC 6750 says what a refusal looks like.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from functools import lru_cache
from math import ceil
from typing import Any

from ..errors import (
    AccessDeniedError,
    AuthError,
    GrantError,
    InvalidOriginError,
    InvalidRequestError,
    InvalidTokenError,
    KeysUnavailableError,
    TokenTooLargeError,
)
from . import bearer, cors, grants, origins
from .callers import Callers
from .keys import Emit
from .memory import Seen
from .messages import (
    Ask,
    Decision,
    Decoration,
    Facts,
    Fields,
    Principal,
    Proceed,
    ReadBody,
    Request,
    Respond,
    decoration,
)
from .missing import missing_token
from .paths import Kind, PathRules, Rule
from .policy import Policy
from .scopes import require_all
from .verify import Verifier

Flowing = Generator[Ask, Any, Decision]
_SHORT = 4096
"""Bytes. What takes more than this, claims and all, is not remembered as a way."""


def _unknown(*_: object) -> None:
    """Without a memory for tokens, their ways are not remembered either."""


@lru_cache(maxsize=256)
def _body(code: str, description: str) -> bytes:
    """Return the JSON that a refusal answers with (RFC 6749 section 5.2)."""
    return json.dumps({"error": code, "error_description": description}).encode()


class Flow:
    """Decides requests by one policy.

    ``now`` returns seconds since the epoch, ``monotonic`` seconds since anything;
    ``emit`` is told of every refusal.
    """

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
    ) -> None:
        self.policy = policy
        self.clients = cors.Clients(policy)
        self.verifier = Verifier(policy, now, monotonic, emit)
        self._callers = Callers(policy, self.clients)
        self.paths = PathRules(
            token=policy.token_paths,
            revocation=policy.revocation_paths,
            optional=policy.optional_paths,
            public=policy.public_paths,
            scopes=policy.scopes,
        )
        ways = lru_cache(min(policy.token_cache, 1024))(self._find_way)
        self._known_way = ways if policy.token_cache else _unknown
        self._emit = emit

    def decide(self, request: Request) -> Flowing:
        """Return what to do with *request*: ``Respond`` now, or ``Proceed``."""
        step = self.begin(request)
        return step if isinstance(step, tuple) else (yield from step)

    def begin(self, request: Request) -> Decision | Flowing:
        """Return the decision, or the rest of the flow where it needs the outside."""
        rule = self.paths.rule(
            request.method, request.path, request.raw_path, request.root
        )
        token = None
        if rule.reads_token:
            token = bearer.usual(request, self.policy.max_token_bytes)
        if token is None:
            return self._anew(request, rule, None)
        seen = self.verifier.memory.get(token)
        return self._again(request, rule, seen) or self._anew(request, rule, seen)

    def _again(self, request: Request, rule: Rule, seen: Seen) -> Proceed | None:
        """Let a remembered token pass where such tokens pass; None: decide anew.

        What may have changed is looked at each time: transport, times, keys.
        """
        token, _, known = seen
        if known is None or self.verifier.untimely(known):
            return None
        way = self._way(request, rule, known.facts)
        fresh = known.cache.is_fresh(known.keys)
        if way is None or not fresh or not self._callers.is_transport_safe(request):
            return None
        principal = Principal.of(known.facts, token)
        return Proceed(principal, way, None, None, None, "header")

    def _way(self, request: Request, rule: Rule, facts: Facts) -> Decoration | None:
        """Return the decoration of every such request that may pass, remembered.

        None: look at everything. The token came in a header field.
        """
        method, origin = request.method, origins.origin_of(request)
        said = len(facts.payload) + 64 * len(facts.scopes)
        if len(method) + len(origin or "") + said > _SHORT:
            return None
        return self._known_way(
            rule, method, origin, facts.issuer, facts.client_id, facts.scopes
        )

    def _find_way(
        self,
        rule: Rule,
        method: str,
        origin: str | None,
        issuer: str,
        client_id: str | None,
        scopes: frozenset[str],
    ) -> Decoration | None:
        """Judge a request and a principal that are nothing but what is given here.

        Whatever else a request brings can only open more (its own origin, origins
        named by the token). None: it depends on that, or is refused.
        """
        if method == "OPTIONS":
            return None  # it may be a preflight
        request = Request(method, "/", {} if origin is None else {"origin": (origin,)})
        principal = Principal(
            subject="", issuer=issuer, client_id=client_id, scopes=scopes
        )
        try:
            way = self._judged(request, rule, principal, "header")
        except AuthError:
            return None
        claimed = self.policy.origins_claim and origin is not None and not way.cors
        return None if claimed else way

    def _anew(
        self, request: Request, rule: Rule, seen: Seen | None
    ) -> Decision | Flowing:
        """Ask every rule, the cheap ones first."""
        kind = rule.kind
        try:
            if request.method == "OPTIONS" and cors.is_preflight(request):
                return self._preflight(request, kind)
            if kind is None:
                raise InvalidRequestError("path_ambiguous")
            if kind is Kind.TOKEN or kind is Kind.REVOCATION:
                return self.token_request(request, revocation=kind is Kind.REVOCATION)
            if self.policy.cookie is not None:
                self._callers.check_login_csrf(request)
            if kind is Kind.PUBLIC:
                union = self.clients.union(origins.origin_of(request))
                return Proceed(None, decoration(union, replace=False))
            return self._guarded(request, rule, seen)
        except AuthError as error:
            return self.refuse(error, request)

    def _preflight(self, request: Request, kind: Kind | None) -> Decision:
        answer = self.clients.preflight(origins.origin_of(request) or "")
        if kind is Kind.PUBLIC:
            return Proceed(None, decoration(replace=False), instead=answer)
        if answer.reason:
            self.tell(InvalidOriginError(answer.reason), request)
        elif any(missing := cors.ungranted(request, answer)):
            method, headers = missing
            origin = origins.origin_of(request)
            self._emit(
                "preflight_limited", origin=origin, method=method, headers=headers
            )
        return answer

    def _guarded(
        self, request: Request, rule: Rule, seen: Seen | None
    ) -> Decision | Flowing:
        """Decide a path where a token is read: needed there, or optional."""
        found = None
        try:
            found = self._found(request, seen)
            if found is None:
                if rule.kind is Kind.OPTIONAL:
                    return self._anonymous(request, None)
                raise missing_token(request, self.policy.cookie)
            self._callers.check_transport(request)
            if found.carrier == "cookie":
                self._callers.check_cookie_origin(request)
            who = self.verifier.begin(found.token, seen)
            if isinstance(who, Principal):
                return self._authorized(request, rule, who, found.carrier)
            return self._waiting(request, rule, found.carrier, who)
        except (InvalidTokenError, TokenTooLargeError) as error:
            return self._without(request, rule, found.carrier if found else "", error)

    def _waiting(
        self,
        request: Request,
        rule: Rule,
        carrier: str,
        verifying: Generator[Ask, Any, Principal],
    ) -> Flowing:
        """Do the same, where the keys have to be waited for."""
        try:
            try:
                principal = yield from verifying
                return self._authorized(request, rule, principal, carrier)
            except (InvalidTokenError, TokenTooLargeError) as error:
                return self._without(request, rule, carrier, error)
        except AuthError as error:
            return self.refuse(error, request)

    def _without(
        self, request: Request, rule: Rule, carrier: str, error: AuthError
    ) -> Proceed:
        """A bad cookie on an optional path makes an anonymous request of it."""
        if rule.kind is Kind.OPTIONAL and carrier == "cookie":
            return self._anonymous(request, error)
        raise error

    def _anonymous(self, request: Request, error: AuthError | None) -> Proceed:
        if error is not None:
            self.tell(error, request)
        union = self.clients.union(origins.origin_of(request))
        vary = ("Origin", "Cookie") if self.policy.cookie else ("Origin",)
        return Proceed(
            None,
            decoration(union, vary=vary, private=error is not None),
            refusal=error.reason if error else None,
        )

    def _found(self, request: Request, seen: Seen | None) -> bearer.Credentials | None:
        """Return the token, and where it was: what was seen is seldom no token68."""
        if seen is not None and bearer.is_token68(seen[0]):
            return bearer.Credentials(seen[0], "header")
        return bearer.find(request, self.policy.cookie, self.policy.max_token_bytes)

    def _authorized(
        self, request: Request, rule: Rule, principal: Principal, carrier: str
    ) -> Proceed:
        """Let a verified token pass, or refuse it."""
        way = self._way(request, rule, principal.facts) if carrier == "header" else None
        if way is None:
            way = self._judged(request, rule, principal, carrier)
        return Proceed(principal, way, None, None, None, carrier)

    def _judged(
        self, request: Request, rule: Rule, principal: Principal, carrier: str
    ) -> Decoration:
        """Ask the rules about client, origin and scopes; ``_find_way`` asks them too.

        They may read what is remembered with a way, and beside it what opens more.
        """
        try:
            fields = self._callers.check(request, principal, carrier)
            if rule.scopes != ():
                self._check_scopes(rule, principal)
        except AuthError as error:
            error.principal = principal
            raise
        if carrier == "cookie":
            return decoration(fields, vary=("Origin", "Cookie"), private=True)
        return decoration(fields)

    def _check_scopes(self, rule: Rule, principal: Principal) -> None:
        if rule.scopes is None and rule.kind is Kind.PROTECTED:
            raise AccessDeniedError("no_rule")
        require_all(principal, rule.scopes or ())

    def token_request(self, request: Request, *, revocation: bool) -> Flowing:
        """Decide a request to a token endpoint, wherever it is mounted."""
        try:
            if cors.is_preflight(request):
                return self._preflight(request, None)
            return (yield from self._grant(request, revocation=revocation))
        except AuthError as error:
            return self.refuse(error, request)

    def _grant(self, request: Request, *, revocation: bool) -> Flowing:
        origin = origins.origin_of(request)
        fields = self.clients.union(origin)
        try:
            self._callers.check_transport(request)
            grants.check_head(request, self.policy.max_body_bytes)
            body: bytes | None = yield ReadBody(self.policy.max_body_bytes)
            if body is None:
                raise GrantError("client_gone")
            if len(body) > self.policy.max_body_bytes:
                raise GrantError("body_too_long", status=413)
            grant = grants.read(
                request, body, revocation=revocation, clients=self.clients
            )
            if grant.client_id is not None:
                fields = self._granted_all(grant.client_id, origin)
            grants.judge(request, grant, self.clients)
        except AuthError as error:
            error.cors = fields
            raise
        return Proceed(None, decoration(fields, private=True), body=body, grant=grant)

    def _granted_all(self, client_id: str, origin: str | None) -> Fields:
        """One id may be listed under several issuers: what every listing grants."""
        listed = self.clients.named(client_id)
        if origin and listed and all(origin in client.origins for client in listed):
            agreed = all(client.credentials for client in listed)
            return cors.granted(origin, listed if agreed else ())
        return ()

    def refuse(self, error: AuthError, request: Request) -> Respond:
        """Word the refusal, and tell of it."""
        self.tell(error, request)
        body = _body(error.code, error.description)
        fields = error.cors
        if fields is None:
            fields = self._refusal_cors(error, request)
        headers = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *self.refusal_fields(error),
            *fields,
            cors.VARY,
        )
        head = request.method == "HEAD"
        return Respond(error.status, headers, b"" if head else body, error.reason)

    def refusal_fields(self, error: AuthError) -> Fields:
        """Return the fields of any refusal: challenge, Retry-After, Allow; no-store."""
        fields: Fields = (("Cache-Control", "no-store"),)
        if isinstance(error, GrantError):
            return (*fields, *error.headers)
        if isinstance(error, KeysUnavailableError):
            return (*fields, ("Retry-After", str(ceil(error.retry_after))))
        if not error.challenges:
            return fields
        challenge = bearer.challenge(error, self.policy.realm)
        return (*fields, ("WWW-Authenticate", challenge))

    def _refusal_cors(self, error: AuthError, request: Request) -> Fields:
        """Before the client is known, all who list the origin; then it alone."""
        origin = origins.origin_of(request)
        if isinstance(error, InvalidOriginError):
            return ()
        if error.principal is None or origin is None:
            return self.clients.union(origin)
        return self._callers.granted(error.principal, origin) or ()

    def tell(self, error: AuthError, request: Request) -> None:
        """Tell the log and the hook of a refusal."""
        self._emit(
            "refused",
            reason=error.reason,
            status=error.status,
            method=request.method,
            origin=origins.origin_of(request),
            client_id=error.principal.client_id if error.principal else None,
            detail=error.detail,
        )
