"""The clients of a policy, and the CORS fields that each is granted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model.decision import Respond
from ..model.origins import _https
from ..model.policy import METHODS, Client, Policy
from ..model.request import Fields

EXPOSED = ("WWW-Authenticate", "Retry-After")

HEADERS = (
    "Authorization", "Content-Type", "Accept", "Accept-Language", "Content-Language",
    "Range",
)  # fmt: skip

VARY = ("Vary", "Origin")


class Clients:
    """The clients of a policy, by name and by origin."""

    def __init__(self, policy: Policy) -> None:
        bound = policy.dpop != "off"
        self._headers = (*HEADERS, *policy.cors_headers, *("DPoP",) * bound)
        self._exposed = (*EXPOSED, *policy.cors_expose, *("DPoP-Nonce",) * bound)
        self._policy = policy
        self._tenants = any(issuer.tenants for issuer in policy.issuers)
        self._by_key: dict[tuple[str, str | None], Client] = {
            policy.client_key(client): client for client in policy.clients
        }
        # Made once: every answer to one page carries the same tuple.
        self._cors_fields = {
            key: {origin: self.fields(origin, (client,)) for origin in client.origins}
            for key, client in self._by_key.items()
        }
        self._by_id: dict[str, tuple[Client, ...]] = {}
        self._by_origin: dict[str, tuple[Client, ...]] = {}
        for client in policy.clients:
            self._by_id[client.id] = (*self._by_id.get(client.id, ()), client)
            for origin in client.origins:
                listed = self._by_origin.get(origin, ())
                self._by_origin[origin] = (*listed, client)
        self._patterned = tuple(c for c in policy.clients if c.origin_patterns)
        self._claim = policy.origins_claim
        self._preflights = {
            origin: Respond(204, self._preflight_fields(origin, self._serving(origin)))
            for origin in self._by_origin
        }
        self._unions = {
            origin: self.fields(origin, self._serving(origin))
            for origin in self._by_origin
        }

    def of(self, issuer: str, client_id: str | None) -> Client | None:
        """Return the listed client that a token was made for."""
        return self._by_key.get((self._listed(issuer), client_id))

    def _listed(self, issuer: str) -> str:
        """Return the URL under which the policy lists *issuer*."""
        # What this leads to is remembered for each issuer and client.
        found = self._policy.listed(issuer) if self._tenants else None
        return issuer if found is None else found.url

    def cors_fields(
        self, issuer: str, client_id: str | None, origin: str, *, claimed: bool
    ) -> Fields | None:
        """Return the CORS fields for a page of a token's client; None for others.

        *claimed*: the token itself names the origin, and the policy believes it.
        """
        listed = self._cors_fields.get((self._listed(issuer), client_id))
        if listed is not None and origin in listed:
            return listed[origin]
        client = self.of(issuer, client_id) if self._patterned else None
        if client is not None and client.serves(origin):
            return self.fields(origin, (client,))
        # A claim grants reading only. Credentials are promised by the policy alone,
        # whatever a token says.
        return self.fields(origin, ()) if claimed else None

    def named(self, client_id: str) -> tuple[Client, ...]:
        """Return every listing of *client_id*, whatever its issuer."""
        return self._by_id.get(client_id, ())

    def at(self, origin: str | None) -> tuple[Client, ...]:
        """Return the clients that list *origin*; patterns do not count."""
        return self._by_origin.get(origin, ()) if origin else ()

    def _serving(self, origin: str) -> tuple[Client, ...]:
        """Return the clients whose pages may be at *origin*, by whatever setting."""
        listed = self._by_origin.get(origin, ())
        fitting = (c for c in self._patterned if c not in listed and c.serves(origin))
        return (*listed, *fitting)

    def preflight(self, origin: str) -> Respond:
        """Answer a preflight for all who list its origin: 204, or 403 if none does."""
        if origin in self._preflights:
            return self._preflights[origin]
        serving = self._serving(origin)
        # Which token will come is not known yet, so with a claim any https origin
        # passes here; the request itself is checked.
        if serving or (self._claim and _https(origin)):
            return Respond(204, self._preflight_fields(origin, serving))
        # 403 shows up in the browser's console; a 204 without fields would look like a
        # mistake of the network.
        return Respond(403, (("Content-Length", "0"), VARY), reason="preflight_refused")

    def union(self, origin: str | None) -> Fields:
        """Return CORS fields for when the client is not known (yet)."""
        if not origin:
            return ()
        if origin in self._unions or not self._patterned:
            return self._unions.get(origin, ())
        serving = self._serving(origin)
        return self.fields(origin, serving) if serving else ()

    def fields(
        self, origin: str, clients: Sequence[Client], *, credentials: bool = True
    ) -> Fields:
        """Return the CORS fields of an actual response to a page at *origin*.

        *credentials*: a page may have them if one of *clients* lists its origin so.
        """
        named = (name for client in clients for name in client.expose)
        exposed = dict.fromkeys((*self._exposed, *named))
        fields = (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", ", ".join(exposed)),
        )
        return fields + _CREDENTIALS * (credentials and _promised(origin, clients))

    def _preflight_fields(self, origin: str, clients: Sequence[Client]) -> Fields:
        """Return the CORS fields of a preflight; no clients mean the defaults."""
        methods = dict.fromkeys(m for c in clients for m in c.methods) or METHODS
        named = (name for client in clients for name in client.headers)
        headers = dict.fromkeys((*self._headers, *named))
        age = min((client.max_age for client in clients), default=600)
        fields = (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", ", ".join(headers)),
            ("Access-Control-Max-Age", str(age)),
            VARY,
        )
        return fields + _CREDENTIALS * _promised(origin, clients)


_CREDENTIALS: Fields = (("Access-Control-Allow-Credentials", "true"),)


def _promised(origin: str, clients: Iterable[Client]) -> bool:
    """Whether a client promises credentials to *origin*: never to a mere pattern."""
    return any(client.credentials and origin in client.origins for client in clients)
