"""What one fetch of an issuer's keys leads to (RFC 7517; RFC 9111 for its age).

Each outcome is a whole new ``Snapshot``: with the keys that were fetched, or with the
keys that were held before and the failure beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from ..model.effects import Exchange, FetchFailedError, Incoming, get
from ..model.issuers import TrustedIssuer
from ..model.jwk import KeySet
from ..model.jwk_set import parse_jwk_set
from .back_off import pause_after
from .discovery import find_jwks_url, response_problem
from .key_credential import credential_fields

SHORTEST_AGE = 60.0
"""Seconds. An issuer that says less would be asked more than once a minute."""
_MAX_AGE = re.compile(r'(?:^|[,\s])max-age\s*=\s*"?([0-9]{1,10})"?\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The keys held for one issuer. Times are in monotonic seconds."""

    key_set: KeySet | None = None
    fetched_at: float = -inf
    refresh_at: float = -inf
    stale_until: float = -inf
    etag: str | None = None
    jwks_url: str | None = None
    failures: int = 0
    """Failed fetches since the last good one."""
    failed_at: float = -inf
    failure: str = ""
    retry_at: float = -inf

    def held(self, now: float) -> KeySet | None:
        """Return the keys, or None once they are too stale to use."""
        return self.key_set if now < self.stale_until else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFetch:
    """How the keys of one issuer are fetched. Ages and pauses are in seconds."""

    issuer: TrustedIssuer
    monotonic: Callable[[], float]
    max_age: float
    stale_for: float
    cooldown: float
    http_hosts: Collection[str]
    jitter: Callable[[], float]
    """Returns numbers from 0 to 1, so that a fleet does not fetch in step."""

    @property
    def source(self) -> tuple[object, ...]:
        """All that decides where keys come from, and how long they are used."""
        issuer = self.issuer
        return (
            issuer.url, issuer.discovery_url, issuer.jwks_url, issuer.keys,
            issuer.keys_authorization, issuer.introspect, self.max_age, self.stale_for,
            self.cooldown, frozenset(self.http_hosts),
        )  # fmt: skip

    def obtain(
        self, before: Snapshot
    ) -> Generator[Exchange, Any, tuple[str, KeySet, Snapshot]]:
        """Return what happened, the keys, and the snapshot that holds them."""
        # The discovered URL is remembered while fetches succeed: one request each time
        # and not two.
        url = self.issuer.jwks_url or before.jwks_url
        if url is None:
            url = yield from find_jwks_url(self.issuer, self.http_hosts)
        headers = {
            "Accept": "application/jwk-set+json, application/json",
            **credential_fields(self.issuer, url),
        }
        if before.etag and before.key_set:
            headers["If-None-Match"] = before.etag
        got = yield from get(url, headers)
        # Only if we asked: a 304 out of the blue says nothing about the keys.
        if got.status == 304 and before.key_set and before.etag:
            held = before.key_set
            fresh = self._fresh(held, got, url, before.etag)
            return "fetch_not_modified", held, fresh
        if problem := response_problem(got):
            raise FetchFailedError(f"{url}: {problem}")
        keys = parse_jwk_set(got.body)
        if before.key_set and before.key_set.keys == keys.keys:
            keys = before.key_set  # the same object says: nothing to check again
        etag = got.headers.get("etag", "")  # not sent back if it cannot be
        fresh = self._fresh(keys, got, url, etag if etag.isascii() else None)
        return "fetch_ok", keys, fresh

    def _fresh(
        self, keys: KeySet, got: Incoming, url: str, etag: str | None
    ) -> Snapshot:
        now = self.monotonic()
        age = lifetime(got.headers.get("cache-control", ""), self.max_age)
        return Snapshot(
            key_set=keys,
            fetched_at=now,
            # A little early, and not all workers at once; the keys never get older than
            # `age` while the issuer answers.
            refresh_at=now + age * (0.9 + 0.08 * self.jitter()),
            stale_until=now + age + self.stale_for,
            etag=etag,
            jwks_url=url,
        )

    def failed(self, before: Snapshot, problem: str, since: float | None) -> Snapshot:
        """Return *before* with one more failure; the pause grows with each of them.

        It counts from *since*: now, unless something else is given.
        """
        now = self.monotonic()
        pause = pause_after(before.failures, self.cooldown, self.jitter)
        return replace(
            before,
            failures=before.failures + 1,
            failed_at=now,
            failure=problem,
            retry_at=(now if since is None else since) + pause,
            jwks_url=None,  # the metadata may have moved
            etag=None,  # and what it leads to next may have other tags
        )


def lifetime(cache_control: str, longest: float) -> float:
    """RFC 9111 section 5.2.2: ``max-age`` shortens ours, down to a minute."""
    found = _MAX_AGE.search(cache_control.lower())
    if found is None or "no-store" in cache_control.lower():
        return longest
    return min(longest, max(SHORTEST_AGE, float(found[1])))
