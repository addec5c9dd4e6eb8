"""What strikes about the path rules of a guard, once requests have been tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from ...core.authorize.opening import opening_in
from ...core.extract.paths import Kind, PathAccess, PathRules
from ...core.model.claim_rule import ClaimRule
from ...core.model.policy import Policy
from ...core.model.request import Request
from ...core.model.scope_rule import ScopeRule
from ...guard import Guard
from ..demands import asks_more, words_of
from .model import Finding, Route
from .report import needs
from .trials import METHODS, Trials, Tried

Applies = Callable[[Request], bool]


def about(trials: Trials) -> Iterator[Finding]:
    """Yield what strikes about all routes of one application."""
    yield from _unguarded(trials)
    yield from _opened(trials.routes)
    for guard in dict.fromkeys(one for route in trials.routes for one in route.guards):
        yield from _patterns(trials, guard)
    for route in trials.routes:
        for method in route.methods or METHODS:
            yield from _evaded(route, trials.of(route, method))


def _unguarded(trials: Trials) -> Iterator[Finding]:
    routes = trials.routes
    unguarded = [r.path for r in routes if r.guard is None and not r.relay]
    if not routes:
        text = "no route was found: nothing could be checked"
        yield Finding("wrong", "routes", text)
    elif all(route.opaque and not route.guards for route in routes):
        text = "none was found: name the application that the guard is put around"
        yield Finding("wrong", "guard", text)
    elif unguarded and len(unguarded) == len(routes):
        text = "none: JWTGuard(app) or Middleware(GuardMiddleware) is missing"
        yield Finding("wrong", "guard", text)
    elif unguarded:
        text = f"not in front of {' '.join(sorted(set(unguarded)))}"
        yield Finding("wrong", "guard", text)
    for handler in sorted({r.handler for r in routes if r.opaque and r.guards}):
        text = (
            f"those of {handler} cannot be listed: what stands in front was checked, "
        )
        text += "and what each path rule asks for"
        yield Finding("note", "routes", text)


def _opened(routes: Iterable[Route]) -> Iterator[Finding]:
    """Say that decorators open handlers, which no setting shows."""
    opened = {r.handler for r in routes if r.guards and opening_in(r.requirements)}
    if opened:
        handlers = "1 handler" if len(opened) == 1 else f"{len(opened)} handlers"
        text = f"@public or @optional opens {handlers}: see the table"
        yield Finding("note", "paths", text)


def _patterns(trials: Trials, guard: Guard) -> Iterator[Finding]:
    """Say which rules no request falls under, and which cover a part of a route."""
    # Odd spellings are left out: they would put every rule in doubt that is exact on
    # purpose.
    tried = [(one, seen) for one, seen in trials.behind(guard) if not one.example.odd]
    for name, pattern, applies in _named(guard.policy):
        under: set[tuple[Route | None, str]] = set()
        others: set[tuple[Route | None, str]] = set()
        for one, seen in tried:
            (under if applies(seen) else others).add((one.found.route, one.method))
        if not under:
            text = f"{pattern} is the path of no route here: is it misspelt?"
            yield Finding("weak", name, text)
        parts = {one.path for one, _ in under & others if one and not _is_all(one)}
        if parts:
            text = f"{pattern} covers only a part of {' '.join(sorted(parts))}"
            yield Finding("note", name, text)


def _is_all(route: Route) -> bool:
    """Whether *route* is a whole application that routes by itself.

    Every rule covers a part of it; the table has a row for each.
    """
    return route.opaque and route.inner == "/*"


def _named(policy: Policy) -> Iterator[tuple[str, str, Applies]]:
    """Yield each rule with a function that asks the guard's own code about it alone."""
    for pattern in policy.public_paths:
        yield "public paths", pattern, _kind(PathRules(public=[pattern]), Kind.PUBLIC)
    if (page := policy.login_url) is not None:
        yield "login url", page, _kind(PathRules(login=page), Kind.PUBLIC)
    for pattern in policy.optional_paths:
        alone = PathRules(optional=[pattern])
        yield "optional paths", pattern, _kind(alone, Kind.OPTIONAL)
    for pattern in policy.token_paths:
        yield "token paths", pattern, _kind(PathRules(token=[pattern]), Kind.TOKEN)
    for pattern in policy.revocation_paths:
        alone = PathRules(revocation=[pattern])
        yield "revocation paths", pattern, _kind(alone, Kind.REVOCATION)
    for rule in policy.scopes:
        # It covers everything, so saying that it covers a part of a route would be
        # noise.
        if rule.path != "/*":
            yield "scopes", rule.path, _scoped(rule)

    for claims in policy.rules:
        if claims.path != "/*":
            yield "rules", claims.path, _claims(claims)


def _claims(rule: ClaimRule) -> Applies:
    alone = PathRules(rules=[rule])
    return lambda seen: bool(alone.rule(seen.method, seen.path).rules)


def _kind(alone: PathRules, kind: Kind) -> Applies:
    return lambda seen: alone.rule(seen.method, seen.path).kind is kind


def _scoped(rule: ScopeRule) -> Applies:
    alone = PathRules(scopes=[rule])
    return lambda seen: alone.rule(seen.method, seen.path).scopes is not None


def _evaded(route: Route, tried: list[Tried]) -> Iterator[Finding]:
    """Say where two spellings of one request fall under different rules."""
    # An application that cannot be read takes all paths and routes them by itself: two
    # paths that reach it need not reach the same handler.
    if route.opaque:
        return

    def parameters(one: Tried) -> tuple[tuple[str, str], ...]:
        return one.found.parameters

    # Only requests with the same parameters are compared: two notes may have different
    # owners, and rules.
    for _, group in groupby(sorted(tried, key=parameters), key=parameters):
        first, *rest = sorted(group, key=lambda one: one.example.odd)
        for other in rest:
            strict, loose = first, other
            if not _looser(first.rule, other.rule, spelt=True):
                strict, loose = other, first
                if not _looser(other.rule, first.rule, spelt=False):
                    continue
            text = (
                f"{route.handler} runs for {first.method} {strict.path}, which needs "
            )
            text += f"{needs(strict)}, and for {loose.path}, which needs {needs(loose)}"
            yield Finding("wrong", "paths", text)
            break


def _looser(rule: PathAccess | None, other: PathAccess | None, *, spelt: bool) -> bool:
    """Whether *other* lets in callers that *rule* refuses.

    A plain path may be public while another spelling (not *spelt*) is protected.
    """
    if rule is None or other is None or rule is other or other.kind is None:
        return False
    if rule.kind in (Kind.TOKEN, Kind.REVOCATION, Kind.LOGOUT, Kind.SESSION):
        return other.kind is not rule.kind
    if rule.kind is not Kind.PROTECTED:
        return False
    if other.kind is not Kind.PROTECTED:
        return bool(words_of(rule)) or spelt
    if rule.scopes is None or other.scopes is None:
        return rule.scopes is None and spelt
    return asks_more(rule, other)
