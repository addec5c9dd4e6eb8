"""RFC 6749 section 3.3: who may do what, once the token is verified."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Principal
from jwtguard.core.authorize import requirements
from jwtguard.core.model import naming
from jwtguard.errors import AccessDeniedError, InsufficientScopeError, MissingTokenError

ALICE = Principal(subject="alice", issuer="i", scopes={"a", "b"}, roles={"admin"})


def test_all_scopes_are_needed() -> None:
    """Holding them all passes; order and number mean nothing."""
    assert requirements.require_all(ALICE, ("b", "a")) is ALICE
    assert requirements.require_all(ALICE, ()) is ALICE
    with pytest.raises(InsufficientScopeError):
        requirements.require_all(ALICE, ("a", "c"))


def test_one_scope_of_several_is_enough_for_any() -> None:
    """One of them passes, none of them does not."""
    assert requirements.require_any(ALICE, ("c", "a")) is ALICE
    with pytest.raises(InsufficientScopeError) as caught:
        requirements.require_any(ALICE, ("c", "d"))
    assert (caught.value.reason, caught.value.scope) == ("scope_missing", "c d")


def test_scopes_are_case_sensitive_and_whole() -> None:
    """No prefix, case or joined name stands for a scope."""
    for wanted in ("A", "a b", "", "a "):
        with pytest.raises(InsufficientScopeError):
            requirements.require_all(ALICE, (wanted,))


def test_the_challenge_names_all_that_is_needed() -> None:
    """Not just what is missing: the client asks for a new token once."""
    with pytest.raises(InsufficientScopeError) as caught:
        requirements.require_all(ALICE, ("a", "c"))
    assert (caught.value.reason, caught.value.scope) == ("scope_missing", "a c")


def test_roles_do_not_count_as_scopes() -> None:
    """A missing role is 403 without a scope to ask for."""
    assert requirements.require_roles(ALICE, ("admin",)) is ALICE
    with pytest.raises(AccessDeniedError) as caught:
        requirements.require_roles(ALICE, ("admin", "root"))
    assert caught.value.reason == "role_missing"
    assert caught.value.scope is None
    with pytest.raises(InsufficientScopeError):
        requirements.require_all(ALICE, ("admin",))


@pytest.mark.parametrize("rule", ["require_all", "require_any", "require_roles"])
def test_anonymous_fails_every_requirement(rule: str) -> None:
    """Without a principal every rule says: log in."""
    for wanted in (("a",), ()):
        with pytest.raises(MissingTokenError) as caught:
            getattr(requirements, rule)(None, wanted)
        assert caught.value.reason == "no_credentials"


@pytest.mark.parametrize("wrong", [print, None, 1, ("a",)])
def test_a_decorator_without_brackets_is_a_type_error(wrong: Any) -> None:
    """``@require_scope`` on a view never means: no scope is needed."""
    for names, text in (
        (
            naming.scope_names,
            "scope; expected a string, as in @require_scope('notes:read')",
        ),
        (naming.role_names, "role; expected a string, as in @require_role('admin')"),
    ):
        with pytest.raises(TypeError) as caught:
            names(wrong)
        assert str(caught.value) == f"{wrong!r} is not a valid {text}"


@pytest.mark.parametrize("wrong", ["", "a b", 'a"', "a\\b", "a\n", "é", "a,\x7f"])
def test_text_that_cannot_stand_in_a_challenge_is_refused_as_a_scope(
    wrong: str,
) -> None:
    """RFC 6749 appendix A.4: printable ASCII without blank, quote and backslash."""
    with pytest.raises(ValueError, match="not a valid scope"):
        naming.scope_names("good", wrong)


def test_good_names_come_back() -> None:
    """What is checked is what is used."""
    assert naming.scope_names("notes:read", "a/b") == ("notes:read", "a/b")
    assert naming.role_names("Team Lead") == ("Team Lead",)
    with pytest.raises(TypeError):
        naming.role_names("")
