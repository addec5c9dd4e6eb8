"""A token and a request against a whole application: its guards and its decorators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..core.authorize.opening import is_opening, opening_in
from ..core.authorize.requirements import Requirement
from ..core.model.patterns import ambiguous
from ..core.model.principal import Principal
from ..core.model.request import Request
from ..core.respond.case_hints import NOT_READ, reads_token
from ..errors import AuthError
from ..guard import Guard
from ..reasons.login import LOGIN
from . import hints
from .explain_request import (
    claimed_by,
    grants_of,
    only_reported,
    request_of,
    try_request,
)
from .explain_session import read_input
from .explain_token import explain
from .routes.resolve import requirements_at
from .shown import Check, failed


def explain_app(
    app: Any, given: str, *, method: str, path: str, origin: str, cookie: bool,
    certificate: bytes | None = None,
) -> Iterator[Check]:  # fmt: skip
    """Yield each check of a token and of one request to *app*, which brings it.

    *given* is the token, or a session cookie of a guard of *app*. The application's own
    router says which handler answers; it does not run.
    """
    found = requirements_at(app, method, path)
    guards = list(dict.fromkeys(guard for guard, _ in found.guards))
    cookie_checks, token, session = read_input(guards, given)
    yield from cookie_checks
    if token is None:
        return
    for guard in guards:
        yield from explain(guard, token, certificate=certificate)
    # Each guard with the request as it sees it: a mount takes a part of the path away.
    for guard, seen in found.guards:
        if cookie and guard.policy.cookie is None:
            yield failed("cookie", "", "JWTGUARD_COOKIE", "not set")
            return
        sent = request_of(
            guard, token, method=seen.method, path=seen.path, origin=origin,
            cookie=cookie, certificate=certificate,
        )  # fmt: skip
        opened = opening_in(found.requirements) if _opens(guard, seen) else ""
        sent = sent._replace(
            raw_path=seen.raw_path, websocket=seen.websocket, opened=opened
        )
        yield from try_request(guard, sent, token, app=True, session=session)
    asked = f"{method} {path}"
    if found.route is None:
        nothing = "none: not found, another method, or a redirect"
        yield failed("handler", "", f"a handler for {asked}", nothing)
        return
    handler = f"{asked} is answered by {found.route.handler}"
    if not found.guards and not found.route.relay:
        hint = "no middleware of jwtguard is on the way to this handler"
        yield failed("handler", "", "a guard in front of it", handler, hint)
        return
    hint = (
        "it cannot be looked into, and may ask for more" if found.route.opaque else ""
    )
    yield Check(name="handler", passed=True, found=handler, hint=hint)
    if found.guards:
        yield from _required(*found.guards[-1], found.requirements, token)


def _opens(guard: Guard, seen: Request) -> bool:
    """Whether the path is one that a handler may open."""
    # The middleware asks no router about a path that can be read in two ways.
    plain = not ambiguous(seen.path, seen.raw_path)
    return plain and guard.path_access(seen).openable


def _required(
    guard: Guard, seen: Request, requirements: Sequence[Requirement], token: str
) -> Iterator[Check]:
    """Yield what becomes of each requirement of a handler behind *guard*.

    Scopes and roles are those that the token claims, so that what is missing shows
    beside whatever else is wrong with it.
    """
    opened = opening_in(requirements) if _opens(guard, seen) else ""
    kind = guard.path_access(seen._replace(opened=opened)).kind
    # On a public path no token is read, so a decorator there refuses every request.
    read = reads_token(kind)
    principal = claimed_by(guard, token) if read else None
    held = grants_of(principal) if principal else "none: no token was read"
    for requirement in (one for one in requirements if not is_opening(one)):
        check = _required_by(guard, requirement, principal, held)
        yield check if read or check.passed else replace(check, hint=NOT_READ)


def _required_by(
    guard: Guard, requirement: Requirement, principal: Principal | None, held: str
) -> Check:
    now, leeway = guard.clock.time(), guard.policy.leeway
    try:
        requirement.check_principal(principal, now=now, leeway=leeway)
    except AuthError as error:
        hint = hints.hint_of(error.reason)
        if error.report_only in guard.policy.report_only:
            found = f"{requirement}: {only_reported(error.reason)}"
            return Check(name="decorator", passed=True, found=found, hint=hint)
        if principal is not None and error.reason in LOGIN:
            held = f"acr {principal.acr}, auth_time {principal.authenticated_at}"
        if principal is not None and error.reason == "unbound_token":
            held = "a bearer token: no cnf"
        return failed("decorator", error.reason, str(requirement), held, hint)
    hint = "" if requirement.own is None else "the application's own check: not run"
    return Check(name="decorator", passed=True, found=str(requirement), hint=hint)
