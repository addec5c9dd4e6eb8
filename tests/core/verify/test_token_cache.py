"""Verified tokens are remembered, bounded, and never as themselves."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from jwtguard.core.model.facts import Facts
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.model.jwk import KeySet
from jwtguard.core.verify.keys import KeyCache
from jwtguard.core.verify.token_cache import CachedToken, Signed, TokenCache

CACHE = KeyCache(TrustedIssuer(url="https://issuer.example"), lambda: 0.0)
SIGNED = Signed(CACHE, KeySet(()), (b"", "ES256"))


def entry(subject: str) -> CachedToken:
    facts = Facts(subject=subject, issuer="i")
    return CachedToken(facts, SIGNED)


def remember(memory: TokenCache, token: str, what: CachedToken) -> None:
    name, _ = memory.get(token)
    memory.put(name, what)


def subject_of(memory: TokenCache, token: str) -> str | None:
    _, found = memory.get(token)
    return None if found is None else found.facts.subject


def named(memory: TokenCache) -> Iterator[str]:
    return (known.facts.subject for known in memory._tokens.values())


def test_what_was_put_is_found_under_its_own_token() -> None:
    """Another token, however similar, finds nothing."""
    memory = TokenCache(2)
    remember(memory, "a.b.c", entry("alice"))
    assert subject_of(memory, "a.b.c") == "alice"
    for other in ("a.b.C", "a.b.c ", "", "a.b.c\ud800", "é"):
        assert subject_of(memory, other) is None


def test_a_token_that_was_used_again_is_evicted_after_the_others() -> None:
    """Size is bounded, and use keeps a token in."""
    memory = TokenCache(2)
    remember(memory, "a", entry("a"))
    remember(memory, "b", entry("b"))
    assert subject_of(memory, "a") == "a"
    remember(memory, "c", entry("c"))
    assert [subject_of(memory, t) for t in "abc"] == ["a", None, "c"]


def test_where_all_tokens_were_used_again_the_oldest_goes() -> None:
    """A new token takes its place, and the others have to be used once more."""
    memory = TokenCache(2)
    remember(memory, "a", entry("a"))
    remember(memory, "b", entry("b"))
    assert [subject_of(memory, t) for t in "ab"] == ["a", "b"]
    remember(memory, "c", entry("c"))
    assert list(named(memory)) == ["b", "c"]
    remember(memory, "d", entry("d"))
    assert list(named(memory)) == ["c", "d"]


def test_a_large_cache_evicts_a_few_tokens_at_once() -> None:
    """At most one in 64 and one more, so that it is nearly full at any time."""
    memory = TokenCache(640)
    for number in range(640):
        remember(memory, f"a.{number}", entry(f"{number}"))
    assert len(memory._tokens) == 640
    assert subject_of(memory, "a.0") == "0"
    remember(memory, "a.0", entry("once more"))
    assert len(memory._tokens) == 640
    remember(memory, "a.640", entry("640"))
    assert len(memory._tokens) == 640 - 11 + 1
    assert next(named(memory)) == "11"
    for number in range(641, 5000):
        remember(memory, f"a.{number}", entry(f"{number}"))
        assert 640 - 11 < len(memory._tokens) <= 640


def test_size_0_remembers_nothing() -> None:
    """Zero switches it off."""
    memory = TokenCache(0)
    remember(memory, "a", entry("a"))
    assert memory.get("a") == (b"", None)


def test_a_fork_begins_anew() -> None:
    """A lock held by a thread of the parent would never be released in the child."""
    memory = TokenCache(2)
    remember(memory, "a", entry("a"))
    memory._lock.acquire()
    memory.after_fork()
    assert subject_of(memory, "a") is None


def test_the_token_itself_is_not_kept() -> None:
    """A memory dump of the cache holds no bearer token."""
    memory = TokenCache(2)
    token, what = "header.payload.signature-of-a-secret", entry("alice")
    remember(memory, token, what)
    seen: set[int] = set()
    todo: list[Any] = [memory._tokens]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        assert thing not in (token, token.encode())
        if isinstance(thing, dict | list | tuple | frozenset | CachedToken | Facts):
            todo += gc.get_referents(thing)
    assert id(what) in seen, "the walk has not come as far as the entry"


def test_what_has_no_name_is_not_remembered() -> None:
    """No token that could not be verified shares an entry with another."""
    memory = TokenCache(2)
    for token in ("é", "a.b.c\ud800"):
        remember(memory, token, entry("alice"))
        assert memory.get(token) == (b"", None)


@pytest.mark.parametrize("size", [1, 3])
def test_the_number_of_tokens_is_bounded(size: int) -> None:
    """However many are put, and one of them again and again."""
    memory = TokenCache(size)
    for number in range(50):
        remember(memory, f"a.{number}", entry("alice"))
        remember(memory, "a.0", entry("alice"))
    assert len(memory._tokens) == size
    assert subject_of(memory, "a.0") == "alice"
