"""Every ASGI framework behind two guards, in one server: header fields choose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from jwtguard import Guard, load_policy
from jwtguard.asgi import GuardMiddleware
from tests.routing.asgi_apps import ASGI
from tests.servers.asgi_app import lifespan

RULES: Mapping[str, Mapping[str, str]] = {
    "public": {"JWTGUARD_PUBLIC_PATHS": "/static/* /healthz"},
    "scopes": {
        "JWTGUARD_PUBLIC_PATHS": "/static/* /healthz",
        "JWTGUARD_SCOPES": "/admin/*=admin /users/*/keys=keys /*=",
    },
}
GUARDS = {name: Guard(load_policy({**os.environ, **RULES[name]})) for name in RULES}
APPS = {
    (app.encode(), rules.encode()): GuardMiddleware(make(), guard)
    for rules, guard in GUARDS.items()
    for app, make in ASGI.items()
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Hand the request to the application and the guard that it names."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    fields = dict(scope["headers"])
    if b"x-app" in fields:
        await APPS[fields[b"x-app"], fields[b"x-rules"]](scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ready"})
