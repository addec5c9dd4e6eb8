"""The token endpoint in front of an issuer (RFC 6749 section 3.2, RFC 7009).

The rules of token paths say who may ask, and from where. Password guesses are counted.
Then the form is handed on: for two grants, and for listed clients only.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from ...errors import AuthError, ConfigurationError, GrantError
from ..authorize.clients import VARY
from ..extract.fetch_metadata import origin_of
from ..extract.forwarded import client_address
from ..flow import Flow
from ..model.decision import Proceed, Respond, TokenRequest
from ..model.effects import Ask, ClaimGuess, CountedGuess, ReturnGuess
from ..model.request import Request
from ..respond.responses import finish
from ..verify.keys import Emit
from .answers import brings_token
from .shared_refresh import AskUpstream, SharedRefreshes
from .upstream import Upstream

# The two that browser pages use without a redirect. Others belong to programs, which
# reach the issuer by themselves.
_GRANTS = frozenset({"password", "refresh_token"})
_NOT_FOUND = (("Cache-Control", "no-store"), ("Content-Length", "0"), VARY)
_ORIGIN = "Access-Control-Allow-Origin"


class RelayFlow:
    """Decides what the relay answers, by the policy and the rules of *flow*.

    Raises ``ConfigurationError`` where a client belongs to several issuers.
    """

    def __init__(
        self,
        flow: Flow,
        monotonic: Callable[[], float],
        emit: Emit,
        random: Callable[[int], bytes],
    ) -> None:
        self._flow = flow
        self._refreshes = SharedRefreshes(flow.policy, monotonic, random)
        self._proxies = tuple(flow.policy.proxies)
        policy = flow.policy
        # A form does not name a tenant, so its client belongs to no single issuer.
        self.upstreams = {
            issuer.url: Upstream(policy, issuer, monotonic, emit)
            for issuer in policy.issuers
            if issuer.tenants is None
        }
        self._issuer_of = {
            name: issuer
            for issuer, name in map(policy.client_key, policy.clients)
            if issuer in self.upstreams
        }
        self._check_clients()

    def _check_clients(self) -> None:
        """Refuse a client of several issuers: a form names the client alone, and its
        password must not reach the wrong issuer.
        """
        clients = self._flow.clients
        several = [name for name in self._issuer_of if len(clients.named(name)) > 1]
        if several:
            raise ConfigurationError(
                *(
                    f"clients: {name}: listed under several issuers: TokenRelay cannot "
                    "tell which of them a password is for; list it under one"
                    for name in several
                )
            )

    def decide(self, request: Request) -> Generator[Ask, Any, Respond]:
        """Judge, count, hand on."""
        # Mounted, the path may come with or without the prefix, by framework; only the
        # last segment is the same everywhere.
        last = request.path.rstrip("/").rpartition("/")[2]
        if last not in ("", "token", "revoke"):
            return Respond(404, _NOT_FOUND)
        revocation = last == "revoke"
        origin = origin_of(request)
        decision = yield from self._flow.token_request(
            request, origin, revocation=revocation
        )
        if isinstance(decision, Respond):
            return decision
        try:
            answer = yield from self._relayed(request, decision)
        except AuthError as error:
            fields = decision.decoration.cors
            return self._flow.responses.refuse(
                error, request, cors_fields=fields, origin=origin
            )
        yield from self._flow.revocation_flow.answered(decision.grant, answer.status)
        status, headers, body = finish(decision, answer.status, answer.headers)
        return Respond(status, headers, answer.body if body is None else body)

    def _relayed(
        self, request: Request, decision: Proceed
    ) -> Generator[Ask, Any, Respond]:
        grant, body = decision.grant, decision.body
        if grant is None or body is None:
            raise GrantError("form_malformed")
        upstream = self._upstream_of(grant)
        caller = client_address(request, self._proxies)
        ask = partial(upstream.ask, request, grant, body, caller)
        # Refresh is not counted: a refresh token cannot be guessed.
        if grant.grant_type == "refresh_token":
            issuer = upstream.issuer.url
            return (yield from self._refreshes.answer(issuer, request, grant, ask))
        if not grant.grant_type:
            return (yield from self._revoked(upstream, grant, ask))
        guess = yield from _count_guess(grant, caller)
        answer = yield from ask()
        if brings_token(answer):
            yield ReturnGuess(guess)  # the password was right
        return answer

    def _revoked(
        self, upstream: Upstream, grant: TokenRequest, ask: AskUpstream
    ) -> Generator[Ask, Any, Respond]:
        """Hand a revocation on; nothing that is remembered outlives it."""
        token, issuer = grant.form.get("token", [""])[0], upstream.issuer.url
        try:
            answer = yield from ask(None)
        except GrantError:  # the issuer may have revoked it all the same
            yield from self._refreshes.revoked(issuer, token)
            raise
        if answer.status < 300:
            yield from self._refreshes.revoked(issuer, token)
        return answer

    def _upstream_of(self, grant: TokenRequest) -> Upstream:
        if grant.grant_type and grant.grant_type not in _GRANTS:
            raise GrantError("unsupported_grant")
        # Only listed clients: an open relay would let anybody try passwords from our
        # address.
        url = self._issuer_of.get(grant.client_id or "")
        if url is None:
            raise GrantError("grant_client_unknown")
        return self.upstreams[url]

    def after_fork(self) -> None:
        """Drop what belongs to the parent process."""
        self._refreshes.after_fork()
        for upstream in self.upstreams.values():
            for endpoint in upstream.endpoints.values():
                endpoint.after_fork()


def _count_guess(grant: TokenRequest, caller: str) -> Generator[Ask, Any, CountedGuess]:
    """Count the guess before it is made, so that parallel guesses count too."""
    name = grant.form.get("username", [""])[0]
    if not name:  # RFC 6749 section 4.3.2 requires it, and it is what is counted
        raise GrantError("username_missing")
    guess: CountedGuess = yield ClaimGuess(name, caller)
    if guess.wait:
        raise GrantError("too_many_guesses", fields=(("Retry-After", str(guess.wait)),))
    return guess


def settled(answer: Respond) -> Respond:
    """Mark an answer that grants no origin, so that a guard in front adds none.

    On a public path the guard grants every origin that any client lists, unless the
    application sets the field itself. ``decorate`` drops the empty field again.
    """
    if any(name == _ORIGIN for name, _ in answer.headers):
        return answer
    return answer._replace(headers=(*answer.headers, (_ORIGIN, "")))
