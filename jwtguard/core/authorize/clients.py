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
        self._by_key: dict[tuple[str, str | None], Client] = {
            policy.client_key(client): client for client in policy.clients
        }
        # Made once: every answer to one page carries the same tuple.
        self._cors_fields = {
            key: {origin: cors_fields(origin, (client,)) for origin in client.origins}
            for key, client in self._by_key.items()
        }
        self._by_id: dict[str, tuple[Client, ...]] = {}
        self._by_origin: dict[str, tuple[Client, ...]] = {}
        for client in policy.clients:
            self._by_id[client.id] = (*self._by_id.get(client.id, ()), client)
            for origin in client.origins:
                listed = self._by_origin.get(origin, ())
                self._by_origin[origin] = (*listed, client)
        self._claim = policy.origins_claim
        self._preflights = {
            origin: Respond(204, preflight_fields(origin, clients))
            for origin, clients in self._by_origin.items()
        }
        self._unions = {
            origin: cors_fields(origin, clients)
            for origin, clients in self._by_origin.items()
        }

    def of(self, issuer: str, client_id: str | None) -> Client | None:
        """Return the listed client that a token was made for."""
        return self._by_key.get((issuer, client_id))

    def cors_fields(
        self, issuer: str, client_id: str | None, origin: str, *, claimed: bool
    ) -> Fields | None:
        """Return the CORS fields for a page of a token's client; None for others.

        *claimed*: the token itself names the origin, and the policy believes it.
        """
        listed = self._cors_fields.get((issuer, client_id))
        if listed is not None and origin in listed:
            return listed[origin]
        # A claim grants reading only. Credentials are promised by the policy alone,
        # whatever a token says.
        return cors_fields(origin, ()) if claimed else None

    def named(self, client_id: str) -> tuple[Client, ...]:
        """Return every listing of *client_id*, whatever its issuer."""
        return self._by_id.get(client_id, ())

    def at(self, origin: str | None) -> tuple[Client, ...]:
        """Return the clients that are served from *origin*."""
        return self._by_origin.get(origin, ()) if origin else ()

    def preflight(self, origin: str) -> Respond:
        """Answer a preflight for all who list its origin: 204, or 403 if none does."""
        if origin in self._preflights:
            return self._preflights[origin]
        # Which token will come is not known yet, so any https origin passes here; the
        # request itself is checked.
        if self._claim and _https(origin):
            return Respond(204, preflight_fields(origin, ()))
        # 403 shows up in the browser's console; a 204 without fields would look like a
        # mistake of the network.
        return Respond(403, (("Content-Length", "0"), VARY), reason="preflight_refused")

    def union(self, origin: str | None) -> Fields:
        """Return CORS fields for when the client is not known (yet)."""
        return self._unions.get(origin, ()) if origin else ()


def cors_fields(origin: str, clients: Iterable[Client]) -> Fields:
    """Return the CORS fields of an actual response to a page at *origin*."""
    fields = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", ", ".join(EXPOSED)),
    ]
    if any(client.credentials for client in clients):
        fields.append(("Access-Control-Allow-Credentials", "true"))
    return tuple(fields)


def preflight_fields(origin: str, clients: Sequence[Client]) -> Fields:
    """Return the CORS fields of a preflight response; no clients mean the defaults."""
    methods = dict.fromkeys(m for c in clients for m in c.methods) or METHODS
    headers = dict.fromkeys((*HEADERS, *(h for c in clients for h in c.headers)))
    age = min((client.max_age for client in clients), default=600)
    fields = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", ", ".join(methods)),
        ("Access-Control-Allow-Headers", ", ".join(headers)),
        ("Access-Control-Max-Age", str(age)),
        VARY,
    ]
    if any(client.credentials for client in clients):
        fields.append(("Access-Control-Allow-Credentials", "true"))
    return tuple(fields)
