"""One request on its way through the layers of an application, without a handler run.

A layer that changes what the next one sees (a mount, a root path) changes it here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import quote

from ...asgi import GuardMiddleware as ASGIGuard
from ...asgi import request_of as asgi_request
from ...core.model.request import Request
from ...wsgi import GuardMiddleware as WSGIGuard
from ...wsgi import request_of as wsgi_request

Chain = tuple[int | str, ...]
"""Where a handler stands: its number in each router on the way to it."""
WEBSOCKET = "WEBSOCKET"
HOST = "api.invalid"
_PEER = "192.0.2.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Where a request ends, and what the guards on its way saw of it."""

    chain: Chain
    requests: tuple[Request, ...]
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """A request. ``path`` is whole; ``root`` is the part that mounts have taken.

    The method of a WebSocket handshake is ``WEBSOCKET``.
    """

    method: str
    path: str
    host: str = HOST
    root: str = ""
    chain: Chain = ()
    requests: tuple[Request, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def into(
        self,
        step: int | str,
        root: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Probe:
        """Go on to what stands at *step* of a router."""
        return replace(
            self,
            chain=(*self.chain, step),
            root=self.root if root is None else root,
            parameters={**self.parameters, **(parameters or {})},
        )

    def rooted(self, root: str) -> Probe:
        """Go on below another root path."""
        return replace(self, root=root)

    def past(self, guard: ASGIGuard | WSGIGuard | type[ASGIGuard]) -> Probe:
        """Go past a guard, and keep what its own adapter reads of the request."""
        if isinstance(guard, WSGIGuard):
            # By the adapter's own reading: what `check` shows is then what the guard
            # will see.
            seen = wsgi_request(self.environ())
        else:
            seen = asgi_request(self.scope())
        return replace(self, requests=(*self.requests, seen))

    def reached(self) -> Reached:
        """Say that the request ends here."""
        values = ((name, repr(value)) for name, value in self.parameters.items())
        return Reached(
            chain=self.chain, requests=self.requests, parameters=tuple(sorted(values))
        )

    def scope(self) -> dict[str, Any]:
        """Return the request as ASGI has it."""
        websocket = self.method == WEBSOCKET
        scope: dict[str, Any] = {
            "type": "websocket" if websocket else "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            # Over TLS: how a token travels is not what is examined here.
            "scheme": "wss" if websocket else "https",
            "path": self.path,
            "raw_path": _encoded(self.path).encode("ascii"),
            "root_path": self.root,
            "query_string": b"",
            "headers": [(b"host", self.host.encode("idna"))],
            "client": (_PEER, 1),
            "server": (self.host, 443),
            "path_params": dict(self.parameters),
        }
        if websocket:
            scope["subprotocols"] = []
        else:
            scope["method"] = self.method
        return scope

    def environ(self) -> dict[str, Any]:
        """Return the request as WSGI has it."""
        # A root path of the server need not be part of the path: some proxies have
        # taken it off.
        below = self.path.startswith(self.root)
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": _latin(self.root),
            "PATH_INFO": _latin(self.path[len(self.root) :] if below else self.path),
            "QUERY_STRING": "",
            "SERVER_NAME": self.host,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": self.host,
            "REMOTE_ADDR": _PEER,
            "REQUEST_URI": _encoded(self.path),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(),
            "wsgi.errors": None,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


def _encoded(path: str) -> str:
    return quote(path, safe="/:@!$&'()*+,;=~", errors="surrogateescape")


def _latin(path: str) -> str:
    """PEP 3333: bytes, each as the character of that number."""
    return path.encode("utf-8", "surrogateescape").decode("latin-1")
