"""A token and a request against a whole application: its guards and its decorators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..core.authorize.requirements import ANY_TOKEN, Requirement, require_principal
from ..core.extract.paths import Kind
from ..core.model.request import Request
from ..errors import AuthError
from ..guard import Guard
from . import hints
from .explain_request import (
    claimed_by,
    grants_of,
    only_reported,
    request_of,
    try_request,
)
from .explain_token import explain
from .routes.resolve import requirements_at
from .shown import Check, failed


def explain_app(
    app: Any, token: str, *, method: str, path: str, origin: str, cookie: bool,
    certificate: bytes | None = None,
) -> Iterator[Check]:  # fmt: skip
    """Yield each check of *token* and of one request to *app*, which brings it.

    The application's own router says which handler answers; it does not run.
    """
    found = requirements_at(app, method, path)
    for guard in dict.fromkeys(guard for guard, _ in found.guards):
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
        sent = sent._replace(raw_path=seen.raw_path, websocket=seen.websocket)
        yield from try_request(guard, sent, token, app=True)
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


def _required(
    guard: Guard, seen: Request, requirements: Sequence[Requirement], token: str
) -> Iterator[Check]:
    """Yield what becomes of each requirement of a handler behind *guard*.

    Scopes and roles are those that the token claims, so that what is missing shows
    beside whatever else is wrong with it.
    """
    kind = guard.path_access(seen).kind
    # On a public path no token is read, so a decorator there refuses every request.
    read = kind in (Kind.PROTECTED, Kind.OPTIONAL)
    principal = claimed_by(guard, token) if read else None
    held = grants_of(principal) if principal else "none: no token was read"
    for requirement in requirements:
        try:
            if requirement == ANY_TOKEN:
                require_principal(principal)
            else:
                requirement.rule(principal, requirement.names)
        except AuthError as error:
            hint = hints.hint_of(error.reason)
            if error.report_only in guard.policy.report_only:
                found = f"{requirement}: {only_reported(error.reason)}"
                yield Check(name="decorator", passed=True, found=found, hint=hint)
                continue
            yield failed("decorator", error.reason, str(requirement), held, hint)
        else:
            yield Check(name="decorator", passed=True, found=str(requirement))
