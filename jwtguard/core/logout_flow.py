"""A logout request of an issuer: read it, check it, record what it ends
(OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from hashlib import sha256
from typing import Any

from ..errors import AuthError, GrantError, InvalidTokenError
from .authorize import logout_requests
from .authorize.clients import VARY
from .extract.fetch_metadata import origin_of
from .model.decision import Decision, Respond
from .model.effects import Ask, Claim, ReadBody, StateUnavailableError, ask_state
from .model.policy import Policy
from .model.request import Request
from .respond.responses import Responses
from .verify.entries import Entry
from .verify.keys import Emit
from .verify.logout import WINDOW, LogoutToken, logout_token_of
from .verify.revoking import lifetime_of
from .verify.verifier import Verifier

Record = Callable[[Entry], Generator[Ask, Any, None]]
"""Adds an entry to the list of revocations, unless it is there already."""

LOGGED_OUT = Respond(
    200, (("Content-Length", "0"), ("Cache-Control", "no-store"), VARY)
)


UNVERIFIED = {
    "encrypted": "logout_encrypted",
    "unsupported_critical": "logout_unsupported_critical",
    "unknown_issuer": "logout_unknown_issuer",
    "wrong_algorithm": "logout_wrong_algorithm",
    "unknown_key": "logout_unknown_key",
    "bad_signature": "logout_bad_signature",
}
"""Why no issuer can be shown to have signed it, by the reason for access tokens."""


def unverified(reason: str) -> str:
    """Return the reason of a logout request, by the one for access tokens."""
    return UNVERIFIED.get(reason, "logout_malformed")


class LogoutFlow:
    """Decides logout requests by one policy."""

    def __init__(
        self,
        policy: Policy,
        verifier: Verifier,
        responses: Responses,
        now: Callable[[], float],
        emit: Emit,
        record: Record,
    ) -> None:
        self._policy = policy
        self._verifier = verifier
        self._responses = responses
        self._now = now
        self._emit = emit
        self._record = record

    def decide(self, request: Request) -> Generator[Ask, Any, Decision]:
        """Return the answer: 200 once the token's session or subject is logged out.

        Neither cookies nor origins count, and pages get no CORS fields. Plain HTTP is
        accepted: a logout token is signed, and does not give access.
        """
        longest = self._policy.max_body_bytes
        try:
            logout_requests.check_head(request, longest)
            body: bytes | None = yield ReadBody(longest)
            if body is None:
                raise GrantError("client_gone")
            if len(body) > longest:
                raise GrantError("body_too_long")
            limit = self._policy.max_token_bytes
            text = logout_requests.token_in(request, body, limit)
            token = yield from self.verified(text)
        except AuthError as error:
            return self._responses.refuse(
                error, request, cors_fields=(), origin=origin_of(request)
            )
        yield from self._log_out(token)
        return LOGGED_OUT

    def verified(self, text: str) -> Generator[Ask, Any, LogoutToken]:
        """Return what the logout token *text* says; raise ``AuthError``."""
        try:
            signed = yield from self._verifier.signed(text)
        except InvalidTokenError as error:
            # 400 and not 401: section 2.8 knows one status, and issuers retry or give
            # up by it.
            raise GrantError(unverified(error.reason), detail=error.detail) from None
        return logout_token_of(signed.rules, signed.compact, self._now())

    def _log_out(self, token: LogoutToken) -> Generator[Ask, Any, None]:
        """Record it, once for each ``jti``.

        A repeat that this process has not heard of is recorded all the same: the worker
        that took the first one may have died before it told the others.
        """
        first = yield from self._claimed(token)
        issuer = self._policy.listed(token.issuer) or self._policy.issuers[0]
        until = self._until(token, lifetime_of(issuer, self._policy))
        entry = token.entry(issuer.rules.logout, self._policy.leeway, until)
        yield from self._record(entry)
        if first:
            self._emit("logout_received", issuer=token.issuer, kind=entry.kind)
            self._count(entry)

    def _count(self, entry: Entry) -> None:
        """Note whether the logout ends a token that this process knows."""
        unmatched = self._verifier.unmatched
        if self._verifier.token_cache.holds(entry):
            unmatched.note(entry)
        else:
            unmatched.received(entry.issuer)
        unmatched.tell()

    def _claimed(self, token: LogoutToken) -> Generator[Ask, Any, bool]:
        """Whether this is the first request with the token, as far as can be known."""
        # JSON keeps the two apart; joined by a character, one issuer could choose a
        # `jti` that claims another's.
        name = json.dumps([token.issuer, token.jti]).encode()
        ends = token.issued_at + WINDOW + self._policy.leeway
        lasting = max(1.0, ends - self._now() + 1)
        try:
            claim = Claim("logout:" + sha256(name).hexdigest(), lasting)
            first: bool = yield from ask_state(claim)
        # Recorded twice does no harm; not recorded, the session would go on.
        except StateUnavailableError:
            return True
        return first

    def _until(self, token: LogoutToken, lifetime: float) -> float:
        """When no token that it ends can be good any more: the same for a repeat."""
        return token.issued_at + 2 * self._policy.leeway + lifetime
