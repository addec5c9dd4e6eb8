"""Patterns of paths: which are refused, and which of two covers the other."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ConfigurationError
from jwtguard.core.model.patterns import covers
from jwtguard.core.model.scope_rule import ScopeRule, pattern_problem


@pytest.mark.parametrize(
    "wrong",
    [
        {"require": ("a b",)},
        {"require": ('a"',)},
        {"require": (1,)},
        {"methods": ("get",)},
        {"methods": ("",)},
        {"methods": (1,)},
        {"methods": 1},
        {"require": {"a": 1}},
        {"methods": ("G T",), "require": ("",)},
    ],
)
def test_a_scope_rule_that_cannot_hold_is_refused(wrong: dict[str, Any]) -> None:
    """A method in lower case would match nothing, ever."""
    with pytest.raises(ConfigurationError, match="scopes /n"):
        ScopeRule(path="/n", **wrong)


def test_a_scope_rule_has_a_path() -> None:
    """TOML holds numbers too."""
    with pytest.raises(ConfigurationError, match="path: 5: must be a string"):
        ScopeRule(path=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "x",
        "*",
        "/*x",
        "/a*",
        "/a/**",
        "/a/*.js",
        "/users/.*",
        "/v*/users",
        "//",
        "/a//*",
        "/../*",
        "/a;",
        "/%61",
        "/a\\",
        "/a/./b",
        "x/*",
        "/a?b",
        "/a#b",
        "/adm\u0131n",
        "/\ufffd/*",
    ],
)
def test_a_pattern_with_two_meanings_is_refused(pattern: str) -> None:
    """``*`` is a whole segment, and the rest is an ordinary path."""
    assert pattern_problem(pattern)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("/users/{id}/keys", "/users/*/keys"),
        ("/users/{id:int}/keys", "/users/*/keys"),
        ("/users/<int:id>/keys", "/users/*/keys"),
        ("/users/<id>", "/users/*"),
        ("/users/:id/keys", "/users/*/keys"),
        ("/files/{name}.json", "/files/*"),
        ("/files/{rest:path}", "/files/*"),
        ("/{tenant}/*", "/*/*"),
        ("/(?P<id>[0-9]+)/x", "/*/x"),
        ("/{id", "/*"),
        ("/id}/x", "/*/x"),
        ("/id>/x", "/*/x"),
    ],
)
def test_a_placeholder_is_refused_with_what_was_meant(pattern: str, meant: str) -> None:
    """Taken as letters, it would match nothing, and so demand nothing."""
    problem = pattern_problem(pattern)
    assert problem is not None
    assert problem.endswith(f"write {meant}")
    assert pattern_problem(meant) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "/", "/*", "/a", "/a/", "/a/*", "/a.b/*", "/*/a", "/a/*/b", "/a/*/*",
        "/a/*/b/*", "/v1/users:batch", "/@me",
    ],
)  # fmt: skip
def test_good_patterns_have_no_problem(pattern: str) -> None:
    """Every form that the settings promise."""
    assert pattern_problem(pattern) is None


# Where the application is mounted.


@pytest.mark.parametrize(
    ("give", "demand"),
    [
        ("/oauth/*", "/oauth/token"),
        ("/*", "/oauth/token"),
        ("/oauth/token", "/oauth/token"),
        ("/oauth/token/", "/oauth/token"),
        ("/OAuth/Token", "/oauth/token"),
        ("/OAUTH/*", "/oauth/token"),
        ("/oauth/token/*", "/oauth/token"),
        ("/oauth/token/*", "/oauth/*"),
        ("/oauth/x", "/oauth/*"),
        ("/oauth", "/oauth/*"),
        ("/oauth/*", "/oauth/*"),
        ("/oauth/*", "/oauth/v2/*"),
        ("/*/token", "/oauth/token"),
        ("/oauth/token", "/*/token"),
        ("/*/token", "/oauth/*"),
        ("/*/token/*", "/oauth/token"),
        ("/*/x/*", "/oauth/*"),
        ("/a/*/c", "/*/b/c"),
        ("/a/*/*", "/*/b/c"),
    ],
)
def test_a_giving_pattern_that_covers_a_token_path_is_seen(
    give: str, demand: str
) -> None:
    """However it is spelt."""
    assert covers(give, demand)


@pytest.mark.parametrize(
    ("give", "demand"),
    [
        ("/oauth", "/oauth/token"),
        ("/oauthx/*", "/oauth/token"),
        ("/a", "/b/*"),
        ("/oauth/tok", "/oauth/token"),
        ("/oauth/tokenx", "/oauth/token"),
        ("/*/token", "/oauth/v2/token"),
        ("/a/*/*", "/a"),
        ("/a/*", "/x/b/*/d"),
        ("/a/*/d", "/*/b/c"),
    ],
)
def test_a_giving_pattern_beside_a_token_path_is_not(give: str, demand: str) -> None:
    """Names that only begin alike."""
    assert not covers(give, demand)
