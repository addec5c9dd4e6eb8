"""What a request to each route must bring: path rules and decorators put together.

Judged are concrete requests that reach the handler, as the guard in front sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...core.authorize.opening import is_opening, opening_in
from ...core.authorize.requirements import ANY_TOKEN, Requirement, require_roles
from ...core.authorize.unguarded import decorator_of, roles_problem
from ...core.extract.paths import Kind, PathAccess
from ..demands import words_of
from ..shown import escaped
from .model import Route
from .trials import METHODS, Trials, Tried

_TOKEN_PATHS = "the rules of token paths"  # noqa: S105
_LISTED = "list it in optional_paths"
_OPTIONAL = "nothing: a token is read if one is sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table that a reviewer signs off.

    ``example`` is a path of the route that is treated unlike the others, or "".
    """

    level: str
    methods: str
    path: str
    requirements: str
    handler: str
    example: str = ""

    def __post_init__(self) -> None:
        for name in ("path", "requirements", "handler", "example"):
            object.__setattr__(self, name, escaped(getattr(self, name)))

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self)


Verdict = tuple[str, str]
"""Level and text."""


def rows(trials: Trials) -> list[Row]:
    """Judge every route; sorted, so that two tables can be compared."""
    found = (row for route in trials.routes for row in _rows(trials, route))
    return sorted(
        found, key=lambda row: (row.path, row.methods, row.handler, row.example)
    )


def _rows(trials: Trials, route: Route) -> Iterator[Row]:
    """Yield a row for each group of methods, and of paths, that is treated alike."""
    groups: dict[Verdict, list[str]] = {}
    others: dict[Verdict, tuple[str, list[str]]] = {}
    for method in trials.methods_of(route):
        tried = [one for one in trials.of(route, method) if not one.example.odd]
        first = (
            verdict_of(route, method, tried[0].rule) if tried else _ineffective(route)
        )
        usual = first or ("weak", f"never runs: {trials.missed(route, method)}")
        groups.setdefault(usual, []).append(method)
        # Where the plain path leads elsewhere, another spelling may still get here.
        for one in tried[1:] if tried else trials.of(route, method):
            verdict = verdict_of(route, method, one.rule)
            if verdict != usual:
                methods = others.setdefault(verdict, (one.path, []))[1]
                methods += [] if method in methods else [method]
    for verdict, methods in groups.items():
        yield _row(route, verdict, methods, alike=len(groups) == 1)
    for verdict, (path, methods) in others.items():
        yield _row(route, verdict, methods, alike=len(methods) == len(METHODS), at=path)


def _row(
    route: Route, verdict: Verdict, methods: list[str], *, alike: bool, at: str = ""
) -> Row:
    level, requirements = verdict
    return Row(
        level=level,
        methods="any" if alike and not route.methods else " ".join(methods),
        path=route.path,
        requirements=requirements,
        handler=route.handler,
        example=at,
    )


def verdict_of(route: Route, method: str, rule: PathAccess | None) -> Verdict:
    """Say what a request to *route* needs that falls under *rule* of its guard."""
    level, text = _ineffective(route) or _verdict(route, method, rule)
    # What lies inside may be open or not: `ok` would promise too much.
    if level == "ok" and route.opaque:
        return "note", f"{text}, and whatever it asks for itself"
    return level, text


_BY_KIND: Mapping[Kind | None, Verdict] = {
    None: ("weak", "refused: the path can be read in two ways"),
    Kind.TOKEN: ("ok", _TOKEN_PATHS),
    Kind.REVOCATION: ("ok", _TOKEN_PATHS),
    Kind.LOGOUT: ("weak", "never runs: the guard itself answers on a logout path"),
    Kind.SESSION: ("weak", "never runs: the guard itself answers on the session path"),
}
"""Where the handler makes no difference."""


def _verdict(route: Route, method: str, rule: PathAccess | None) -> Verdict:
    asked = asked_of(route)
    own = " and ".join(str(one) for one in asked if one != ANY_TOKEN)
    opening = opening_in(route.requirements)
    if rule is None:
        return _unguarded(route, own)
    if rule.kind in _BY_KIND:
        return _BY_KIND[rule.kind]
    if opening and rule.openable:
        return _opened(route, opening, own, method)
    if rule.kind in (Kind.PUBLIC, Kind.METADATA):
        return _public(route, own, method)
    if route.relay:
        return "wrong", "a token, to get a token: list it in public_paths"
    if rule.kind is Kind.OPTIONAL:
        return ("ok", own or "any token") if asked else ("note", _OPTIONAL)
    if rule.scopes is None:
        return "weak", "refused: no scope rule opens the path"
    if route.optional:
        return "weak", "any token, though the handler also answers without: " + _LISTED
    # The rule is stronger: whoever wrote the mark believes otherwise.
    needed = " and ".join(filter(None, (words_of(rule), own))) or "any token"
    if opening:
        return "weak", f"{needed}: @{opening} has no effect, as a rule names the path"
    return "ok", needed


def _opened(route: Route, opening: str, own: str, method: str) -> Verdict:
    if opening == "public":
        return _public(route, own, method)
    return ("ok", own) if own else ("note", _OPTIONAL)


def asked_of(route: Route) -> tuple[Requirement, ...]:
    """Return what the handler of *route* asks for."""
    return tuple(one for one in route.requirements if not is_opening(one))


def _ineffective(route: Route) -> Verdict | None:
    """Judge a route whose decorator does not do what it says."""
    if route.guard is None:
        return None
    if route.skipped is not None:
        text = f"{decorator_of(route.skipped)} has no effect: "
        return "wrong", text + "it stands above the route decorator, or came later"
    problem = roles_problem(route.guard.policy)
    by_role = [
        one for one in route.requirements if one.rule is require_roles and one.names
    ]
    return ("wrong", f"refuses all: {problem}") if problem and by_role else None


def _unguarded(route: Route, own: str) -> Verdict:
    if route.relay:
        return "ok", _TOKEN_PATHS
    if asked_of(route):
        return "wrong", f"fails: no guard in front, and the handler asks for {own}"
    if route.opaque:
        return "wrong", "unknown: no guard was found, and it cannot be looked into"
    return "wrong", "NOTHING: no guard stands in front"


def _public(route: Route, own: str, method: str) -> Verdict:
    if route.relay:
        return "ok", _TOKEN_PATHS
    if asked_of(route):
        text = f"refuses all: public, so no token is read, and it asks for {own}"
        return "wrong", text
    if route.optional:
        return "weak", "nothing: public, so optional() finds no caller: " + _LISTED
    # Login and logout are forms: with a cookie at stake, no foreign page sends them.
    cookie = route.guard is not None and route.guard.policy.cookie is not None
    if cookie and method not in ("GET", "OPTIONS", "WEBSOCKET"):
        return "note", "nothing: public, but not from a foreign origin"
    return "note", "nothing: public"


def needs(tried: Tried) -> str:
    """Say what *tried* needs."""
    route = tried.found.route
    return _verdict(route, tried.method, tried.rule)[1] if route else "nothing"
