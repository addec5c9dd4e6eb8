"""The Fetch standard's CORS protocol, tied to the client of the verified token.

A preflight carries no token: every client that lists the origin answers it. The
actual response is narrowed to the token's own client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .messages import Decoration, Fields, Request, Respond
from .origins import is_plain, serialized
from .policy import METHODS, Client, Policy
from .values import quoted

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
        self._granted = {
            key: {origin: granted(origin, (client,)) for origin in client.origins}
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
            origin: granted(origin, clients)
            for origin, clients in self._by_origin.items()
        }

    def of(self, issuer: str, client_id: str | None) -> Client | None:
        """Return the listed client that a token was made for."""
        return self._by_key.get((issuer, client_id))

    def granted(
        self, issuer: str, client_id: str | None, origin: str, *, claimed: bool
    ) -> Fields | None:
        """Return the CORS fields for a page of a token's client; None for others.

        *claimed*: the token itself names the origin, and the policy believes it.
        """
        listed = self._granted.get((issuer, client_id))
        if listed is not None and origin in listed:
            return listed[origin]
        return granted(origin, ()) if claimed else None

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
        if self._claim and _https(origin):
            return Respond(204, preflight_fields(origin, ()))
        return Respond(403, (("Content-Length", "0"), VARY), reason="preflight_refused")

    def union(self, origin: str | None) -> Fields:
        """Return CORS fields for when the client is not known (yet)."""
        return self._unions.get(origin, ()) if origin else ()


def claimed_origins(claims: Mapping[str, Any], name: str | None) -> frozenset[str]:
    """Return the origins that the claim called *name* lists, as far as they count."""
    listed = claims.get(name) if name else None
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(o for o in listed if isinstance(o, str) and _https(o))


def _https(origin: str) -> bool:
    """A well-formed https origin; loopback may do without TLS."""
    if serialized(origin) != origin:
        return False
    return origin.startswith(("https://", "http://")) and not is_plain(origin)


def granted(origin: str, clients: Iterable[Client]) -> Fields:
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


def is_preflight(request: Request) -> bool:
    """Fetch standard, CORS-preflight request: anything else is an ordinary OPTIONS."""
    return (
        request.method == "OPTIONS"
        and "origin" in request.headers
        and "access-control-request-method" in request.headers
    )


def ungranted(request: Request, answer: Respond) -> tuple[str, str]:
    """Return the method and the headers that a preflight asked for in vain.

    A browser then blocks the request that it asked for; empty means granted.
    """
    fields = dict(answer.headers)
    methods = _listed(fields.get("Access-Control-Allow-Methods", ""))
    headers = set(_listed(fields.get("Access-Control-Allow-Headers", "").lower()))
    method = request.header("access-control-request-method") or ""
    asked = _listed(request.header("access-control-request-headers") or "")
    missing = ", ".join(name for name in asked if name.lower() not in headers)
    shown = "" if method in methods else quoted(method)[1:-1]
    return shown, quoted(missing, 200)[1:-1]


# Fields of the application that ours have to be reconciled with.
TOUCHED = frozenset(
    {
        "access-control-allow-credentials", "access-control-allow-headers",
        "access-control-allow-methods", "access-control-allow-origin",
        "access-control-allow-private-network", "access-control-expose-headers",
        "access-control-max-age", "cache-control", "vary",
    }
)  # fmt: skip


def grants(names: Iterable[str]) -> bool:
    """Whether header fields with these *names* grant an origin anything."""
    return any(name.lower() == "access-control-allow-origin" for name in names)


def decorate(app: Iterable[tuple[str, str]], ours: Decoration) -> Fields:
    """Return the application's fields with *ours* among them, none doubled."""
    kept: list[tuple[str, str]] = []
    vary: list[str] = []
    exposed: list[str] = []
    given = tuple(app)
    names = {name.lower() for name, _ in given}
    replaced = ours.replace or "access-control-allow-origin" not in names
    for name, value in given:
        lower = name.lower()
        if lower == "vary":
            vary += _listed(value)
        elif lower == "access-control-allow-origin" and not value:
            continue  # the relay granted no origin: see ``relay_flow.settled``
        elif replaced and lower.startswith("access-control-"):
            if lower == "access-control-expose-headers":
                exposed += _listed(value)
        else:
            kept.append((name, value))
    for name, value in ours.cors if replaced else ():
        merging = name == "Access-Control-Expose-Headers"
        kept.append((name, _merged([*exposed, *EXPOSED]) if merging else value))
    if ours.private and "cache-control" not in names:
        kept.append(("Cache-Control", "private, no-store"))
    kept.append(("Vary", "*" if "*" in vary else _merged([*vary, *ours.vary])))
    return tuple(kept)


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _merged(items: Iterable[str]) -> str:
    found: dict[str, str] = {}
    for item in items:
        found.setdefault(item.lower(), item)
    return ", ".join(found.values())
