"""The Fetch standard's CORS protocol, tied to the client of the verified token.

A preflight carries no token: every client that lists the origin answers it. The
actual response is narrowed to the token's own client.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..model.decision import Decoration, Respond
from ..model.request import Fields, Request
from ..model.validation import quoted


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
    # Field names have no case, methods have: `patch` is not normalized by browsers and
    # is refused.
    headers = set(_listed(fields.get("Access-Control-Allow-Headers", "").lower()))
    method = request.header("access-control-request-method") or ""
    asked = _listed(request.header("access-control-request-headers") or "")
    missing = ", ".join(name for name in asked if name.lower() not in headers)
    # Both are the caller's text, on their way to the log.
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


_VENDORS = frozenset({"surrogate-control", "x-accel-expires"})


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
    # Two Access-Control-Allow-Origin fields are as good as none: browsers refuse the
    # answer. So one side wins, with all its fields.
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
        # The application knows which of its own fields a page needs; ours come beside
        # them.
        kept.append((name, _merged([*exposed, *_listed(value)]) if merging else value))
    # A shared cache must not hand one person's answer to the next; an application that
    # has thought about caching knows better.
    if ours.private and "cache-control" not in names:
        kept.append(("Cache-Control", "private, no-store"))
    kept += ours.fields
    # Always, also without Origin: else a cache keeps the answer to a request without
    # one, and a page gets it without CORS fields.
    kept.append(("Vary", "*" if "*" in vary else _merged([*vary, *ours.vary])))
    return tuple(kept)


def with_cookies(fields: Fields, cookies: Iterable[str]) -> Fields:
    """Return *fields* with session cookies: no cache may keep such an answer.

    A cache that did would hand the session of one visitor to the next.
    """
    kept = tuple(field for field in fields if not _lets_cache(field[0].lower()))
    given = " ".join(v for n, v in fields if n.lower() == "cache-control").lower()
    caching = given if "no-store" in _listed(given) else "private, no-store"
    made = tuple(("Set-Cookie", value) for value in cookies)
    return *kept, ("Cache-Control", caching), *made


def _lets_cache(name: str) -> bool:
    """Whether a field says what caches may keep: all of them, or those of one vendor.

    RFC 9213: ``CDN-Cache-Control`` and its like count more than ``Cache-Control``.
    """
    return name.endswith("cache-control") or name in _VENDORS


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _merged(items: Iterable[str]) -> str:
    found: dict[str, str] = {}
    for item in items:
        found.setdefault(item.lower(), item)
    return ", ".join(found.values())
