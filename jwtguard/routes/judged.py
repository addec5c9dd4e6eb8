"""What a request to each route must bring: path rules and decorators put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..core.demands import ANY_TOKEN
from ..core.paths import Kind
from ..core.policy import Policy
from ..core.scopes import require_roles
from ..core.unguarded import decorator_of, roles_problem
from ..guard import Guard
from . import Finding, Route

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table that a reviewer signs off."""

    level: str
    methods: str
    path: str
    demands: str
    handler: str

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self)


def rows(routes: Iterable[Route]) -> list[Row]:
    """Judge every route; sorted, so that two tables can be compared."""
    found = (row for route in routes for row in _rows(route))
    return sorted(found, key=lambda row: (row.path, row.methods, row.handler))


def _rows(route: Route) -> Iterator[Row]:
    """Yield a row for each group of methods that is treated alike."""
    groups: dict[tuple[str, str], list[str]] = {}
    for method in route.methods or METHODS:
        judged = _ineffective(route) or _judged(route, method)
        groups.setdefault(judged, []).append(method)
    for (level, demands), methods in groups.items():
        alike = not route.methods and len(groups) == 1
        yield Row(
            level=level,
            methods="any" if alike else " ".join(methods),
            path=route.path,
            demands=demands,
            handler=route.handler,
        )


def _judged(route: Route, method: str) -> tuple[str, str]:
    own = " and ".join(str(one) for one in route.demands if one != ANY_TOKEN)
    if route.guard is None:
        if route.relay:
            return "ok", "the rules of token paths"
        if route.demands:
            return "wrong", f"fails: no guard in front, and the handler asks for {own}"
        return "wrong", "NOTHING: no guard stands in front"
    paths = route.guard.flow.paths
    method = "GET" if method == "WEBSOCKET" else method
    kind = paths.kind(method, route.inner, None)
    if kind is None:
        return "weak", "refused: the path can be read in two ways"
    if kind is Kind.TOKEN or kind is Kind.REVOCATION:
        return "ok", "the rules of token paths"
    if kind is Kind.PUBLIC:
        return _public(route, own, method)
    if route.relay:
        return "wrong", "a token, to get a token: list it in public_paths"
    if kind is Kind.OPTIONAL:
        return ("ok", own or "any token") if route.demands else ("note", _OPTIONAL)
    required = paths.required(method, route.inner)
    if required is None:
        return "weak", "refused: no scope rule opens the path"
    by_path = "scope " + " and ".join(required) if required else ""
    return "ok", " and ".join(filter(None, (by_path, own))) or "any token"


def _ineffective(route: Route) -> tuple[str, str] | None:
    """Judge a route whose decorator does not do what it says."""
    if route.guard is None:
        return None
    if route.skipped is not None:
        text = f"{decorator_of(route.skipped)} has no effect: "
        return "wrong", text + "it stands above the route decorator, or came later"
    problem = roles_problem(route.guard.policy)
    by_role = [one for one in route.demands if one.rule is require_roles and one.names]
    return ("wrong", f"refuses all: {problem}") if problem and by_role else None


_OPTIONAL = "nothing: a token is read if one is sent"


def _public(route: Route, own: str, method: str) -> tuple[str, str]:
    if route.relay:
        return "ok", "the rules of token paths"
    if route.demands:
        text = f"refuses all: public, so no token is read, and it asks for {own}"
        return "wrong", text
    # Login and logout are forms: with a cookie at stake, no foreign page sends them.
    cookie = route.guard is not None and route.guard.policy.cookie is not None
    if cookie and method not in ("GET", "OPTIONS"):
        return "note", "nothing: public, but not from a foreign origin"
    return "note", "nothing: public"


def about(routes: Sequence[Route]) -> Iterator[Finding]:
    """Yield what strikes about all routes of one application."""
    unguarded = [r.path for r in routes if r.guard is None and not r.relay]
    if unguarded and len(unguarded) == len(routes):
        text = "none: JWTGuard(app) or Middleware(GuardMiddleware) is missing"
        yield Finding("wrong", "guard", text)
    elif unguarded:
        text = f"not in front of {' '.join(sorted(set(unguarded)))}"
        yield Finding("wrong", "guard", text)
    for guard in dict.fromkeys(route.guard for route in routes if route.guard):
        yield from _patterns(guard, [r for r in routes if r.guard is guard])


def _patterns(guard: Guard, routes: Sequence[Route]) -> Iterator[Finding]:
    """Compare the patterns of the policy with the routes behind it."""
    inner = {route.inner for route in routes}
    for name, pattern in _named_patterns(guard.policy):
        met = [path for path in sorted(inner) if meets(pattern, path)]
        if not met:
            text = f"{pattern} is the path of no route here: is it misspelt?"
            yield Finding("weak", name, text)
        within = [path for path in met if _narrower(pattern, path)]
        if within and pattern not in inner:
            text = f"{pattern} covers only a part of {' '.join(within)}"
            yield Finding("note", name, text)


def _named_patterns(policy: Policy) -> Iterator[tuple[str, str]]:
    for name in ("public_paths", "optional_paths", "token_paths", "revocation_paths"):
        for pattern in getattr(policy, name):
            yield name.replace("_", " "), pattern
    for rule in policy.scopes:
        if rule.path != "/*":
            yield "scopes", rule.path


def meets(pattern: str, template: str) -> bool:
    """Whether some path falls under both *pattern* and the route *template*."""
    ours, theirs = _segments(pattern), _segments(template)
    for own, other in zip(ours, theirs, strict=False):
        if own == "*" or _takes_rest(other):
            return True
        if not _is_open(other) and own.casefold() != other.casefold():
            return False
    shorter = len(ours) - len(theirs)
    return shorter == 0 or (shorter == 1 and ours[-1] == "*")


def _narrower(pattern: str, template: str) -> bool:
    """Whether *template* also stands for paths that *pattern* does not cover."""
    fixed = _segments(pattern.removesuffix("/*"))
    return any(_is_open(part) for part in _segments(template)[: len(fixed)])


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _is_open(segment: str) -> bool:
    return segment == "*" or "{" in segment or "<" in segment


def _takes_rest(segment: str) -> bool:
    return segment == "*" or ":path}" in segment or segment.startswith("<path")
