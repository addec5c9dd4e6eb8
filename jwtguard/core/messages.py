"""What goes into a decision and what comes out of it (RFC 9110 vocabulary)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from .effects import ClaimGuess, Exchange, ReturnGuess

Fields = tuple[tuple[str, str], ...]
"""Header fields in order; names as they are sent."""

_PROXY_NAMES = frozenset({
    "cdn-loop", "client-cert", "client-cert-chain", "client-ip", "forwarded",
    "front-end-https", "proxy-client-ip", "via", "x-bluecoat-via", "x-client-ip",
    "x-cluster-client-ip", "x-coming-from", "x-host", "x-nginx-proxy",
    "x-originating-ip", "x-proxy-id", "x-proxyuser-ip", "x-request-start", "x-scheme",
    "x-url-scheme", "x-varnish",
})  # fmt: skip
_PROXY_PREFIXES = (
    "akamai-", "cf-", "cloudfront-", "fastly-", "fly-", "ssl-client-", "true-client-",
    "wl-proxy-", "x-akamai-", "x-amz-cf-", "x-appengine-", "x-appgw-", "x-arr-",
    "x-azure-", "x-envoy-", "x-forwarded", "x-nf-", "x-original-", "x-real-",
    "x-remote-", "x-ssl-", "x-vercel-",
)  # fmt: skip
# Trace fields (traceparent, X-Amzn-Trace-Id, X-Cloud-Trace-Context, X-Request-ID) are
# not among them: callers on the same machine send those too, and each proxy that adds
# one also adds Via or X-Forwarded-For.
_READ = frozenset({
    "access-control-request-headers", "access-control-request-method",
    "authorization", "content-encoding", "content-length", "content-type", "cookie",
    "host", "origin", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site",
    "transfer-encoding",
})  # fmt: skip


def shows_proxy(name: str) -> bool:
    """Whether a header field of this lower-case *name* is added by proxies."""
    return name in _PROXY_NAMES or name.startswith(_PROXY_PREFIXES)


def is_read(name: str) -> bool:
    """Whether a rule reads the field: adapters need to hand on no others."""
    return name in _READ or shows_proxy(name)


Key = TypeVar("Key", str, bytes)
Value = TypeVar("Value")


class NameTable(dict[Key, Value]):
    """What *decide* returns for each header name, remembered for the next request.

    It is bounded: names come from strangers.
    """

    def __init__(self, decide: Callable[[Key], Value]) -> None:
        super().__init__()
        self._decide: Callable[[Key], Value] = decide

    def __missing__(self, name: Key) -> Value:
        """Decide, and remember that of a short name."""
        found = self._decide(name)
        if len(name) <= 64:
            if len(self) >= 1024:
                self.clear()
            self[name] = found
        return found


class Request(NamedTuple):
    """One request, as far as the rules care.

    ``headers`` maps lower-case names to the values of each field of that name.
    ``path`` is what the application routes on, and ``root`` where it is mounted;
    ``raw_path`` is the target as it was sent, where the server shows it. ``peer`` is an
    address, or ``unix``.
    """

    method: str
    path: str
    headers: Mapping[str, Sequence[str]]
    scheme: str = "https"
    peer: str = ""
    query: str = ""
    raw_path: str | None = None
    websocket: bool = False
    subprotocols: Sequence[str] = ()
    root: str = ""

    def header(self, name: str) -> str | None:
        """Return the field's value, several joined by a comma, or None."""
        values = self.headers.get(name)
        return ", ".join(values) if values else None


class Facts(NamedTuple):
    """What a verified token says, shared by all requests that bring it."""

    subject: str
    issuer: str
    client_id: str | None = None
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    expires_at: float = 0.0
    payload: bytes = b"{}"
    origins: frozenset[str] = frozenset()
    """The origins that the token names, if the policy believes them."""


class Principal:
    """Who calls, as the verified token says. It cannot be changed.

    ``expires_at`` is in seconds since the epoch; ``payload`` is the claims as they
    were signed. It is a Starlette user as it stands.
    """

    __slots__ = ("_claims", "_facts", "_token")

    def __init__(
        self,
        *,
        subject: str,
        issuer: str,
        client_id: str | None = None,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
        expires_at: float = 0.0,
        payload: bytes = b"{}",
        token: str = "",
    ) -> None:
        self._facts = Facts(
            subject=subject,
            issuer=issuer,
            client_id=client_id,
            scopes=frozenset(scopes),
            roles=frozenset(roles),
            expires_at=expires_at,
            payload=payload,
        )
        self._token = token
        self._claims: dict[str, Any] | None = None

    @classmethod
    def of(cls, facts: Facts, token: str) -> Principal:
        """Return a principal of one request's own, made of what is known."""
        # What ``__init__`` does, less the checks: this runs once per request.
        principal = cls.__new__(cls)
        principal._facts = facts  # noqa: SLF001
        principal._token = token  # noqa: SLF001
        principal._claims = None  # noqa: SLF001
        return principal

    @property
    def facts(self) -> Facts:
        """All but the token, to be remembered."""
        return self._facts

    @property
    def subject(self) -> str:
        """Whom the token speaks for (RFC 7519 section 4.1.2)."""
        return self._facts.subject

    @property
    def issuer(self) -> str:
        """Who says so (RFC 7519 section 4.1.1)."""
        return self._facts.issuer

    @property
    def client_id(self) -> str | None:
        """The client that the token was made for (RFC 8693 section 4.3)."""
        return self._facts.client_id

    @property
    def scopes(self) -> frozenset[str]:
        """What the token may do (RFC 6749 section 3.3)."""
        return self._facts.scopes

    @property
    def roles(self) -> frozenset[str]:
        """What its owner is (RFC 9068 section 2.2.3.1)."""
        return self._facts.roles

    @property
    def expires_at(self) -> float:
        """When the token ends, in seconds since the epoch."""
        return self._facts.expires_at

    @property
    def payload(self) -> bytes:
        """The claims as they were signed: JSON."""
        return self._facts.payload

    @property
    def token(self) -> str:
        """The token itself, to be forwarded; never in ``repr``."""
        return self._token

    @property
    def claims(self) -> dict[str, Any]:
        """All claims of the token: parsed on first use, and this request's alone."""
        if self._claims is None:
            self._claims = json.loads(self._facts.payload)
        return self._claims or {}

    @property
    def is_authenticated(self) -> bool:
        """Always true: a principal comes out of a verified token."""
        return True

    @property
    def display_name(self) -> str:
        """A name to show: ``preferred_username``, else ``name``, else the subject."""
        for claim in ("preferred_username", "name"):
            value = self.claims.get(claim)
            if isinstance(value, str) and value.strip():
                return value
        return self._facts.subject

    @property
    def identity(self) -> str:
        """Unique across issuers: issuer, space, subject."""
        return f"{self._facts.issuer} {self._facts.subject}"

    def __eq__(self, other: object) -> bool:
        """Two requests with one token have equal principals."""
        return isinstance(other, Principal) and self._facts == other._facts

    def __hash__(self) -> int:
        """Hash by what the token says."""
        return hash(self._facts)

    def __repr__(self) -> str:
        """Show who calls, and never the token."""
        *shown, _payload, _origins = self._facts._asdict().items()
        return f"Principal({', '.join(f'{name}={value!r}' for name, value in shown)})"


@dataclass(frozen=True, slots=True, eq=False)
class Decoration:
    """What happens to the header fields of the application's answer."""

    cors: Fields = ()
    replace: bool = True
    """Ours replace the application's CORS fields; else they only fill a gap."""
    vary: tuple[str, ...] = ("Origin",)
    private: bool = False
    """Add ``Cache-Control: private, no-store`` where the application set none."""


decoration = lru_cache(maxsize=256)(Decoration)
"""Mostly the same object for the same fields, so that adapters can keep what they make
of it."""


class Respond(NamedTuple):
    """Answer now: the application never sees the request."""

    status: int
    headers: Fields
    body: bytes = b""
    reason: str = ""


class Grant(NamedTuple):
    """What a token request asks for (RFC 6749 section 4)."""

    grant_type: str
    """Empty on a revocation path."""
    client_id: str | None
    form: Mapping[str, Sequence[str]]
    authenticated: bool
    """The request brought client authentication of its own."""


class Proceed(NamedTuple):
    """Let the application run, and decorate its answer."""

    principal: Principal | None
    headers: Decoration
    refusal: str | None = None
    """Why a cookie token was not taken on an optional path."""
    body: bytes | None = None
    """The body that was read and judged: hand on these very bytes."""
    instead: Respond | None = None
    """Replaces the application's answer whole, if that grants no origin."""
    carrier: str = ""
    """Where the token was found: header, cookie, subprotocol, or nothing."""
    grant: Grant | None = None
    """What a token request asks for."""


Decision = Respond | Proceed


class ReadBody(NamedTuple):
    """Ask the driver for the request body: at most *limit* bytes.

    The answer is the bytes, or None if the client left or sent rubbish framing;
    more than *limit* bytes means that it is longer.
    """

    limit: int


class StartFetch(NamedTuple):
    """Ask the driver to begin fetching keys in the background; there is no answer."""

    flight: Flight


class AwaitFetch(NamedTuple):
    """Ask the driver to wait until *flight* has landed; there is no answer."""

    flight: Flight


class Flight:
    """One fetch of one issuer's keys, shared by all who wait for it."""

    __slots__ = ("cache", "done", "joinable", "started", "took_off")

    def __init__(self, cache: Any, started: float, *, joinable: bool = False) -> None:
        self.cache = cache
        self.joinable = joinable
        """Whether an unknown key may wait for it during the cooldown that it spent."""
        self.started = started
        """When it was claimed, by the clock of the guard."""
        self.took_off: float | None = None
        """When its thread began, by the clock of the machine; set by the fetcher."""
        self.done: Future[None] = Future()


Ask = ReadBody | StartFetch | AwaitFetch | Exchange | ClaimGuess | ReturnGuess
