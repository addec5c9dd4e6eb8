"""Which page a request comes from: RFC 6454 section 7.3, Fetch metadata, RFC 6265.

``Origin`` is checked here and not only advertised: a form needs no preflight, so what
it would do must be stopped before the application runs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ...errors import InvalidOriginError
from ..extract import credentials, fetch_metadata
from ..extract.wire import Wire
from ..model import origins
from ..model.policy import Policy
from ..model.request import Request
from . import clients

_SHORT = 512
"""Characters. Of longer header fields nothing is remembered."""


class Page(NamedTuple):
    """The page behind a request, as the browser states it."""

    origin: str | None
    own: bool
    """It was served at this application's own origin."""
    foreign: bool
    """The browser says that another site or origin is behind the request."""


NO_PAGE = Page(None, own=False, foreign=False)


class OriginRules:
    """The rules of one policy about the pages that requests come from."""

    def __init__(self, policy: Policy, clients: clients.Clients) -> None:
        self._clients = clients
        self._public_urls: frozenset[str | None] = frozenset(policy.public_origins)
        self._short_page = lru_cache(maxsize=1024)(self._page)
        self._cookies = (policy.cookie or policy.session_client) is not None

    def page_of(self, request: Request, wire: Wire, origin: str | None) -> Page:
        """Return the page that *request* comes from; *origin* is what it states."""
        headers = request.headers
        sites = headers.get("sec-fetch-site")
        if origin is None and not sites:
            return NO_PAGE
        hosts = headers.get("host", ())
        site = "" if not sites else sites[0] if len(sites) == 1 else ", ".join(sites)
        host = hosts[0] if len(hosts) == 1 else ""
        short = len(origin or "") + len(site) + len(host) <= _SHORT
        page = self._short_page if short else self._page
        return page(origin, site, wire.scheme, host)

    def _page(self, origin: str | None, site: str, scheme: str, host: str) -> Page:
        served_at = self._public_urls
        if origin is not None and not served_at:
            # Host is what the browser dialled. A page elsewhere cannot change it,
            # though DNS rebinding can: public_url closes that.
            served_at = frozenset((origins.serialized(f"{scheme}://{host}"),))
        own = site == "same-origin" or (origin is not None and origin in served_at)
        return Page(origin, own, site in ("cross-site", "same-site"))

    def _friendly(self, page: Page) -> bool:
        """The origin is our own, or a client's that was promised credentials."""
        clients = self._clients.at(page.origin)
        return page.own or any(client.credentials for client in clients)

    def check_login_csrf(self, request: Request, page: Page) -> None:
        """Login and logout CSRF: a foreign page may not post without a bearer token.

        Where no cookie carries tokens, there is nothing to plant.
        """
        if not self._cookies or request.method in fetch_metadata.SAFE_METHODS:
            return
        # A foreign page cannot set Authorization without a preflight, and that was
        # refused.
        if credentials.is_bearer(request):
            return
        foreign = page.origin is not None or page.foreign
        if foreign and not page.own and not self._clients.at(page.origin):
            raise InvalidOriginError("foreign_origin")

    def check_session(self, request: Request, wire: Wire) -> None:
        """Refuse to begin or end a session for a page that could not use it.

        A listed client may post without ``credentials``, but not sign visitors in.
        """
        origin = fetch_metadata.origin_of(request)
        page = self.page_of(request, wire, origin)
        if origin is not None and not self._friendly(page):
            raise InvalidOriginError("foreign_origin")

    def check_cookie(self, request: Request, page: Page) -> None:
        """Refuse a cookie unless the request shows that it comes from an allowed page.

        Browsers attach cookies to requests of foreign pages too.
        """
        safe = request.method in fetch_metadata.SAFE_METHODS and not request.websocket
        if self._friendly(page):
            return
        if safe:
            elsewhere = page.foreign and not fetch_metadata.is_navigation(request)
            if page.origin is not None or elsewhere:
                raise InvalidOriginError("cross_site")
        # Browsers send Origin with every unsafe request; one without comes from a
        # program or a proxy that drops it.
        elif page.origin is None and not page.foreign:
            raise InvalidOriginError("origin_missing")
        else:
            raise InvalidOriginError("foreign_origin")
