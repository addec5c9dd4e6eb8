"""Requests that were tried on an application, and the handlers that they reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.extract.paths import PathAccess
from ...core.model.policy import Policy
from ...core.model.request import Request
from ...guard import Guard
from .examples import Example, examples_of, examples_under, host_for
from .model import Route
from .probe import HOST, Probe
from .resolve import Requirements, Resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER")
"""Tried where a handler takes any method; the last stands for all others."""


def rule_for(guard: Guard, request: Request) -> PathAccess:
    """Return what the rules of *guard* say of *request*, as for any request."""
    return guard.path_access(request)


@dataclass(frozen=True, slots=True)
class Tried:
    """An example that reached a handler. ``rule`` is None where no guard stands."""

    example: Example
    method: str
    found: Requirements
    rule: PathAccess | None

    @property
    def path(self) -> str:
        """The path that was asked for."""
        return self.example.path


class Trials:
    """Every route of one application, and the examples that really reach it."""

    def __init__(self, app: Any, routes: Sequence[Route]) -> None:
        self.routes = routes
        self._resolver = Resolver(app, routes)
        self._known: dict[tuple[str, str, str], Tried | None] = {}
        self._reached: dict[tuple[Route, str], dict[str, Tried]] = {}
        self._missed: dict[tuple[Route, str], str] = {}
        self._plain: dict[tuple[Route, str], set[str]] = {}
        for route in routes:
            self._try_route(route)

    def of(self, route: Route, method: str) -> list[Tried]:
        """Return what reached *route*, what is like its own path first."""
        found = self._reached.get((route, method), {}).values()
        plain = self._plain.get((route, method), set())
        return sorted(found, key=lambda one: (one.example.odd, one.path not in plain))

    def methods_of(self, route: Route) -> tuple[str, ...]:
        """Return the methods to judge *route* by.

        HEAD may get to where GET does not: a route in front takes GET alone.
        """
        methods = route.methods or METHODS
        hidden = "GET" in methods and not self._reached.get((route, "GET"))
        reached = hidden and self._reached.get((route, "HEAD"))
        return (*methods, "HEAD") if reached else methods

    def missed(self, route: Route, method: str) -> str:
        """Say what became of the examples if none reached *route*."""
        return self._missed.get((route, method), "no example of its path can be made")

    def behind(self, guard: Guard) -> Iterator[tuple[Tried, Request]]:
        """Yield everything that passed *guard*, and how it saw that."""
        for group in self._reached.values():
            for tried in group.values():
                for one, request in tried.found.guards:
                    if one is guard:
                        yield tried, request

    def _try_route(self, route: Route) -> None:
        rules = patterns_of(route.guard.policy) if route.guard else ()
        prefix = route.template.removesuffix(route.inner)
        examples = list(examples_of(route, rules))
        # Also examples made of the rules: a pattern that matches a part of a route only
        # shows up by a path inside that part.
        for rule in rules:
            examples += examples_under(rule, prefix)
        host = host_for(route, HOST)
        methods = route.methods or METHODS
        for method in (*methods, "HEAD") if "GET" in methods else methods:
            for example in examples:
                tried = self._try(method, example, host)
                if tried is None or tried.found.route is not route:
                    self._miss(route, method, example, tried)
                elif example.plain:
                    self._plain.setdefault((route, method), set()).add(example.path)

    def _try(self, method: str, example: Example, host: str) -> Tried | None:
        asked = method, example.path, host
        known = self._known.get(asked)
        # Resolving a path is the slow part, and routes of one application share most of
        # their examples.
        if asked in self._known and (known is None or example.odd >= known.example.odd):
            return known
        found = known.found if known else self._resolver.at(Probe(*asked))
        self._known[asked] = None
        if found.route is not None:
            rule = rule_for(*found.guards[-1]) if found.guards else None
            tried = self._known[asked] = Tried(example, method, found, rule)
            here = self._reached.setdefault((found.route, method), {})
            here[host + example.path] = tried
        return self._known[asked]

    def _miss(
        self, route: Route, method: str, example: Example, tried: Tried | None
    ) -> None:
        text = f"{example.path} reaches no handler"
        if tried is not None and tried.found.route is not None:
            text = f"{example.path} reaches {tried.found.route.handler}"
        self._missed.setdefault((route, method), text)


def patterns_of(policy: Policy) -> tuple[str, ...]:
    """Return the pattern of every path rule of *policy*."""
    named = (
        *policy.public_paths,
        *policy.optional_paths,
        *policy.token_paths,
        *policy.revocation_paths,
        *(rule.path for rule in policy.scopes if rule.path != "/*"),
        *(rule.path for rule in policy.rules if rule.path != "/*"),
    )
    return tuple(dict.fromkeys(named))
