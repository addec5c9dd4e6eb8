"""Near misses, for hints: in what small thing a value differs from a listed one."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..model.client import Client
from ..model.origins import serialized


def difference(found: str, wanted: str) -> str:
    """Name the small thing in which *found* is not *wanted*, if it is small."""
    for words, fold in _FOLDS:
        if fold(found) == fold(wanted):
            return words(found, wanted)
    if _all(found) == _all(wanted):
        return "several small differences"
    return ""


def _slash(found: str, _: str) -> str:
    return (
        "an extra trailing slash" if found.endswith("/") else "a missing trailing slash"
    )


def _scheme(found: str, wanted: str) -> str:
    return f"{found.partition('://')[0]} instead of {wanted.partition('://')[0]}"


def _bare(text: str) -> str:
    return text.partition("://")[2] or text


def _loopback(text: str) -> str:
    return text.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")


def _all(text: str) -> str:
    return _loopback(_bare(text).rstrip("/").lower())


_FOLDS = (
    (_slash, lambda text: text.rstrip("/")),
    (_scheme, _bare),
    (lambda *_: "a difference in case", str.lower),
    (lambda *_: "another name of loopback", _loopback),
    (lambda *_: "the prefix www.", lambda text: text.replace("://www.", "://")),
)


def of_origin(origin: str, client_id: str | None, clients: Iterable[Client]) -> str:
    """Say which listed origin comes near, or which client the origin belongs to."""
    clients = tuple(clients)
    for client in clients:
        if client.serves(origin):
            theirs = f"{origin} belongs to client {client.id}"
            return f"{theirs}, but the token was issued to {client_id or 'no client'}"
    for client in clients:
        for known in sorted(client.origins):
            small = difference(origin, known) or _port(origin, known)
            if small:
                return f"client {client.id} lists {known}: {small}"
    for client in clients:
        if client.origin_patterns:
            patterns = " ".join(client.origin_patterns)
            return f"no client lists it, and it does not fit {patterns} of {client.id}"
    if serialized(origin) != origin:
        return "not a valid origin; browsers send one like https://www.example.com"
    if client_id is None:
        return "no client lists it; see JWTGUARD_CLIENTS"
    return f"list it for the client: JWTGUARD_CLIENTS={client_id}={origin}"


def _port(one: str, other: str) -> str:
    if serialized(one) is None:
        return ""
    found, known = urlsplit(one), urlsplit(other)
    same = (found.scheme, found.hostname) == (known.scheme, known.hostname)
    return "another port" if same else ""


def of_cookie_page(origin: str, clients: Iterable[Client]) -> str:
    """Say why a page at *origin* may not use a cookie of this site."""
    for client in clients:
        if origin in client.origins:
            return f"a cookie needs `credentials = true` of client {client.id}, in TOML"
    return (
        f"{of_origin(origin, None, clients)}; a page of this site itself needs "
        "JWTGUARD_PUBLIC_URL if a proxy changes Host or the scheme"
    )
