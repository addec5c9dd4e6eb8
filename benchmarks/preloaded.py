"""A WSGI application that begins to fetch keys and is forked meanwhile.

gunicorn loads it before the fork (``--preload``): ``BENCH_CACHE`` names who holds the
keys, and ``BENCH_TOKEN`` is verified in a thread that has not ended when workers start.
"""

from __future__ import annotations

import os
import threading
import time
import urllib.request
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from . import key_caches

site: Any = SimpleNamespace(
    url=os.environ["BENCH_ISSUER"],
    jwks_url=f"{os.environ['BENCH_ISSUER']}/jwks",
    audience=os.environ["BENCH_AUDIENCE"],
)
cache = next(kind for kind in key_caches.ALL if kind.name == os.environ["BENCH_CACHE"])(
    site
)


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Verify the token, and say which worker did."""
    status = "200 OK"
    if environ["PATH_INFO"] != "/healthz":
        try:
            cache.verify(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
        except Exception:  # noqa: BLE001
            status = "401 Unauthorized"
    start_response(status, [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def _count() -> int:
    with urllib.request.urlopen(f"{site.url}/count") as answer:
        return int(answer.read())


_before = _count()
threading.Thread(
    target=cache.verify, args=(os.environ["BENCH_TOKEN"],), daemon=True
).start()
while _count() == _before:
    time.sleep(0.01)
