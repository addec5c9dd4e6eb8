"""Locks and refusals in an OpenAPI document (OpenAPI 3.1, security requirements)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..core.authorize.requirements import (
    Requirement,
    require_all,
    require_any,
    require_roles,
)
from ..errors.access import NOT_OWNER
from ..reasons import REASONS

Document = dict[str, Any]

SCHEMA = "JWTGuardRefusal"
"""The name of the schema that describes the body of a refusal."""
_REFUSAL: Document = {
    "title": SCHEMA,
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {
        "error": {"type": "string", "examples": ["invalid_token"]},
        "error_description": {"type": "string"},
    },
}
_CHALLENGE: Document = {"WWW-Authenticate": {"schema": {"type": "string"}}}


class Needs(NamedTuple):
    """What one operation requires of its caller."""

    requirements: tuple[Requirement, ...]
    optional: bool = False
    """A token is read if one is sent."""


def describe(operation: Document, needs: Needs, scheme: str) -> None:
    """Add the lock of *operation*, and its 401 and 403."""
    alternatives = _alternatives(needs.requirements)
    locks: list[Document] = [{scheme: list(scopes)} for scopes in alternatives]
    # RFC 6750 knows no optional token; an empty object says that none is needed.
    operation["security"] = [{}, *locks] if needs.optional else locks
    responses = operation.setdefault("responses", {})
    unknown = _response("No valid access token was sent", "expired")
    responses.setdefault("401", {**unknown, "headers": _CHALLENGE})
    if words := _words(needs.requirements):
        lacking = "scope_missing" if any(alternatives) else "role_missing"
        responses.setdefault("403", _response(f"The caller lacks {words}", lacking))
    elif any(one.own is not None for one in needs.requirements):
        responses.setdefault("403", _response("The caller may not do this", NOT_OWNER))


def describe_components(document: Document, scheme: str, model: Document) -> None:
    """Add the security scheme and the schema of refusals, unless they are there."""
    # An application may describe the scheme in other words.
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {}).setdefault(scheme, model)
    components.setdefault("schemas", {}).setdefault(SCHEMA, _REFUSAL)


def _alternatives(requirements: Iterable[Requirement]) -> list[tuple[str, ...]]:
    """Return the sets of scopes of which one has to be held."""
    needed: list[tuple[str, ...]] = [()]
    for one in requirements:
        if one.rule is require_all:
            needed = [(*held, *one.names) for held in needed]
        elif one.rule is require_any:
            needed = [(*held, name) for held in needed for name in one.names]
    return [tuple(dict.fromkeys(held)) for held in needed]


def _words(requirements: Iterable[Requirement]) -> str:
    """Say what a caller may lack: the scopes that are all needed in one place."""
    named = [one for one in requirements if one.names]
    scopes = (name for one in named if one.rule is require_all for name in one.names)
    every = Requirement(require_all, tuple(dict.fromkeys(scopes)))
    others = [
        one
        for one in named
        if one.rule is require_roles
        # Whoever has all of those has one of these.
        or (one.rule is require_any and not {*one.names} & {*every.names})
    ]
    return " and ".join(str(one) for one in (every, *others) if one.names)


def _response(text: str, reason: str) -> Document:
    """Describe a refusal, with the body of one *reason* as the example."""
    schema = {"$ref": f"#/components/schemas/{SCHEMA}"}
    known = REASONS[reason]
    example = {"error": known.code, "error_description": known.sentence}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"description": text, "content": content}
