"""A site with sessions, its token server in memory, and a browser of a few lines."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx

from jwtguard import Guard, TrustedIssuer
from jwtguard.adapters import Decision, Proceed, Request, Respond, finish
from jwtguard.core.model.effects import StateUnavailableError
from jwtguard.state import MemoryState, State
from jwtguard.testing import JWTIssuer
from tests.waiting import HANG

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER_SECRET = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
HOST = "www.example"
EVIL = {"origin": "https://evil.example", "sec_fetch_site": "cross-site"}
OWN = {"origin": f"https://{HOST}"}
NAME = "__Host-Http-session"


class TokenServer:
    """Signs tokens for passwords, rotates refresh tokens, and punishes reuse.

    It is an httpx transport: keys and metadata come from it too.
    """

    def __init__(self, issuer: JWTIssuer, *, life: float = 300) -> None:
        self.issuer = issuer
        self.life = life
        self.claims: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.valid: dict[str, str] = {}
        """Refresh tokens that are good, and whose."""
        self.spent: dict[str, str] = {}
        self.revoked: list[str] = []
        self.lacks: set[str] = set()
        """What the metadata does not name."""
        self.reused = 0
        self.answer: Callable[[dict[str, str]], httpx.Response | None] | None = None
        """What answers a form instead; None from it: the usual answer."""
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)
        self._count = 0
        self._lock = threading.Lock()

    @property
    def refreshes(self) -> int:
        """How often a refresh token was to be redeemed."""
        return sum(form.get("grant_type") == "refresh_token" for form in self.asked)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            if request.url.path.endswith("openid-configuration"):
                return httpx.Response(200, json=self.metadata())
            got = self.issuer.transport(str(request.url), {}, 1)
            return httpx.Response(
                got.status, headers=dict(got.headers), content=got.body
            )
        form = {k: v[0] for k, v in parse_qs(request.content.decode()).items()}
        with self._lock:
            self.asked.append(form)
            self.headers.append(dict(request.headers))
        self.begun.release()
        assert self.open.wait(HANG)
        if self.answer is not None and (made := self.answer(form)) is not None:
            return made
        with self._lock:
            return self._answer(request.url.path, form)

    def metadata(self) -> dict[str, Any]:
        url = self.issuer.url
        said = {
            **self.issuer.metadata(),
            "token_endpoint": f"{url}/token",
            "revocation_endpoint": f"{url}/revoke",
        }
        return {name: said[name] for name in said if name not in self.lacks}

    def _answer(self, path: str, form: dict[str, str]) -> httpx.Response:
        if path.endswith("/revoke"):
            self.revoked.append(form["token"])
            self.valid.pop(form["token"], None)
            return httpx.Response(200)
        if form["grant_type"] == "password":
            if form["password"] != "wonderland":
                return httpx.Response(400, json={"error": "invalid_grant"})
            return self.tokens(form["username"])
        token = form["refresh_token"]
        if token in self.spent:  # RFC 9700 section 4.14.2: the whole family ends
            self.reused += 1
            self.valid.clear()
        if token not in self.valid:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.spent[token] = self.valid.pop(token)
        return self.tokens(self.spent[token])

    def tokens(self, subject: str, **more: Any) -> httpx.Response:
        self._count += 1
        refresh = f"refresh-{self._count}-of-{subject}"
        self.valid[refresh] = subject
        access = self.issuer.token(
            subject=subject, client_id="www", expires_in=self.life, claims=self.claims
        )
        said = {"access_token": access, "refresh_token": refresh, "expires_in": 300}
        return httpx.Response(200, json={**said, "token_type": "Bearer", **more})


@contextmanager
def serving(server: TokenServer) -> Iterator[str]:
    """Serve *server* over a real socket, and return its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer("POST", body)

        def do_GET(self) -> None:
            self.answer("GET", b"")

        def answer(self, method: str, body: bytes) -> None:
            asked = httpx.Request(
                method, f"{server.issuer.url}{self.path}", content=body,
                headers=dict(self.headers),
            )  # fmt: skip
            got = server.handle_request(asked)
            self.send_response_only(got.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(got.content)))
            with suppress(OSError):  # the worker that asked was killed
                self.end_headers()
                self.wfile.write(got.content)

        def log_message(self, *args: object) -> None:
            """Keep test output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_port}"
        finally:
            served.shutdown()
            thread.join()


class Browser:
    """Keeps cookies as a browser does, and shows the answers of one guard."""

    def __init__(self, guard: Guard, jar: dict[str, str] | None = None) -> None:
        self.guard = guard
        self.jar = {} if jar is None else jar

    def request(self, path: str = "/x", method: str = "GET", **fields: Any) -> Request:
        extra = {k: fields.pop(k) for k in ("scheme", "peer", "query") if k in fields}
        given = {"host": HOST, **fields}
        if self.jar:
            given["cookie"] = "; ".join(f"{k}={v}" for k, v in self.jar.items())
        headers = {k.replace("_", "-"): (v,) for k, v in given.items()}
        return Request(method, path, headers, **{"peer": "203.0.113.9", **extra})

    def decide(self, path: str = "/x", method: str = "GET", **fields: Any) -> Decision:
        decision = self.guard.decide(self.request(path, method, **fields))
        return self.take(decision)

    def take(self, decision: Decision) -> Decision:
        """Keep the cookies of what was decided."""
        if isinstance(decision, Proceed):
            headers = finish(decision, 200, ()).headers
        else:
            headers = decision.headers
        self.keep(value for name, value in headers if name.lower() == "set-cookie")
        return decision

    def keep(self, cookies: Iterable[str]) -> None:
        for cookie in cookies:
            pair, _, attributes = cookie.partition(";")
            name, _, value = pair.partition("=")
            assert len(cookie) < 4096
            if "Max-Age=0" in attributes:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def log_in(self, username: str = "alice", password: str = "wonderland") -> Any:
        signed_in = self.guard.log_in(
            self.request("/login", "POST", **OWN), username, password
        )
        self.keep(signed_in.cookies)
        return signed_in.principal

    def log_out(self) -> None:
        self.keep(self.guard.log_out(self.request("/logout", "POST", **OWN)))

    def subject(self, path: str = "/x", method: str = "GET", **fields: Any) -> str:
        """Return who is signed in; the reason if the answer is a refusal."""
        decision = self.decide(path, method, **fields)
        if isinstance(decision, Respond):
            return f"{decision.status} {decision.reason}"
        return decision.principal.subject if decision.principal else "nobody"


class Site:
    """A guard with sessions, its token server, and what it told."""

    def __init__(
        self, issuer: JWTIssuer, *, state: State | None = None, **settings: Any
    ) -> None:
        self.issuer = issuer
        self.server = TokenServer(issuer)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.settings = {
            "session_client": "www",
            "secrets": (SECRET,),
            "public_paths": ("/login", "/logout"),
            "optional_paths": ("/home",),
            **settings,
        }
        self.state = state
        self.guard = self.worker()

    def worker(self, **settings: Any) -> Guard:
        """Return one more process of the site: another guard by the same settings."""
        trusted = TrustedIssuer(url=self.issuer.url, audience=self.issuer.audience)
        return Guard(
            self.issuer.policy(
                **{"issuers": (trusted,), "clients": (), **self.settings, **settings}
            ),
            clock=self.issuer.clock,
            transport=self.server,
            on_event=lambda event, fields: self.told.append((event, dict(fields))),
            state=self.state,
        )

    def browser(self) -> Browser:
        return Browser(self.guard)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.told if event == name]

    def said(self) -> str:
        return json.dumps(self.told)


class Shared(MemoryState):
    """Memory that several guards share; it can go away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.lost: set[str] = set()
        """Beginnings of keys that cannot be stored."""

    def _check(self, key: str) -> None:
        if self.away or any(key.startswith(name) for name in self.lost):
            raise StateUnavailableError("away")

    def claim(self, key: str, ttl: float) -> bool:
        """Fail while it is away."""
        self._check(key)
        return super().claim(key, ttl)

    def get(self, key: str) -> bytes | None:
        """Fail while it is away."""
        if self.away:
            raise StateUnavailableError("away")
        return super().get(key)

    def put(self, key: str, value: bytes, ttl: float) -> None:
        """Fail while it is away."""
        self._check(key)
        super().put(key, value, ttl)

    def keys(self, beginning: str) -> list[str]:
        return [key for key in self._values if key.startswith(beginning)]


def signed_in(site: Site) -> Browser:
    browser = site.browser()
    browser.log_in()
    return browser


def state_of(site: Site) -> Shared:
    assert isinstance(site.state, Shared)
    return site.state


def expire(site: Site, seconds: float = 290) -> None:
    site.issuer.clock.advance(seconds)


def all_at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Run *works* in threads that start together."""
    barrier = threading.Barrier(len(works))

    def start(work: Callable[[], Any]) -> Any:
        barrier.wait(HANG)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works))
