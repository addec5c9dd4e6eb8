"""A second policy beside the first: the first decides, and differences are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.case import Case
from tests.wire.tokens import WWW, bearer, cookie, origin, raw
from tests.wire.worlds import Ask

NEXT = {
    "SHADOW_CONFIG": str(Path(__file__).parent / "shadow.toml"),
    "PUBLIC_PATHS": "/open /old",
    "OPTIONAL_PATHS": "/maybe",
    "SCOPES": "/admin=admin /*=",
}
NEW = "https://new.example"


def beside(
    name: str, ask: Ask, differs: tuple[str, str] | None = None, **more: Any
) -> Case:
    """A request that two policies judge."""
    settings = {**NEXT, **more.pop("settings", {})}
    return Case(
        name=f"shadow: {name}", ask=ask, settings=settings, differs=differs, **more
    )


SHADOW_CASES = [
    beside("both let it pass", Ask(path="/x", headers=(bearer(),)), subject="alice"),
    beside(
        "only the first lets it pass: a scope",
        Ask(headers=(bearer(),)),
        ("", "scope_missing"),
        subject="alice",
    ),
    beside(
        "only the first lets it pass: an origin",
        Ask(path="/x", headers=(bearer(), origin(WWW))),
        ("", "foreign_origin"),
        subject="alice",
        cors=WWW,
    ),
    beside(
        "only the first lets it pass: a client",
        Ask(path="/x", headers=(bearer(client_id="other"),)),
        ("", "client_not_listed"),
        subject="alice",
    ),
    beside(
        "only the second lets it pass: an origin",
        Ask(path="/x", headers=(bearer(), origin(NEW))),
        ("foreign_origin", ""),
        status=403,
        error="invalid_origin",
    ),
    beside(
        "only the second lets it pass: a scope",
        Ask(path="/admin", headers=(bearer(),)),
        ("scope_missing", ""),
        status=403,
        error="insufficient_scope",
    ),
    beside(
        "both refuse it, for different reasons",
        Ask(path="/admin", headers=(bearer(client_id="other"),)),
        ("scope_missing", "client_not_listed"),
        status=403,
        error="insufficient_scope",
    ),
    beside(
        "both refuse it for one reason",
        Ask(path="/x", headers=(bearer(), origin("https://evil.example"))),
        status=403,
        error="invalid_origin",
    ),
    beside(
        "neither trusts the token",
        Ask(headers=(raw("Bearer a.b.c"),)),
        status=401,
        error="invalid_token",
    ),
    beside("no token, where both need one", Ask(), status=401, error="missing_token"),
    beside("no token, where neither needs one", Ask(path="/open")),
    beside(
        "no token, and only the first needs one",
        Ask(path="/news"),
        ("no_credentials", ""),
        status=401,
        error="missing_token",
    ),
    beside(
        "no token, and only the second needs one: a public path",
        Ask(path="/old"),
        ("", "no_credentials"),
    ),
    beside(
        "no token, and only the second needs one: an optional path",
        Ask(path="/maybe"),
        ("", "no_credentials"),
    ),
    beside(
        "a token that the first does not read", Ask(path="/old", headers=(bearer(),))
    ),
    beside(
        "a token that the second does not read",
        Ask(path="/news", headers=(bearer(scope="notes:admin"), origin(WWW))),
        subject="alice",
        cors=WWW,
    ),
    beside(
        "a cookie is a token that was not read",
        Ask(path="/old", headers=(cookie(),)),
        settings={"COOKIE": "token"},
        headers={"vary": "Origin"},
    ),
    beside(
        "a broken cookie is no judgement",
        Ask(path="/old", headers=(("Cookie", "token=a; token=b"),)),
        settings={"COOKIE": "token"},
    ),
    beside(
        "what is only reported passes in both",
        Ask(headers=(bearer(),)),
        settings={"REPORT_ONLY": "scopes"},
        subject="alice",
    ),
    beside(
        "a preflight is the first one's",
        Ask(
            method="OPTIONS",
            headers=(origin(WWW), ("Access-Control-Request-Method", "GET")),
        ),
        status=204,
        ran=False,
        cors=WWW,
    ),
]
