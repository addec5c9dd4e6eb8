"""An issuer's own token endpoint, as the relay talks to it (RFC 6749 section 3.2).

The form goes on byte for byte, with the issuer's own secret if the request brought no
client authentication. Of the answer only what is listed here comes back.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from ...errors import GrantError
from ..model.decision import Respond, TokenRequest
from ..model.effects import (
    LONGEST_TOKEN_ANSWER,
    Ask,
    FetchFailedError,
    Outgoing,
    Save,
    UnusableAnswerError,
    exchange,
)
from ..model.issuers import TrustedIssuer
from ..model.policy import Policy
from ..model.request import Request
from ..verify.keys import Emit
from .answers import handed_back
from .client_auth import basic_of
from .endpoints import EndpointCache
from .own_secret import report_denied
from .proofs import proof_to_send


class Upstream:
    """The endpoints of one issuer, and the secret that belongs to it."""

    def __init__(
        self,
        policy: Policy,
        issuer: TrustedIssuer,
        monotonic: Callable[[], float],
        emit: Emit,
    ) -> None:
        self.issuer = issuer
        self._configured = {
            "token_endpoint": issuer.relay_url or policy.relay_url,
            "revocation_endpoint": (
                issuer.relay_revocation_url or policy.relay_revocation_url
            ),
        }
        self._secret = issuer.relay_client_secret or policy.relay_client_secret
        self._auth = issuer.relay_auth or policy.relay_auth or "basic"
        self._timeout = policy.relay_timeout
        self._monotonic = monotonic
        self._emit = emit
        self.endpoints = {
            name: EndpointCache(
                issuer,
                name,
                monotonic,
                max_age=policy.keys_max_age,
                cooldown=policy.keys_cooldown,
                http_hosts=policy.http_hosts,
                emit=emit,
            )
            for name in self._configured
        }

    def find(self, name: str) -> Generator[Ask, Any, str]:
        """Return the URL of an endpoint; raise ``FetchFailedError``."""
        configured = self._configured[name]
        return configured or (yield from self.endpoints[name].find())

    def ask(
        self,
        request: Request,
        grant: TokenRequest,
        body: bytes,
        caller: str,
        lease: Save | None = None,
    ) -> Generator[Ask, Any, Respond]:
        """Hand the form on, and return what may come back; raise ``GrantError``.

        A *lease* is kept until the answer is there.
        """
        # The limit is for the caller: what discovery took is not there for the form any
        # more.
        began = self._monotonic()
        name = "token_endpoint" if grant.grant_type else "revocation_endpoint"
        try:
            url = yield from self.find(name)
        except FetchFailedError as error:
            raise _broken(error, str(error)) from error
        secret = self._secret_for(request, grant)
        outgoing = self._outgoing(url, request, grant, body, caller, secret)
        left = self._timeout - (self._monotonic() - began)
        try:
            got = yield from exchange(outgoing._replace(timeout=left), lease)
            if secret:
                report_denied(got, url, self.issuer, self._emit)
            return handed_back(got)
        except FetchFailedError as error:
            detail = f"{urlsplit(url).hostname}: {error.kind}"
            raise _broken(error, detail) from error

    def _secret_for(self, request: Request, grant: TokenRequest) -> str:
        """Return our own secret; empty if the request authenticates the client."""
        given = grant.authenticated or basic_of(request) is not None
        return "" if given else self._secret or ""

    def _outgoing(
        self, url: str, request: Request, grant: TokenRequest, body: bytes, caller: str,
        secret: str,
    ) -> Outgoing:  # fmt: skip
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "X-Forwarded-For": caller,
        }
        # Never one of our own: the tokens would be bound to the relay.
        proof = proof_to_send(request)
        if proof is not None:
            headers["DPoP"] = proof
        given = basic_of(request)
        if given is not None:
            headers["Authorization"] = given
        elif secret:
            if self._auth == "basic":
                headers["Authorization"] = basic(grant.client_id or "", secret)
            else:
                body += b"&" + urlencode({"client_secret": secret}).encode()
        return Outgoing("POST", url, headers, body, LONGEST_TOKEN_ANSWER)


def basic(client_id: str, secret: str) -> str:
    """RFC 6749 section 2.3.1: both are form-encoded before they become Basic."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


def _broken(error: FetchFailedError, detail: str) -> GrantError:
    reason = "issuer_unreachable"
    if error.timed_out:
        reason = "issuer_timeout"
    elif isinstance(error, UnusableAnswerError):
        reason = "issuer_answer_unusable"
    return GrantError(reason, detail=detail)
