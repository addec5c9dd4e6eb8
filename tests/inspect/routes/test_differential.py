"""What ``jwtguard check`` vouches for is what requests meet: random applications."""

from __future__ import annotations

import functools
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.errors import ConfigurationError
from jwtguard.flask import JWTGuard
from jwtguard.flask import require_scope as scope_of_flask
from jwtguard.inspect.check_policy import check_app
from jwtguard.inspect.routes import Finding
from jwtguard.inspect.routes.report import Row
from jwtguard.starlette import require_scope as scope_of_starlette
from jwtguard.testing import JWTIssuer

WORDS = ("admin", "users", "Users", "open", "report", "7", "x")
PARAMETERS = {
    "flask": ("<p>", "<int:p>", "<path:p>", "<any(admin, x):p>"),
    "asgi": ("{p}", "{p:int}", "{p:path}", "{p:float}"),
}
SCOPES = ("a", "b", "poor")


class Case(NamedTuple):
    """An application, how to ask it, and what check says of it."""

    ask: Callable[[str, dict[str, str]], tuple[int, str]]
    findings: list[Finding]
    rows: list[Row]


def templates(chance: random.Random, kind: str) -> Iterator[str]:
    for _ in range(chance.randint(1, 5)):
        parts = [chance.choice(WORDS) for _ in range(chance.randint(1, 3))]
        if chance.random() < 0.5:
            parts[chance.randrange(len(parts))] = chance.choice(PARAMETERS[kind])
        yield "/" + "/".join(parts) + chance.choice(["", "", "/"])


def pattern(chance: random.Random) -> str:
    parts = [chance.choice(WORDS) for _ in range(chance.randint(1, 2))]
    return "/" + "/".join(parts) + chance.choice(["", "/*"])


def settings(chance: random.Random) -> dict[str, Any]:
    """Return path rules at random; whatever contradicts itself is drawn again."""
    found: dict[str, Any] = {}
    for name in ("public_paths", "optional_paths"):
        if chance.random() < 0.5:
            found[name] = [pattern(chance)]
    if chance.random() < 0.7:
        needs = [chance.sample(SCOPES, chance.randint(0, 2)) for _ in range(2)]
        found["scopes"] = [ScopeRule(path=pattern(chance), require=n) for n in needs]
        if chance.random() < 0.7:
            found["scopes"].append(ScopeRule(path="/*"))
    return found


def flask_app(chance: random.Random, guard: Any) -> Any:
    app = Flask("notes", static_folder=None)
    app.url_map.strict_slashes = chance.random() < 0.5
    for template in dict.fromkeys(templates(chance, "flask")):
        view: Any = functools.partial(lambda t, **_: t, template)
        view.__name__ = template
        if chance.random() < 0.4:
            view = scope_of_flask(chance.choice(SCOPES))(view)
        app.add_url_rule(template, template.replace(".", ""), view)
    JWTGuard(app, guard)
    return app


def asgi_app(chance: random.Random, guard: Any) -> Any:
    routes: list[Any] = []
    for template in dict.fromkeys(templates(chance, "asgi")):

        async def endpoint(request: Request, name: str = template) -> Response:
            return PlainTextResponse(name)

        view: Any = endpoint
        if chance.random() < 0.4:
            view = scope_of_starlette(chance.choice(SCOPES))(endpoint)
        routes.append(Route(template, view))
    if chance.random() < 0.3:
        return GuardMiddleware(
            Starlette(routes=[Mount("/users", routes=routes)]), guard
        )
    if chance.random() < 0.5:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = chance.choice(["", "", "/admin", "/open"])
            return GuardMiddleware(FastAPI(routes=routes, root_path=root), guard)
    return GuardMiddleware(Starlette(routes=routes), guard)


def client_of(app: Any) -> Callable[[str, dict[str, str]], tuple[int, str]]:
    def ask(path: str, headers: dict[str, str]) -> tuple[int, str]:
        if isinstance(app, Flask):
            answer = app.test_client().get(path, headers=headers, base_url="https://a")
            return answer.status_code, answer.text
        client = TestClient(app, base_url="https://a", follow_redirects=False)
        got = client.get(path, headers=headers)
        return got.status_code, got.text

    return ask


def case(issuer: JWTIssuer, chance: random.Random) -> Case:
    while True:
        try:
            guard = issuer.guard(**settings(chance))
            break
        except ConfigurationError:
            continue
    app = chance.choice([flask_app, asgi_app])(chance, guard)
    return Case(client_of(app), *check_app(app))


def paths(chance: random.Random, rows: list[Row]) -> Iterator[str]:
    yield from (row.example for row in rows if row.example)
    for _ in range(40):
        parts = [chance.choice(WORDS) for _ in range(chance.randint(1, 4))]
        slash = chance.choice(["/", "/", "/", "//", "/./", "/%2e/"])
        yield "/" + slash.join(parts) + chance.choice(["", "", "/"])


def is_open(row: Row, scopes: set[str]) -> bool:
    """Whether *row* says that a caller with *scopes* gets through."""
    if row.level != "ok":
        return row.level == "note"
    if row.requirements == "any token":
        return bool(scopes)
    words = row.requirements.replace("scope", " ").replace("and", " ").split()
    return set(words) <= scopes


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_nothing_gets_past_what_is_called_ok(seed: int) -> None:
    """A handler that runs without what its rows ask for has another row, or a wrong."""
    chance, issuer = random.Random(seed), JWTIssuer(alg="ES256")
    ask, findings, rows = case(issuer, chance)
    if any(one.level == "wrong" for one in findings):
        return  # it does not vouch
    poor = issuer.headers(scope="poor")
    for path in paths(chance, rows):
        for scopes, headers in (({"poor"}, poor), (set[str](), {})):
            status, name = ask(path, headers)
            mine = [row for row in rows if row.path.removeprefix("/users") == name]
            mine = mine or [row for row in rows if row.path == name]
            if status == 200 and mine:
                assert any(is_open(row, scopes) for row in mine), (path, scopes, rows)


@pytest.mark.parametrize("seed", range(60, 90))
def test_an_example_is_answered_as_its_row_says(seed: int) -> None:
    """What a row says of an example is what the guard does with it."""
    chance, issuer = random.Random(seed), JWTIssuer(alg="ES256")
    ask, findings, rows = case(issuer, chance)
    if any(one.what == "root path" for one in findings):
        rows = []  # the guard refuses to start
    for row in rows:
        path = row.example or row.path
        if (
            "GET" not in row.methods
            or any(c in path for c in "<{*")
            or row.level == "weak"
        ):
            continue
        status = ask(path, {})[0]
        if row.level == "ok":
            assert status == 401, row
            if row.requirements != "any token" and not is_open(row, {"poor"}):
                assert ask(path, issuer.headers(scope="poor"))[0] == 403, row
        elif row.level == "note":
            assert status == 200, row
