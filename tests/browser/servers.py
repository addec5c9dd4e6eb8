"""The servers of the browser tests: three pages' origins, an issuer, an API, a site."""

from __future__ import annotations

import functools
import http.server
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from jwtguard.issuer import Client, Config, bind
from tests.ports import free_ports
from tests.session_support import SECRET
from tests.waiting import HANG

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIBRARY = HERE / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
LIBRARIES = {
    LIBRARY.name: LIBRARY,
    "oauth4webapi.js": HERE / "node_modules/oauth4webapi/build/index.js",
}
APPS = "tests.browser.apps"
LIFETIME = 6
"""Seconds that a token lives whose end a test waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where everything is; ``log`` is what API and site printed."""

    own: str
    other: str
    stranger: str
    issuer: str
    api: str
    """The Flask example under gunicorn."""
    asgi: str
    """The same API on ASGI, under uvicorn."""
    www: str
    front: str
    """The Node.js example, which makes pages for the Flask example."""
    log: Path


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Serves the test pages and the libraries, whatever the origin."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].rpartition("/")[2] or "page.html"
        return str(LIBRARIES.get(name, HERE / name))

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
def issuer(own: str, api: int, lifetime: int) -> Iterator[str]:
    """Serve the development issuer; client spa is used from *own*.

    Its logout tokens go to the API at port *api*. Client brief is the same page, and
    its access tokens live for *lifetime* seconds only, as those of www do.
    """
    clients = (
        Client(
            id="spa",
            origins=(own,),
            refresh=True,
            backchannel_logout_uri=f"http://127.0.0.1:{api}/oidc/logout",
        ),
        Client(
            id="brief", origins=(own,), refresh=True, access_token_lifetime=lifetime
        ),
        Client(id="www", refresh=True, access_token_lifetime=lifetime),
        Client(id="other", refresh=True),
    )
    with issuing(Config(clients=clients)) as url:
        yield url


@contextmanager
def issuing(config: Config) -> Iterator[str]:
    """Serve the development issuer by *config*."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = bind(config)
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
            child.wait(HANG)


def wait_for(url: str, log: Path) -> None:
    """Return when *url* answers."""
    until = time.monotonic() + HANG
    while time.monotonic() < until:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer:\n{log.read_text()}")


def _chosen(
    server: str, settings: Mapping[str, str], named: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings that are for *server*, or for all."""
    return {
        name.partition(":")[2] or name: value.format(**named)
        for name, value in settings.items()
        if name.partition(":")[0] == server or ":" not in name
    }


@contextmanager
def everything(
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    serving: Sequence[str] = ("api", "asgi", "www"),
    lifetime: int = LIFETIME,
) -> Iterator[Place]:
    """Start it all, or what is named by *serving*.

    The extra settings break a rule, to see that a test notices. ``api:NAME`` is for
    the APIs alone, ``www:NAME`` for the site. In a value, ``{own}``, ``{other}``,
    ``{stranger}``, ``{www}`` and ``{front}`` stand for these origins. Access tokens
    of client www live for *lifetime* seconds.
    """
    own, other, stranger, api, asgi, www, front = free_ports(7)
    log = folder / "servers.log"
    log.touch()
    with ExitStack() as running:
        at = [running.enter_context(pages(port)) for port in (own, other, stranger)]
        trusted = running.enter_context(issuer(at[0], api, lifetime))
        named = {"own": at[0], "other": at[1], "stranger": at[2]}
        named["www"] = f"http://localhost:{www}"
        named["front"] = f"http://localhost:{front}"
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
            "JWTGUARD_REFRESH_CLIENTS": "spa brief",
            "JWTGUARD_RELAY_LIMIT": "1000/minute",
            "NOTES_DB": str(folder / "notes.sqlite"),
            **_chosen("api", settings or {}, named),
        }
        api_environ["JWTGUARD_CLIENTS"] += f" brief={at[0]}"
        www_environ = {
            **trust,
            "JWTGUARD_CLIENTS": "www",
            "JWTGUARD_SECRETS": SECRET,
            "NOTES_API_URL": f"http://127.0.0.1:{api}",
            **_chosen("www", settings or {}, named),
        }
        gunicorn = [
            sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{api}",
            "--threads", "4", "--access-logfile", "-", f"{APPS}:flask_api()",
        ]  # fmt: skip
        uvicorn = [sys.executable, "-m", "uvicorn", "--no-proxy-headers", "--factory"]
        commands = {
            "api": (gunicorn, api_environ),
            "asgi": (
                [*uvicorn, f"--port={asgi}", f"{APPS}:starlette_api"],
                api_environ,
            ),
            "front": (
                ["node", str(ROOT / "examples/node_front/server.mjs")],
                {"PORT": str(front), "NOTES_API_URL": f"http://127.0.0.1:{api}"},
            ),
            "www": ([*uvicorn, f"--port={www}", f"{APPS}:starlette_site"], www_environ),
        }
        for name in serving:
            running.enter_context(process(*commands[name], log))
        place = Place(
            own=at[0],
            other=at[1],
            stranger=at[2],
            issuer=trusted,
            api=f"http://127.0.0.1:{api}",
            asgi=f"http://127.0.0.1:{asgi}",
            www=named["www"],
            front=named["front"],
            log=log,
        )
        for name in serving:
            wait_for(f"{getattr(place, name)}/healthz", log)
        yield place
