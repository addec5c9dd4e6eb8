"""The scope and role checks, for frameworks without an adapter of ours (RFC 6749 3.3).

Make a requirement once, where the handler is defined, and check it for each request:
``Requirement.check(principal)`` returns the principal or raises ``AuthError``, and
``Guard.require(principal, requirement, request)`` reports a refusal too.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from .core.authorize import requirements
from .core.authorize.requirements import ANY_TOKEN, Requirement
from .core.model import naming
from .core.respond.wording import Refusal, RefusedRequest, Render

__all__ = [
    "ANY_TOKEN",
    "Refusal",
    "RefusedRequest",
    "Render",
    "Requirement",
    "problem_json",
    "require_any_scope",
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
