"""Requests that go on while something happens to the token server."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

WORKERS = 4
LONGEST = 2000
"""Requests of one worker; it stops there by itself."""


class Load:
    """Workers that call *urls* in turn, each time with the newest token."""

    def __init__(self, urls: list[str], token: str) -> None:
        self.token = token
        self.statuses: Counter[int | str] = Counter()
        self._urls = urls
        self._stop = threading.Event()
        self._answered = threading.Condition()

    def _work(self) -> None:
        with httpx.Client(trust_env=False, timeout=20) as http:
            for n in range(LONGEST):
                if self._stop.wait(0.01):
                    return
                status = self._ask(http, self._urls[n % len(self._urls)])
                with self._answered:
                    self.statuses[status] += 1
                    self._answered.notify_all()

    def _ask(self, http: httpx.Client, url: str) -> int | str:
        try:
            headers = {"Authorization": f"Bearer {self.token}"}
            return http.get(url, headers=headers).status_code
        except httpx.HTTPError as error:
            return type(error).__name__

    def wait_for(self, count: int) -> None:
        """Return after *count* more answers."""
        with self._answered:
            wanted = self.statuses.total() + count
            assert self._answered.wait_for(
                lambda: self.statuses.total() >= wanted, 60
            ), self.statuses


@contextmanager
def load(urls: list[str], token: str) -> Iterator[Load]:
    """Keep calling until the block ends."""
    under = Load(urls, token)
    threads = [threading.Thread(target=under._work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        yield under
    finally:
        under._stop.set()
        for thread in threads:
            thread.join()
