"""The issuer's token endpoint, as a site with sessions uses it.

Password grant and refresh: RFC 6749 sections 4.3 and 6; revocation: RFC 7009.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..model.effects import (
    LONGEST_TOKEN_ANSWER,
    Ask,
    Exchange,
    FetchFailedError,
    Incoming,
    Outgoing,
    Save,
)
from ..model.issuers import TrustedIssuer
from ..model.policy import Policy
from ..relay.endpoints import EndpointCache
from ..relay.own_secret import report_denied
from ..relay.upstream import basic
from ..verify.keys import Emit
from .token_answers import Granted, granted

RETRY = 5.0
"""Longest pause after a failure, in seconds."""
REVOKE_TIMEOUT = 5.0


class TokenServer:
    """The endpoints of the issuer that visitors sign in at."""

    def __init__(
        self, policy: Policy, monotonic: Callable[[], float], emit: Emit
    ) -> None:
        self.issuer = issuer = issuer_of(policy)
        self._client = policy.session_client or ""
        self._secret = policy.session_client_secret
        self._emit = emit
        self._auth = issuer.relay_auth or policy.relay_auth or "basic"
        self._configured = {
            "token_endpoint": issuer.relay_url or policy.relay_url,
            "revocation_endpoint": (
                issuer.relay_revocation_url or policy.relay_revocation_url
            ),
        }
        self.endpoints = {
            name: EndpointCache(
                issuer,
                name,
                monotonic,
                max_age=policy.keys_max_age,
                cooldown=1,
                longest=RETRY,
                http_hosts=policy.http_hosts,
                emit=emit,
            )
            for name in self._configured
        }

    def after_fork(self) -> None:
        """Forget attempts that threads of the parent process had begun."""
        for endpoint in self.endpoints.values():
            endpoint.after_fork()

    def grant(
        self,
        form: Mapping[str, str],
        timeout: float,
        *,
        caller: str = "",
        lease: Save | None = None,
    ) -> Generator[Ask, Any, Granted]:
        """Return the tokens for *form*.

        Raises ``GrantDeniedError``, or ``FetchFailedError`` if the issuer is not
        available. *caller* is the visitor's address. *lease* is renewed meanwhile.
        """
        url = yield from self.find("token_endpoint")
        outgoing = self._outgoing(url, form, timeout, caller)
        got: Incoming | FetchFailedError = yield Exchange(outgoing, lease)
        if isinstance(got, FetchFailedError):
            raise got
        self._note(got, url)
        return granted(got, urlsplit(url).hostname or "")

    def revoke(self, token: str) -> Generator[Ask, Any, None]:
        """Try to revoke a refresh token; ignore failures."""
        form = {"token": token, "token_type_hint": "refresh_token"}
        try:
            url = yield from self.find("revocation_endpoint")
        except FetchFailedError:
            return
        outgoing = self._outgoing(url, form, REVOKE_TIMEOUT, "")
        got: Incoming | FetchFailedError = yield Exchange(outgoing)
        if isinstance(got, Incoming):
            self._note(got, url)

    def _note(self, got: Incoming, url: str) -> None:
        if self._secret:
            report_denied(got, url, self.issuer, self._emit)

    def find(self, name: str) -> Generator[Ask, Any, str]:
        """Return the URL of an endpoint; raise ``FetchFailedError``."""
        return self._configured[name] or (yield from self.endpoints[name].find())

    def _outgoing(
        self, url: str, form: Mapping[str, str], timeout: float, caller: str
    ) -> Outgoing:
        """Add the client id, and the secret if any (RFC 6749 section 2.3.1)."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        if caller:
            headers["X-Forwarded-For"] = caller
        sent = dict(form)
        if self._secret and self._auth == "basic":
            headers["Authorization"] = basic(self._client, self._secret)
        else:
            sent["client_id"] = self._client
            if self._secret:
                sent["client_secret"] = self._secret
        body = urlencode(sent).encode()
        return Outgoing("POST", url, headers, body, LONGEST_TOKEN_ANSWER, timeout)


def issuer_of(policy: Policy) -> TrustedIssuer:
    """Return the issuer that visitors sign in at."""
    named = policy.session_issuer
    return next(i for i in policy.issuers if named is None or i.url == named)
