"""Patterns of origins: one star, inside one label, below a domain of one's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.model.origin_patterns import fits, suffix_of
from jwtguard.core.model.origins import serialized

PATTERN = "https://app-*.preview.example.com"
NOT_ONE = "is not a pattern of https origins"
ONE_STAR = "expected one * inside one label"
OWN = "the * must be below your own domain"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("app-*.preview.example.com", NOT_ONE),
        ("http://app-*.preview.example.com", NOT_ONE),
        ("http://app-*.localhost", NOT_ONE),
        ("capacitor://app-*.preview.example.com", NOT_ONE),
        ("https://app-*.preview.example.com/", NOT_ONE),
        ("https://App-*.preview.example.com", NOT_ONE),
        ("https://app-*.preview.example.com:443", NOT_ONE),
        ("https://user@app-*.preview.example.com", NOT_ONE),
        ("https://app-*.preview.example.com/*", NOT_ONE),
        ("https://app-\u00e9*.preview.example.com", NOT_ONE),
        ("https://", NOT_ONE),
        ("null", NOT_ONE),
        ("https://app.preview.example.com", ONE_STAR),
        ("https://*-*.preview.example.com", ONE_STAR),
        ("https://*.*.example.com", ONE_STAR),
        ("https://app-*.com", OWN),
        ("https://preview.*", OWN),
        ("https://*", OWN),
    ],
)
def test_a_wrong_pattern_is_named(pattern: str, message: str) -> None:
    """With what is wrong, and one that would be right."""
    with pytest.raises(ConfigurationError) as caught:
        Client(id="spa", origin_patterns=pattern)
    (problem,) = caught.value.problems
    assert problem.startswith(f"client spa: origin_patterns: {pattern!r}")
    assert message in problem
    assert "https://app-*.preview.example.com" in problem


@pytest.mark.parametrize("value", [1, ("",), b"x", {"a": 1}])
def test_patterns_are_strings(value: Any) -> None:
    """As all lists of a client are."""
    with pytest.raises(ConfigurationError):
        Client(id="spa", origin_patterns=value)


@pytest.mark.parametrize(
    ("pattern", "suffix"),
    [
        (PATTERN, "preview.example.com"),
        ("https://*.example.com", "example.com"),
        ("https://www.pr-*-x.example.co.uk:8443", "example.co.uk"),
    ],
)
def test_what_is_fixed_is_below_the_star(pattern: str, suffix: str) -> None:
    """Whoever owns that domain decides which hosts there are."""
    assert suffix_of(pattern) == suffix
    assert Client(id="spa", origin_patterns=pattern).origin_patterns == (pattern,)


LABELS = st.text("abz019-._*:/@%A", max_size=12)


@given(st.one_of(LABELS, st.from_regex(r"[a-z0-9-]{1,70}", fullmatch=True)))
def test_what_fits_is_one_label_of_an_origin(text: str) -> None:
    """The host is as a browser writes it, and everything else is fixed."""
    origin = f"https://app-{text}.preview.example.com"
    if fits([PATTERN], origin):
        assert serialized(origin) == origin
        label = f"app-{text}"
        assert len(label) <= 63
        assert label.strip("-") == label
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_around_it_fits(before: str, after: str) -> None:
    """Neither a longer origin nor a shorter one."""
    origin = "https://app-17.preview.example.com"
    assert fits([PATTERN], f"{before}{origin}{after}") is (not before and not after)


def test_the_longest_label_fits() -> None:
    """63 characters, and no more (RFC 1035 section 2.3.4)."""
    for length, expected in ((59, True), (60, False)):
        origin = f"https://app-{'x' * length}.preview.example.com"
        assert fits([PATTERN], origin) is expected


def test_an_origin_in_two_forms_is_one_of_the_client() -> None:
    """Listed or by a pattern; without either it is not."""
    made = Client(id="x", origins="https://a.example", origin_patterns=PATTERN)
    assert made.serves("https://a.example")
    assert made.serves("https://app-1.preview.example.com")
    assert not made.serves("https://b.example")
    assert not made.serves(None)
    assert not Client(id="x").serves("https://a.example")


@pytest.mark.parametrize("name", ["cors_headers", "cors_expose"])
@pytest.mark.parametrize("value", ["*", "a b", "X-A,", ("",)])
def test_headers_for_all_clients_are_names(name: str, value: Any) -> None:
    """A star would not cover Authorization, so it is an error here."""
    issuer = TrustedIssuer(url="https://id.example", audience="api")
    with pytest.raises(ConfigurationError) as caught:
        Policy(issuers=(issuer,), **{name: value})
    assert caught.value.problems[0].startswith(f"{name}: ")


def test_exposed_headers_of_a_client_are_names() -> None:
    """And each of them is there once."""
    assert Client(id="x", expose=("ETag", "ETag")).expose == ("ETag",)
    with pytest.raises(ConfigurationError):
        Client(id="x", expose="*")
