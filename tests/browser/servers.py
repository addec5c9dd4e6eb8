"""The servers of the browser tests: three pages' origins, an issuer, an API, a site."""

from __future__ import annotations

import functools
import http.server
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from jwtguard.issuer import Client, Config, bind

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIBRARY = HERE / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
LIFETIME = 2
"""Seconds that an access token lives: long enough to use, short enough to wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where everything is; ``log`` is what API and site printed."""

    own: str
    other: str
    stranger: str
    issuer: str
    api: str
    www: str
    log: Path


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Serves the test page and the library, whatever the origin."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].rpartition("/")[2] or "page.html"
        return str(LIBRARY if name == LIBRARY.name else HERE / name)

    def log_message(self, *_: object) -> None:
        """Keep test output clean."""


@contextmanager
def pages(port: int) -> Iterator[str]:
    """Serve the pages at an origin of their own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Pages)
    run = functools.partial(server.serve_forever, 0.05)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def issuer(own: str) -> Iterator[str]:
    """Serve the development issuer; client spa is used from *own*."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    clients = (
        Client(id="spa", origins=(own,), refresh=True),
        Client(id="www", refresh=True),
    )
    server = bind(Config(clients=clients, access_token_lifetime=LIFETIME))
    run = functools.partial(server.serve_forever, 0.05)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def process(
    command: list[str], environ: Mapping[str, str], log: Path
) -> Iterator[None]:
    """Run a server as a child, and stop it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, env={**kept, **environ}, cwd=ROOT, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            child.terminate()
            child.wait(10)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in found]


def wait_for(url: str, log: Path) -> None:
    """Return when *url* answers."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer:\n{log.read_text()}")


@contextmanager
def everything(
    folder: Path,
    *,
    api_settings: Mapping[str, str] | None = None,
    www_settings: Mapping[str, str] | None = None,
) -> Iterator[Place]:
    """Start it all. The extra settings break a rule, to see that a test notices.

    In a value, ``{stranger}`` and ``{other}`` stand for these origins.
    """
    own, other, stranger, api, www = free_ports(5)
    log = folder / "servers.log"
    log.touch()
    with ExitStack() as running:
        at = [running.enter_context(pages(port)) for port in (own, other, stranger)]
        trusted = running.enter_context(issuer(at[0]))
        named = {"own": at[0], "other": at[1], "stranger": at[2]}
        trust = {
            "JWTGUARD_ISSUER": trusted,
            "JWTGUARD_AUDIENCE": "https://api.example.com",
            "JWTGUARD_PROFILE": "rfc9068",
            "JWTGUARD_LEEWAY": "0",
            "PYTHONUNBUFFERED": "1",
            "XDG_RUNTIME_DIR": str(folder),
        }
        api_environ = {
            **trust,
            "JWTGUARD_CLIENTS": f"spa={at[0]} other={at[1]}",
            "JWTGUARD_REFRESH_CLIENTS": "spa",
            "JWTGUARD_RELAY_LIMIT": "1000/minute",
            "NOTES_DB": str(folder / "notes.sqlite"),
            **{k: v.format(**named) for k, v in (api_settings or {}).items()},
        }
        www_environ = {
            **trust,
            "JWTGUARD_CLIENTS": "www",
            "NOTES_API_URL": f"http://127.0.0.1:{api}",
            **{k: v.format(**named) for k, v in (www_settings or {}).items()},
        }
        gunicorn = [
            sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{api}",
            "--threads", "4", "--access-logfile", "-", "examples.flask_app:app",
        ]  # fmt: skip
        uvicorn = [
            sys.executable, "-m", "uvicorn", "--port", str(www), "--no-proxy-headers",
            "examples.starlette_app:app",
        ]  # fmt: skip
        running.enter_context(process(gunicorn, api_environ, log))
        running.enter_context(process(uvicorn, www_environ, log))
        place = Place(
            own=at[0],
            other=at[1],
            stranger=at[2],
            issuer=trusted,
            api=f"http://127.0.0.1:{api}",
            www=f"http://localhost:{www}",
            log=log,
        )
        wait_for(f"{place.api}/healthz", log)
        wait_for(f"{place.www}/healthz", log)
        yield place
