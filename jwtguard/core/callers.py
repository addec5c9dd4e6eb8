"""From which page, over which wire: RFC 6454 section 7.3, Fetch metadata, RFC 6265.

``Origin`` is checked here and not only advertised: a form needs no preflight, so what
it would do must be stopped before the application runs.
"""

from __future__ import annotations

from ..errors import AccessDeniedError, InsecureTransportError, InvalidOriginError
from . import bearer, cors, origins, transport
from .messages import Fields, Principal, Request
from .policy import METHODS, Policy


class Callers:
    """The rules of one policy about where a request may come from."""

    def __init__(self, policy: Policy, clients: cors.Clients) -> None:
        self._clients = clients
        self._own = frozenset(policy.public_url)
        self._proxies = tuple(policy.proxies)
        self._require_https = policy.require_https
        self._clients_only = policy.clients_only

    def check(self, request: Request, principal: Principal, carrier: str) -> Fields:
        """Return the CORS fields for the token's own client, or refuse the caller."""
        client = self._clients.of(principal)
        if client is None and self._clients_only:
            raise AccessDeniedError("client_not_listed")
        origin = origins.origin_of(request)
        if origin is None:
            return ()
        fields = self.granted(principal, origin)
        listed = client if client is not None and origin in client.origins else None
        allowed = request.method in (METHODS if listed is None else listed.methods)
        if fields is not None and allowed and carrier != "cookie":
            return fields  # whether it is our own origin too makes no difference
        if self.is_own(request):
            return fields or ()
        agreed = listed is not None and listed.credentials
        if fields is None or (carrier == "cookie" and not agreed):
            raise InvalidOriginError("foreign_origin")
        if not allowed:
            raise AccessDeniedError("method_not_allowed_for_client")
        return fields

    def granted(self, principal: Principal, origin: str) -> Fields | None:
        """Return the CORS fields for a page of the token's client; None for others."""
        return self._clients.granted(principal, origin)

    def is_own(self, request: Request) -> bool:
        """Whether the page that calls was served at this application's own origin."""
        if "origin" not in request.headers and "sec-fetch-site" not in request.headers:
            return False
        own = origins.own_origins(request, self._own, self._proxies)
        return origins.is_own(request, own)

    def _friendly(self, request: Request) -> bool:
        """The origin is our own, or a client's that was promised credentials."""
        clients = self._clients.at(origins.origin_of(request))
        return self.is_own(request) or any(c.credentials for c in clients)

    def check_login_csrf(self, request: Request) -> None:
        """Login and logout CSRF: a foreign page may not post without a bearer token."""
        if request.method in origins.SAFE_METHODS or bearer.is_bearer(request):
            return
        origin = origins.origin_of(request)
        foreign = origin is not None or origins.from_elsewhere(request)
        if foreign and not self.is_own(request) and not self._clients.at(origin):
            raise InvalidOriginError("foreign_origin")

    def check_cookie_origin(self, request: Request) -> None:
        """A cookie comes by itself, so where the request comes from has to be known."""
        safe = request.method in origins.SAFE_METHODS and not request.websocket
        if self._friendly(request):
            return
        if safe:
            foreign = origins.origin_of(request) is not None
            elsewhere = origins.from_elsewhere(request)
            if foreign or (elsewhere and not origins.is_navigation(request)):
                raise InvalidOriginError("cross_site")
        elif origins.origin_of(request) is None and not origins.from_elsewhere(request):
            raise InvalidOriginError("origin_missing")
        else:
            raise InvalidOriginError("foreign_origin")

    def check_transport(self, request: Request) -> None:
        """Refuse a token that came over an open wire."""
        if not self.is_transport_safe(request):
            raise InsecureTransportError(transport.plain_http(request, self._proxies))

    def is_transport_safe(self, request: Request) -> bool:
        """RFC 6750 section 5.3: tokens travel over TLS, or never leave the machine."""
        return (
            not self._require_https
            or request.scheme == "https"
            or origins.scheme(request, self._proxies) == "https"
            or origins.is_loopback(request)
        )
