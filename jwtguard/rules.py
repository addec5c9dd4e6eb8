"""The checks of callers, for frameworks without an adapter of ours (RFC 6749, 9470).

Make a requirement once, where the handler is defined, and check it for each request:
``Requirement.check(principal)`` returns the principal or raises ``AuthError``, and
``Guard.require(principal, requirement, request)`` reports a refusal too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from .application.opening import optional, public
from .application.own_checks import own_check
from .core.authorize import requirements
from .core.authorize.requirements import ANY_TOKEN, Requirement
from .core.model import naming
from .core.respond.wording import Refusal, RefusedRequest, Render
from .errors.access import NOT_OWNER

__all__ = [
    "ANY_TOKEN",
    "NOT_OWNER",
    "Refusal",
    "RefusedRequest",
    "Render",
    "Requirement",
    "optional",
    "problem_json",
    "public",
    "require",
    "require_acr",
    "require_any_scope",
    "require_bound",
    "require_fresh",
    "require_role",
    "require_scope",
]


def require_scope(*scopes: str) -> Requirement:
    """Return the requirement to hold every one of *scopes*.

    Without scopes any token will do. Raises ``TypeError`` for an argument that is not
    a string, and ``ValueError`` for a string that cannot be a scope.
    """
    return Requirement(requirements.require_all, naming.scope_names(*scopes))


def require_any_scope(*scopes: str) -> Requirement:
    """Return the requirement to hold one of *scopes*.

    Raises what ``require_scope`` raises, and ``TypeError`` if there are none.
    """
    return Requirement(requirements.require_any, naming.any_scope_names(*scopes))


def require_bound() -> Requirement:
    """Return the requirement of a token that is bound to a key (RFC 9449, RFC 8705).

    Whoever stole such a token cannot use it.
    """
    return requirements.BOUND_TOKEN


def require_role(*roles: str) -> Requirement:
    """Return the requirement to have every one of *roles* (RFC 9068 section 2.2.3.1).

    Raises ``TypeError`` for an argument that is not a non-empty string.
    """
    return Requirement(requirements.require_roles, naming.role_names(*roles))


def problem_json(refusal: Refusal, _: RefusedRequest) -> tuple[str, bytes] | None:
    """Word *refusal* as problem details (RFC 9457), for ``Guard(..., render=...)``.

    ``title`` is that of the status, ``detail`` the sentence, and ``reason`` tells
    refusals with the same status apart. The answers of token, revocation and logout
    paths stay as RFC 6749 has them, as OAuth clients read those.
    """
    if refusal.oauth:
        return None
    document = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.description,
        "reason": refusal.reason,
        **refusal.members,
    }
    return "application/problem+json", json.dumps(document).encode()


def require_acr(*acr_values: str) -> Requirement:
    """Return the requirement that the user signed in by one of *acr_values* (RFC 9470).

    Raises ``TypeError`` without arguments or for one that is not a string, and
    ``ValueError`` for a string that cannot be one of ``acr_values``.
    """
    return Requirement(requirements.require_acr, naming.acr_names(*acr_values))


def require_fresh(max_age: int) -> Requirement:
    """Return the requirement that the user signed in at most *max_age* seconds ago.

    ``auth_time`` says when (RFC 9470); a refreshed token does not change it. Check it
    with ``Guard.require``, which knows the time. Raises ``TypeError`` for what is not a
    whole number, and ``ValueError`` below 1.
    """
    seconds = naming.max_age_of(max_age)
    return Requirement(requirements.require_principal, max_age=seconds)


def require(check: Callable[..., Any], reason: str = NOT_OWNER) -> Requirement:
    """Return the requirement that *check* returns ``True``: a rule of your own.

    *check* gets the principal, and the request if it has two parameters; it may be
    ``async``. Whatever else it returns is refused with 403 and *reason*, a name for
    logs; what it raises is an error of the application. Check it with ``Guard.require``
    or ``Guard.arequire``. Raises ``TypeError`` and ``ValueError``.
    """
    return Requirement(requirements.require_principal, own=own_check(check, reason))
