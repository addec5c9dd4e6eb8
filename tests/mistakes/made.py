"""How a mistake is made, and where its answer is read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask

from jwtguard import Guard, load_policy
from jwtguard.flask import JWTGuard
from jwtguard.inspect.check_policy import check, check_app
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.routes import Finding
from jwtguard.inspect.routes.report import Row
from jwtguard.testing import JWTIssuer

Made = Callable[[JWTIssuer], str]
"""Make the mistake; return what the program says."""
Table = Mapping[str, tuple[str, Made]]
"""By the words of the page: where the answer is found, and the mistake."""


def settings(toml: str = "", **variables: str | None) -> Made:
    """Start with these variables; return the problem that the start names."""

    def make(issuer: JWTIssuer) -> str:
        needed = {"ISSUER": issuer.url, "AUDIENCE": issuer.audience}
        given = {**needed, **variables}
        environ = {f"JWTGUARD_{k}": v for k, v in given.items() if v is not None}
        if toml:
            environ = {"JWTGUARD_CONFIG": toml}
        return raised(lambda: load_policy(environ))

    return make


def raised(call: Callable[[], object]) -> str:
    """Return the error of *call* as a terminal shows it."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        notes = getattr(error, "__notes__", [])
        return "\n".join([f"{type(error).__name__}: {error}", *notes])
    return "no error"


def checked(**fields: Any) -> Made:
    """Return what ``jwtguard check`` says of a policy with these fields."""

    def make(issuer: JWTIssuer) -> str:
        return lines(check(issuer.guard(**fields)))

    return make


def checked_app(build: Callable[[Guard], Any]) -> Made:
    """Return what ``jwtguard check module:app`` says of an application."""

    def make(issuer: JWTIssuer) -> str:
        findings, rows = check_app(build(issuer.guard()))
        return lines([*findings, *rows])

    return make


def lines(said: Any) -> str:
    """Return findings and rows of ``jwtguard check`` as text."""
    return "\n".join(_line(one) for one in said)


def _line(one: Finding | Row) -> str:
    if isinstance(one, Finding):
        return f"{one.level} {one.what} {one.text}"
    return f"{one.level} {one.methods} {one.path} {one.requirements}"


def explained(token: Callable[[JWTIssuer], str], **asked: Any) -> Made:
    """Return what ``jwtguard explain`` says of a token, or of a request with it."""

    def make(issuer: JWTIssuer) -> str:
        guard = issuer.guard()
        found = [*explain(guard, token(issuer))]
        if asked:
            given = {"method": "GET", "path": "/", "origin": "", "cookie": False}
            request = request_of(guard, token(issuer), **{**given, **asked})
            found += try_request(guard, request, token(issuer))
        return "\n".join(f"{one.reason} {one.hint}" for one in found if not one.passed)

    return make


def _shown(record: logging.LogRecord) -> str:
    """Return the line of the log without the backslashes of ``repr``."""
    return record.getMessage().replace("\\'", "'")


@contextmanager
def log() -> Iterator[list[str]]:
    """Collect what the guard logs."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(_shown(record))  # type: ignore[method-assign]
    logger = logging.getLogger("jwtguard")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def sent(
    headers: Callable[[JWTIssuer], Mapping[str, str]] | None = None,
    *,
    path: str = "/notes",
    base_url: str = "https://localhost",
    **fields: Any,
) -> Made:
    """Send one request; return the line of the log."""

    def make(issuer: JWTIssuer) -> str:
        app = Flask(__name__)
        JWTGuard(app, issuer.guard(**fields))
        app.add_url_rule("/notes", view_func=lambda: "milk")
        given = headers(issuer) if headers else issuer.headers()
        with log() as logged:
            client = app.test_client(use_cookies=False)
            client.get(path, headers=given, base_url=base_url)
        return "\n".join(logged)

    return make
