"""Marks that the settings of an issuer name, and roles that are keys of an object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.core.verify.claims_support import checked, reason, with_profile

BARE: dict[str, Any] = {"client_id": "absent", "scope": "absent"}
TWO: dict[str, Any] = {"kind": "access", "version": 2}


def test_all_claims_of_a_mark_have_to_match() -> None:
    """One claim of the two is not enough."""
    rules = with_profile(mark=TWO)
    assert checked(rules, **BARE, **TWO)
    assert reason(rules, **BARE, kind="access") == "not_access_token"
    assert reason(rules, **BARE, version=2) == "not_access_token"


@pytest.mark.parametrize("value", ["Access", "access ", ["access"], None, "absent"])
def test_a_mark_is_compared_exactly(value: Any) -> None:
    """Case, blanks and lists count."""
    rules = with_profile(mark={"kind": "access"})
    assert reason(rules, **BARE, kind=value) == "not_access_token"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(2, 2.0), (2, "2"), (2, True), (True, 1), (True, "true"), ("2", 2)],
)
def test_the_type_of_a_mark_counts(wanted: Any, found: Any) -> None:
    """1, 1.0, true and "1" are four values."""
    rules = with_profile(mark={"kind": wanted})
    assert checked(rules, **BARE, kind=wanted)
    assert reason(rules, **BARE, kind=found) == "not_access_token"


@pytest.mark.parametrize(
    "usual",
    [{"scope": "a"}, {"client_id": "spa"}, {"token_use": "access"}, {"typ": "Bearer"}],
)
@pytest.mark.parametrize("header", ["jwt", "at+jwt"])
def test_a_mark_replaces_the_usual_ones(usual: dict[str, Any], header: str) -> None:
    """Neither a scope nor the header ``at+jwt`` marks a token then."""
    rules = with_profile(mark={"kind": "access"})
    assert reason(rules, header, **{**BARE, **usual}) == "not_access_token"


def test_a_mark_may_be_in_a_nested_object() -> None:
    """Dots separate members, and a claim name may contain dots itself."""
    rules = with_profile(mark={"kubernetes.io.namespace": "prod"})
    right: dict[str, Any] = {"kubernetes.io": {"namespace": "prod"}}
    assert checked(rules, **BARE, **right)
    for claims in ({"namespace": "dev"}, {}, "prod"):
        wrong: dict[str, Any] = {**BARE, "kubernetes.io": claims}
        assert reason(rules, **wrong) == "not_access_token"


@pytest.mark.parametrize("mark", [{"kind": "access"}, "none"])
@pytest.mark.parametrize(
    ("sibling", "why"),
    [
        ({"nonce": "n"}, "id_token"),
        ({"at_hash": "h"}, "id_token"),
        ({"typ": "ID"}, "id_token"),
        ({"typ": "Refresh"}, "refresh_token"),
        ({"events": {}}, "logout_token"),
    ],
)
def test_what_marks_another_token_always_refuses_it(
    mark: Any, sibling: dict[str, Any], why: str
) -> None:
    """A mark of the operator's own excuses no ID, refresh or logout token."""
    claims: dict[str, Any] = {**BARE, "kind": "access", **sibling}
    assert reason(with_profile(mark=mark), "at+jwt", **claims) == why


def test_none_accepts_unmarked_tokens() -> None:
    """Knowingly; a token that is meant for a listed client is still refused."""
    rules = with_profile(mark="none")
    assert checked(rules, **BARE)
    listed = replace(rules, clients=frozenset({"spa"}))
    assert checked(listed, **BARE)
    assert reason(listed, aud=["spa", "api"]) == "id_token"


def test_a_mark_speaks_for_a_token_whose_audience_is_a_client() -> None:
    """Some servers write the client id into ``aud`` of access tokens as well."""
    rules = replace(with_profile(mark=TWO), clients=frozenset({"spa"}))
    assert checked(rules, **BARE, **TWO, aud=["spa", "api"])
    assert reason(rules, aud=["spa", "api"]) == "id_token"


@pytest.mark.parametrize(
    ("claim", "keys", "values"),
    [
        ({"admin": {"1": "a.example"}, "editor": {}}, {"admin", "editor"}, set()),
        (["admin"], {"admin"}, {"admin"}),
        ("admin", {"admin"}, {"admin"}),
        ({"": 1, "b": 2}, {"b"}, set()),
        (5, set(), set()),
    ],
)
def test_roles_can_be_the_keys_of_an_object(
    claim: Any, keys: set[str], values: set[str]
) -> None:
    """With ``roles_from = "keys"``; strings and lists are read as ever."""
    name = "urn:zitadel:iam:org:project:roles"
    by_keys = with_profile(role_claims=(name,), roles_from="keys")
    assert checked(by_keys, **{name: claim}).roles == keys
    assert checked(with_profile(role_claims=(name,)), **{name: claim}).roles == values
