"""One request through WSGI and ASGI: bare, guarded, and guarded by what people use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import ECAlgorithm
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    SimpleUser,
)
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection

from jwtguard import Guard, Principal
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.core.jose import parse
from jwtguard.core.jwk import PublicKey
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

from .timing import Figure

CALLS = 2000
NEW = 600
ALGORITHMS = ("RS256", "ES256", "EdDSA")
Run = Callable[[], float]


async def asgi_app(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer, and do nothing else."""
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


def wsgi_app(_environ: Any, start_response: Any) -> list[bytes]:
    """Answer, and do nothing else."""
    fields = [("Content-Type", "text/plain"), ("Content-Length", "2")]
    start_response("200 OK", fields)
    return [b"ok"]


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: Any) -> None:
    return None


def _asgi(app: Any, tokens: list[str]) -> Run:
    fields = [(b"host", b"api.example"), (b"accept", b"*/*"), (b"user-agent", b"bench")]
    sent = [[*fields, (b"authorization", b"Bearer " + t.encode())] for t in tokens]

    async def run() -> float:
        given = cycle(sent or [fields])
        began = time.perf_counter()
        for _ in range(len(tokens) if len(tokens) > 1 else CALLS):
            scope = {
                "type": "http", "method": "GET", "path": "/notes", "root_path": "",
                "raw_path": b"/notes", "scheme": "https", "query_string": b"",
                "headers": next(given), "client": ("192.0.2.1", 5000),
            }  # fmt: skip
            await app(scope, _receive, _send)
        calls = len(tokens) if len(tokens) > 1 else CALLS
        return (time.perf_counter() - began) / calls * 1e6

    return lambda: asyncio.run(run())


def _wsgi(app: Any, token: str | None) -> Run:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            environ = {
                "REQUEST_METHOD": "GET", "PATH_INFO": "/notes", "QUERY_STRING": "",
                "HTTP_HOST": "api.example", "HTTP_ACCEPT": "*/*",
                "wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.1",
            }  # fmt: skip
            if token is not None:
                environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
            app(environ, lambda *_: lambda _: None)
        return (time.perf_counter() - began) / CALLS * 1e6

    return run


def _signature(public: PublicKey, token: str) -> Run:
    """The limit: the check by the crypto library, and nothing around it."""
    compact = parse(token)
    signature, signed = compact.signature, compact.signing_input
    if isinstance(public, rsa.RSAPublicKey):
        return _timed(
            lambda: public.verify(signature, signed, padding.PKCS1v15(), SHA256())
        )
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _timed(lambda: public.verify(signature, signed))
    return _timed(_ecdsa(public, signature, signed))


def _ecdsa(
    public: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes
) -> Callable[[], object]:
    algorithm = ECAlgorithm(ECAlgorithm.SHA256)
    return lambda: algorithm.verify(signed, public, signature)


def _timed(call: Callable[[], object]) -> Run:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(NEW):
            call()
        return (time.perf_counter() - began) / NEW * 1e6

    return run


class _Backend(AuthenticationBackend):
    """Starlette with PyJWT, as its users write it."""

    def __init__(self, public: Any, alg: str, audience: str) -> None:
        self._decode: Callable[[str], Any] = lambda token: jwt.decode(
            token, public, algorithms=[alg], audience=audience
        )

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[AuthCredentials, SimpleUser] | None:
        header = conn.headers.get("authorization")
        if header is None:
            return None
        try:
            claims = self._decode(header.partition(" ")[2])
        except jwt.PyJWTError as error:
            raise AuthenticationError(str(error)) from error
        return AuthCredentials(claims["scope"].split()), SimpleUser(claims["sub"])


def _guard(issuer: JWTIssuer, **settings: Any) -> Guard:
    guard = issuer.guard(**settings)
    _: Principal = guard.verify(issuer.token())  # the keys are here from now on
    return guard


def cases() -> dict[str, Run]:
    """Return everything that is measured, by name."""
    found: dict[str, Run] = {}
    for alg in ALGORITHMS:
        issuer = JWTIssuer(alg=alg)
        guard = _guard(issuer, token_cache=0)
        public = next(iter(guard.flow.verifier.trusted.values())).keys.snapshot.keys
        if public is None:
            raise RuntimeError("the issuer has no keys")
        key = public.keys[0].public
        tokens = [issuer.token(scope="a b", subject=str(n)) for n in range(NEW)]
        found[f"{alg} signature"] = _signature(key, tokens[0])
        found[f"{alg} new, asgi"] = _asgi(ASGIGuard(asgi_app, guard), tokens)
        peer = AuthenticationMiddleware(
            asgi_app, backend=_Backend(key, alg, issuer.audience)
        )
        found[f"{alg} new, starlette + pyjwt"] = _asgi(peer, tokens)
        forged = [issuer.forged() for _ in range(2)] * 50
        found[f"{alg} forged, asgi"] = _asgi(ASGIGuard(asgi_app, guard), forged)
    issuer = JWTIssuer()
    guard, token = _guard(issuer), issuer.token(scope="a b")
    found["asgi bare"] = _asgi(asgi_app, [token])
    found["asgi known"] = _asgi(ASGIGuard(asgi_app, guard), [token])
    found["asgi no token"] = _asgi(ASGIGuard(asgi_app, guard), [])
    found["wsgi bare"] = _wsgi(wsgi_app, token)
    found["wsgi known"] = _wsgi(WSGIGuard(wsgi_app, guard), token)
    found["wsgi no token"] = _wsgi(WSGIGuard(wsgi_app, guard), None)
    return found


def tables(figures: dict[str, Figure]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return the tables to print: titles and rows, the head first."""
    bare = figures["asgi bare"].median
    new: list[tuple[str, ...]] = [
        ("token", "added us", "times the signature", "spread")
    ]
    for alg in ALGORITHMS:
        limit = figures[f"{alg} signature"].median
        for name in ("new, asgi", "new, starlette + pyjwt", "forged, asgi"):
            figure = figures[f"{alg} {name}"]
            added = figure.median - bare
            ratio = f"{added / limit:.2f}"
            new.append((f"{alg} {name}", f"{added:.1f}", ratio, figure.spread))
    rows: list[tuple[str, ...]] = [("request", "added us", "spread")]
    for name in ("asgi known", "asgi no token", "wsgi known", "wsgi no token"):
        base = figures[f"{name[:4]} bare"].median
        figure = figures[name]
        rows.append((name, f"{figure.median - base:.1f}", figure.spread))
    return [("Verifying a token", new), ("Everything else", rows)]
