"""Handlers that a framework calls without the check that a decorator put around them.

A decorator above the one that registers a route returns a guarded handler, and the
framework calls the function it was given. So each decorator notes what it wraps, and
adapters compare that with what the application has registered.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import AuthError, ConfigurationError
from ..model.policy import Policy
from . import requirements
from .opening import is_opening, opening_of
from .requirements import Requirement, RequirementCheck, requirements_of
from .wrapping import layers_of, note_about

_DECORATORS: dict[RequirementCheck, str] = {
    requirements.require_all: "require_scope",
    requirements.require_any: "require_any_scope",
    requirements.require_roles: "require_role",
    requirements.require_acr: "require_acr",
}


def unguarded(handler: Any) -> Requirement | None:
    """Return what a decorator requires of *handler*'s callers, to no effect.

    None if no decorator wraps it, or if it is called through one that does.
    """
    above: list[Any] = []
    for layer in layers_of(handler):
        found = note_about(layer)
        counts = found is not None and (found.direct or not above)
        if found is not None and counts and not _any_is(above, found.guards):
            return found.requirement
        above.append(layer)
    return None


def problems_of(
    handlers: Iterable[Any], policy: Policy, *, others: bool = False
) -> Iterator[str]:
    """Yield a sentence for each of *handlers* whose decorator cannot work.

    *others*: some handlers are behind another guard too, whose issuers may have roles.
    """
    no_roles = None if others else roles_problem(policy)
    for handler in handlers:
        skipped = unguarded(handler)
        if skipped is not None:
            yield (
                f"{name_of(handler)}: {decorator_of(skipped)} has no effect, because "
                "it stands above the decorator that registers the function, or was "
                "applied later. Put it below, next to the function: first "
                f"@app.get(...) or the like, then {decorator_of(skipped)}. Where it is "
                f"{_else_meant(skipped)}, register another function that calls it"
            )
        yield from _contradictions(handler)
        for requirement in requirements_of(handler):
            if (
                no_roles
                and requirement.rule is requirements.require_roles
                and requirement.names
            ):
                yield f"{name_of(handler)}: {decorator_of(requirement)}: {no_roles}"


def _else_meant(skipped: Requirement) -> str:
    return "meant to need a token" if is_opening(skipped) else "meant to be open"


def _contradictions(handler: Any) -> Iterator[str]:
    if opening_of(handler) != "public":
        return
    for requirement in requirements_of(handler):
        if not is_opening(requirement):
            yield (
                f"{name_of(handler)}: @public and {decorator_of(requirement)} "
                "contradict each other, because no token is read on a public handler. "
                "Use @optional, or remove one of them"
            )


def roles_problem(policy: Policy) -> str | None:
    """Return why no token can have a role under *policy*, and what to set; or None."""
    profiles = [issuer.rules for issuer in policy.issuers]
    if any(profile.role_claims for profile in profiles):
        return None
    names = " ".join(dict.fromkeys(profile.name for profile in profiles))
    return (
        f"no trusted issuer has roles (profile {names}). Set role_claims of the issuer "
        "to the claim that holds them, or choose a profile that reads roles"
    )


def check_roles(error: AuthError, names: tuple[str, ...], policy: Policy) -> None:
    """Raise ``ConfigurationError`` if *error* would refuse everybody for ever."""
    if error.reason == "role_missing" and (problem := roles_problem(policy)):
        requirement = Requirement(requirements.require_roles, names)
        raise ConfigurationError(f"{decorator_of(requirement)}: {problem}") from None


def decorator_of(requirement: Requirement) -> str:
    """Return *requirement* as source: ``@require_scope('notes:read')``."""
    if is_opening(requirement):
        return f"@{requirement}"
    if requirement.max_age is not None:
        return f"@require_fresh({requirement.max_age})"
    if requirement.own is not None:
        check = name_of(requirement.own.ask).rpartition(".")[2]
        return f"@require({check}, {requirement.own.reason!r})"
    if requirement.rule is requirements.require_bound:
        return "@require_bound()"
    names = ", ".join(repr(name) for name in requirement.names)
    return f"@{_DECORATORS[requirement.rule]}({names})"


def name_of(handler: Any) -> str:
    """Return module and name of *handler*, as its author knows it."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__.replace('<locals>.', '')}"


def _any_is(layers: list[Any], guards: Iterable[Any]) -> bool:
    return any(layer is guard for guard in guards for layer in layers)
