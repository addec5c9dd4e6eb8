"""Servers say ``--root-path`` in their own ways; no handler runs that should not."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from jwtguard.testing import JWTIssuer
from tests.routing.asgi_apps import ASGI
from tests.routing.differential import allowed
from tests.waiting import HANG

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
APP = "routed_app:app"
SERVERS = {
    "hypercorn": ("hypercorn", "--bind=127.0.0.1:PORT"),
    "daphne": ("daphne", "--bind=127.0.0.1", "--port=PORT"),
    "uvicorn": ("uvicorn", "--port=PORT", "--http=h11", "--lifespan=on"),
}
TARGETS = (
    "/static/api/admin/report", "/apiadmin/report", "/api/admin/report", "admin/report",
    "/admin/report", "/API/admin/report", "/notes/api/admin/report", "/api/static/x",
    "/static/api/static/x", "/adm%FFin/report", "/adm%C4%B1n/report", "/users/7/keys",
    "/api/users/7/keys", "/api/api/admin/report", "//admin/report", "/static/x",
)  # fmt: skip
LEAVES_ROOT = "falcon under ASGI"


def ask(running: Any, target: str, **fields: str) -> tuple[int, str]:
    """Send exactly this target; return the status and which handler answered."""
    connection = HTTPConnection("127.0.0.1", running.port, timeout=HANG)
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request("GET", target, headers=named)
    answer = connection.getresponse()
    body = answer.read().decode().strip('"')
    connection.close()
    return answer.status, body


@pytest.mark.parametrize("server", SERVERS)
def test_a_root_path_opens_nothing(
    serve: Serve, issuer: JWTIssuer, server: str
) -> None:
    """``/static/api/admin/report`` ran the admin handler for nobody, in Litestar.

    ``/apiadmin/report`` ran it for a token without the scope, in Quart.
    """
    running = serve(*SERVERS[server], "--root-path=/api", APP)
    callers = {
        "nobody": {},
        "poor": issuer.headers(),
        "rich": issuer.headers(scope="admin keys"),
    }
    reached = set()
    for app in ASGI:
        for rules in ("public", "scopes"):
            for caller, fields in callers.items():
                for target in TARGETS:
                    chosen = {"X_App": app, "X_Rules": rules, **fields}
                    status, name = ask(running, target, **chosen)
                    assert caller != "nobody" or status < 500
                    if status == 200:
                        what = (app, rules, caller, target, name)
                        assert allowed(rules, name, caller), what
                        reached.add((app, name))
    wanted = {(app, name) for app in ASGI for name in ("report", "keys", "static")}
    left = {(app, name) for app, name in wanted - reached if app != LEAVES_ROOT}
    assert not left, "the comparison compares something"


def test_a_root_path_from_a_header_opens_nothing(
    serve: Serve, issuer: JWTIssuer
) -> None:
    """daphne lets clients name it; frameworks that take it off agree with the guard."""
    running = serve(*SERVERS["daphne"], APP)
    for root in ("/api", "/static", "/admin", "/api/", "/", "api", "/a"):
        for app in ASGI:
            for target in (*TARGETS, "/static/admin/report", "/admin/static/x"):
                fields = {"Daphne_Root_Path": root, "X_App": app, "X_Rules": "scopes"}
                fields |= issuer.headers()
                status, name = ask(running, target, **fields)
                if status == 200:
                    assert allowed("scopes", name, "poor"), (app, root, target, name)
