"""A request to a token endpoint: read it, check it, hand it on (RFC 6749 section 5)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..errors import AuthError, GrantError, InsecureTransportError
from .authorize import clients, token_requests
from .extract.plain_http import plain_http
from .extract.wire import Wire
from .model.decision import Decision, Proceed, decoration
from .model.effects import Ask, ReadBody
from .model.policy import Policy
from .model.request import Fields, Request
from .respond.responses import Responses


class TokenFlow:
    """Decides token requests by one policy."""

    def __init__(
        self, policy: Policy, clients: clients.Clients, responses: Responses
    ) -> None:
        self._longest = policy.max_body_bytes
        self._proxies = tuple(policy.proxies)
        self._clients = clients
        self._responses = responses

    def decide(
        self, request: Request, wire: Wire, origin: str | None, revocation: bool
    ) -> Generator[Ask, Any, Decision]:
        """Return the refusal, or the form with what was read of it."""
        fields = self._clients.union(origin)
        try:
            if not wire.secure:
                raise InsecureTransportError(plain_http(request, self._proxies))
            token_requests.check_head(request, self._longest)
            body: bytes | None = yield ReadBody(self._longest)
            if body is None:
                raise GrantError("client_gone")
            # The driver hands on one byte more than the limit, which says that there is
            # more.
            if len(body) > self._longest:
                raise GrantError("body_too_long")
            grant = token_requests.read(
                request, body, revocation=revocation, clients=self._clients
            )
            if grant.client_id is not None:
                fields = self._cors_fields_for_all(grant.client_id, origin)
            token_requests.check(request, origin, grant, self._clients)
        except AuthError as error:
            return self._responses.refuse(
                error, request, cors_fields=fields, origin=origin
            )
        return Proceed(None, decoration(fields, private=True), body=body, grant=grant)

    def _cors_fields_for_all(self, client_id: str, origin: str | None) -> Fields:
        """One id may be listed under several issuers: what every listing grants."""
        listed = self._clients.named(client_id)
        if origin and listed and all(client.serves(origin) for client in listed):
            agreed = all(client.credentials for client in listed)
            return self._clients.fields(origin, listed, credentials=agreed)
        return ()
