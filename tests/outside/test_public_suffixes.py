"""Patterns of origins below domains where anybody may have a name are refused."""

from __future__ import annotations

import sys

import pytest

from jwtguard import Client, ConfigurationError, Guard
from jwtguard.testing import JWTIssuer

ISSUER = JWTIssuer(alg="ES256")


def problems(*patterns: str) -> tuple[str, ...]:
    """Return what is wrong with a client that has these patterns."""
    client = Client(id="spa", origin_patterns=patterns)
    try:
        Guard(ISSUER.policy(clients=(client,)))
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    "pattern",
    [
        "https://app-*.co.uk",
        "https://app-*.vercel.app",
        "https://*.github.io",
        "https://app-*.s3.amazonaws.com",
        "https://*.azurewebsites.net",
        "https://www.*.com.au",
    ],
)
def test_the_registrable_domain_is_never_a_pattern(pattern: str) -> None:
    """Somebody else would register a name that fits: the guard does not start."""
    (problem,) = problems(pattern)
    assert problem.startswith(f"client spa: origin_patterns: {pattern!r}")
    assert "anybody can register a name below" in problem


@pytest.mark.parametrize(
    "pattern",
    [
        "https://app-*.preview.example.com",
        "https://app-*.example.com",
        "https://*.example.co.uk",
        "https://*.team.vercel.app",
        "https://pr-*.example.internal",
    ],
)
def test_a_domain_of_ones_own_may_have_patterns(pattern: str) -> None:
    """However many labels it has."""
    assert problems(pattern) == ()


def test_all_problems_are_told_at_once() -> None:
    """One for each pattern."""
    assert (
        len(problems("https://*.co.uk", "https://a-*.ex.com", "https://*.com.au")) == 2
    )


def test_without_the_list_no_pattern_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra; a policy without patterns needs no list."""
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    (problem,) = problems("https://app-*.preview.example.com")
    assert "pip install 'jwtguard-middleware[previews]'" in problem
    assert problems() == ()
