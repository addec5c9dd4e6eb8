"""The fixed script whose instructions are counted: see ``instructions``.

``python -m benchmarks.counted FILE`` runs under callgrind. FILE holds the public keys
and the tokens, because signing takes long there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

from . import floor
from .bare import bare_asgi, bare_wsgi
from .calls import environ_of, scope_of
from .counts import BARE, PLAIN, SIGNATURE
from .marks import CALLS, Prepare, run_marked
from .site import FORWARDED, ORIGIN, PEER, PREFLIGHT, Sent, Site, forged

TOKENS = 1 + 4 * CALLS
"""One that is known, and as many new ones as the warm-up, N and 2N take."""


def cases(site: Site, tokens: list[str]) -> dict[str, Prepare]:
    """Return what is counted."""
    asgi, wsgi = ASGIGuard(bare_asgi, site.guard()), WSGIGuard(bare_wsgi, site.guard())
    known = Sent(token=tokens[0])
    proxied = ASGIGuard(bare_asgi, site.guard(JWTGUARD_TRUSTED_PROXIES=PEER))
    forwarded = Sent(token=tokens[0], scheme="http", more=FORWARDED)
    foreign = Sent(token=tokens[0], origin=f"{ORIGIN}.evil")
    new = [Sent(token=one) for one in tokens[1:]]
    turned = [Sent(token=one) for one in forged(tokens)]
    signed, _, signature = tokens[0].encode().rpartition(b".")
    check, raw = floor.signature_check(site.key), floor.decoded(signature)
    return {
        PLAIN: _calls(floor.verifier(site, lambda *_: None), tokens),
        SIGNATURE: _calls(lambda _: check(raw, signed), tokens),
        BARE["ASGI"]: _asgi(bare_asgi, [known]),
        BARE["WSGI"]: _wsgi(bare_wsgi, [known]),
        "known token, ASGI": _asgi(asgi, [known]),
        "known token, WSGI": _wsgi(wsgi, [known]),
        "known token, behind a proxy": _asgi(proxied, [forwarded]),
        "known token, origin refused": _asgi(asgi, [foreign]),
        "no token": _asgi(asgi, [Sent()]),
        "preflight": _asgi(asgi, [PREFLIGHT]),
        "new token, ASGI": _asgi(asgi, new),
        "new token, WSGI": _wsgi(wsgi, new),
        "forged token": _asgi(asgi, turned),
    }


def _calls(call: Callable[[str], object], tokens: list[str]) -> Prepare:
    turns = cycle(tokens)

    def prepare(times: int) -> Callable[[], None]:
        taken = list(islice(turns, times))

        def run() -> None:
            for token in taken:
                call(token)

        return run

    return prepare


def _asgi(app: Any, sent: list[Sent]) -> Prepare:
    turns = cycle(sent)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        return None

    def prepare(times: int) -> Callable[[], None]:
        scopes = [scope_of(one) for one in islice(turns, times)]

        def run() -> None:
            for scope in scopes:
                try:
                    app(scope, receive, send).send(None)
                except StopIteration:
                    continue
                raise TypeError("an application that waits cannot be counted")

        return run

    return prepare


def _wsgi(app: Any, sent: list[Sent]) -> Prepare:
    turns = cycle(sent)

    def start(_status: str, _fields: Any, _exc_info: Any = None, /) -> Any:
        return None

    def prepare(times: int) -> Callable[[], None]:
        environs = [environ_of(one) for one in islice(turns, times)]
        for environ in environs:
            environ["wsgi.input"] = BytesIO()

        def run() -> None:
            for environ in environs:
                for _piece in app(environ, start):
                    pass

        return run

    return prepare


def main() -> None:
    """Count everything for the keys and tokens of a file."""
    made = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    run_marked(cases(Site(**made["site"]), made["tokens"]))


if __name__ == "__main__":
    main()
