"""Requirements made by hand, as frameworks without an adapter of ours use them."""

from __future__ import annotations

import pytest

from jwtguard import Guard, Principal, rules
from jwtguard.adapters import Request
from jwtguard.errors import (
    AccessDeniedError,
    InsufficientScopeError,
    MissingTokenError,
)
from jwtguard.rules import Requirement
from jwtguard.testing import JWTIssuer

ALICE = Principal(
    subject="alice", issuer="https://id.example", scopes=("a", "b"), roles=("staff",)
)


@pytest.mark.parametrize(
    "requirement",
    [
        rules.require_scope("a", "b"),
        rules.require_scope(),
        rules.require_any_scope("a", "c"),
        rules.require_role("staff"),
        rules.ANY_TOKEN,
    ],
    ids=str,
)
def test_a_requirement_that_is_met_returns_the_principal(
    requirement: Requirement,
) -> None:
    """The very one; and nobody meets it without a token."""
    assert requirement.check(ALICE) is ALICE
    with pytest.raises(MissingTokenError):
        requirement.check(None)


def test_a_requirement_that_is_not_met_raises() -> None:
    """A scope can be asked for, a role cannot."""
    with pytest.raises(InsufficientScopeError) as found:
        rules.require_scope("a", "c").check(ALICE)
    assert found.value.scope == "a c"
    with pytest.raises(InsufficientScopeError):
        rules.require_any_scope("c").check(ALICE)
    with pytest.raises(AccessDeniedError):
        rules.require_role("staff", "admin").check(ALICE)


def test_wrong_names_are_refused_where_they_are_written() -> None:
    """Before any request."""
    with pytest.raises(ValueError, match="a b"):
        rules.require_scope("a b")
    with pytest.raises(TypeError):
        rules.require_scope(len)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        rules.require_any_scope()
    with pytest.raises(TypeError):
        rules.require_role("")


def test_the_guard_takes_a_requirement_and_reports_the_refusal(
    jwt_issuer: JWTIssuer,
) -> None:
    """As the decorators do."""
    told: list[str] = []
    guard = Guard(
        jwt_issuer.guard().policy,
        on_event=lambda _, fields: told.append(fields["reason"]),
    )
    request = Request(method="GET", path="/", headers={})
    assert guard.require(ALICE, rules.require_scope("a"), request) is ALICE
    with pytest.raises(InsufficientScopeError):
        guard.require(ALICE, rules.require_scope("c"), request)
    assert told == ["scope_missing"]
