"""Refusals that are only reported: the request runs, and gets nothing that it lacks."""

from __future__ import annotations

from typing import Any

from tests.wire.case import Case
from tests.wire.tokens import EVIL, WWW, bearer, cookie, origin, raw, site
from tests.wire.worlds import App, Ask

RULES = {"SCOPES": "GET:/notes/*=notes:admin POST:/notes/*=notes:write /open="}
SCOPES = {**RULES, "REPORT_ONLY": "scopes"}
ORIGINS = {"REPORT_ONLY": "origins"}
CLIENTS = {"CLIENTS_ONLY": "true", "REPORT_ONLY": "clients"}
ALL = {**RULES, "CLIENTS_ONLY": "true", "REPORT_ONLY": "scopes origins clients"}
BY_COOKIE = {**ORIGINS, "COOKIE": "token"}
HEADER = {"REPORT_HEADER": "true"}
PREFLIGHT = ("Access-Control-Request-Method", "GET")
GRANTING = App(
    headers=(
        ("Content-Type", "text/plain"),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "X-Total"),
    )
)


def runs(name: str, ask: Ask, settings: Any, *reported: str, **more: Any) -> Case:
    """A request that runs though a rule would refuse it."""
    return Case(
        name=f"report only: {name}",
        ask=ask,
        settings=settings,
        subject="alice",
        reported=reported,
        **more,
    )


def refused(name: str, ask: Ask, settings: Any, error: str | None, **more: Any) -> Case:
    """A request that is refused all the same."""
    return Case(
        name=f"report only, refused: {name}",
        ask=ask,
        settings=settings,
        error=error,
        **{"status": 403, **more},
    )


REPORT_ONLY = [
    runs("a missing scope", Ask(headers=(bearer(),)), SCOPES, "scope_missing"),
    runs(
        "a missing scope, on the client's page",
        Ask(headers=(bearer(), origin(WWW))),
        SCOPES,
        "scope_missing",
        cors=WWW,
    ),
    runs("no rule", Ask(path="/other", headers=(bearer(),)), SCOPES, "no_rule"),
    runs(
        "a foreign origin gets no CORS field",
        Ask(headers=(bearer(), origin(EVIL))),
        ORIGINS,
        "foreign_origin",
    ),
    runs(
        "what the application grants to a foreign origin stays",
        Ask(headers=(bearer(), origin(EVIL))),
        ORIGINS,
        "foreign_origin",
        app=GRANTING,
        cors="*",
        headers={"access-control-expose-headers": "X-Total"},
    ),
    runs(
        "the client's own page is no report",
        Ask(headers=(bearer(), origin(WWW))),
        ORIGINS,
        cors=WWW,
    ),
    runs(
        "the own page is no report",
        Ask(headers=(bearer(), origin("https://api.example"))),
        ORIGINS,
    ),
    runs(
        "a method that the client may not use",
        Ask(method="TRACK", headers=(bearer(), origin(WWW))),
        ORIGINS,
        "method_not_allowed_for_client",
        worlds=("wsgi", "asyncio", "trio", "starlette"),
    ),
    runs(
        "a client that is not listed",
        Ask(headers=(bearer(client_id="stranger"),)),
        CLIENTS,
        "client_not_listed",
    ),
    runs(
        "three kinds at once, each once",
        Ask(headers=(bearer(client_id="stranger"), origin(EVIL))),
        ALL,
        "client_not_listed",
        "foreign_origin",
        "scope_missing",
    ),
    runs(
        "the reasons are named for developers",
        Ask(headers=(bearer(client_id="stranger"), origin(EVIL))),
        {**ALL, **HEADER},
        "client_not_listed",
        "foreign_origin",
        "scope_missing",
        headers={
            "jwtguard-report": (
                "would_refuse=client_not_listed, would_refuse=foreign_origin, "
                "would_refuse=scope_missing"
            )
        },
    ),
    runs(
        "nothing is named without the setting",
        Ask(headers=(bearer(),)),
        SCOPES,
        "scope_missing",
        absent=("jwtguard-report",),
    ),
    runs(
        "nothing is named where nothing would be refused",
        Ask(headers=(bearer(),)),
        HEADER,
        absent=("jwtguard-report",),
    ),
    runs(
        "a cookie from another site, read only",
        Ask(headers=(cookie(), *site("cross-site", "no-cors", "image"))),
        BY_COOKIE,
        "cross_site",
        headers={"vary": "Cookie", "cache-control": "private, no-store"},
    ),
    runs(
        "a cookie from a foreign page, read only, is one report",
        Ask(headers=(cookie(), origin(EVIL), *site("cross-site", "cors", "empty"))),
        {**BY_COOKIE, **HEADER},
        "cross_site",
        headers={"jwtguard-report": "would_refuse=cross_site"},
    ),
    refused(
        "a cookie that would write",
        Ask(method="POST", headers=(cookie(), origin(EVIL))),
        BY_COOKIE,
        "invalid_origin",
    ),
    refused(
        "a cookie that would write, without an origin",
        Ask(method="POST", headers=(cookie(),)),
        BY_COOKIE,
        "invalid_origin",
    ),
    refused(
        "a form of a foreign page, without a token",
        Ask(method="POST", headers=(origin(EVIL),)),
        BY_COOKIE,
        "invalid_origin",
    ),
    refused(
        "another kind than the one that is reported",
        Ask(headers=(bearer(client_id="stranger"), origin(EVIL))),
        {**RULES, **ORIGINS, "CLIENTS_ONLY": "true"},
        "access_denied",
    ),
    refused(
        "a missing scope behind a foreign origin that is reported",
        Ask(headers=(bearer(), origin(EVIL))),
        {**RULES, **ORIGINS},
        "insufficient_scope",
    ),
    refused(
        "no token",
        Ask(headers=(origin(EVIL),)),
        ALL,
        "missing_token",
        status=401,
    ),
    refused(
        "a bad token",
        Ask(headers=(raw("Bearer a.b.c"),)),
        ALL,
        "invalid_token",
        status=401,
    ),
    refused(
        "a preflight, which brings no token",
        Ask(method="OPTIONS", headers=(origin(EVIL), PREFLIGHT)),
        ALL,
        None,
    ),
]
