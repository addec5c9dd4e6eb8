"""Who is measured: the bare application, ours, and what people use today.

Each is written as its own documentation shows it, with its keys in memory. Those that
belong to a framework are measured against a bare application of that framework.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    SimpleUser,
)
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection

from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.flask import JWTGuard, require_scope
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

from .bare import bare_asgi, bare_wsgi
from .floors import least_asgi, least_wsgi, plain_asgi, plain_wsgi
from .site import ORIGIN, TENANT, Site

ALL = ("RS256", "ES256", "EdDSA")


@dataclass(frozen=True)
class Peer:
    """One way to protect the API. ``base`` names what it is measured against."""

    name: str
    kind: str
    """``asgi`` or ``wsgi``: how it is called."""
    base: str
    make: Callable[[Site], Any]
    algs: tuple[str, ...] = ALL
    tokens: bool = True
    """It reads tokens; else it does CORS alone."""
    cors: bool = False
    """It answers preflights."""
    refuses: bool = True
    """A request without token is refused; else the application runs."""
    ours: bool = False
    least: bool = False
    """It looks a known token up, adds three fields and checks nothing: the limit."""


def bare_flask(_site: Site | None = None) -> Flask:
    """Return a Flask application with one view."""
    app = Flask("bare")
    app.add_url_rule("/notes/<int:number>", "note", _note)
    return app


def _note(number: int) -> str:
    return str(number)


def bare_fastapi(_site: Site | None = None, *needs: Any) -> Any:
    """Return a FastAPI application with one endpoint; *needs* are its dependencies."""
    from fastapi import FastAPI

    app = FastAPI(openapi_url=None)

    @app.get("/notes/{number}", dependencies=list(needs))
    async def note(number: int) -> int:
        return number

    return app


def guarded_flask(site: Site) -> Flask:
    """Return the Flask application with ours around and on it."""
    app = Flask("guarded")
    app.add_url_rule("/notes/<int:number>", "note", require_scope("notes:read")(_note))
    JWTGuard(app, site.guard())
    return app


def guarded_fastapi(site: Site) -> Any:
    """Return the FastAPI application with ours around it."""
    app = bare_fastapi()
    app.add_middleware(ASGIGuard, guard=site.guard())
    return app


class _Backend(AuthenticationBackend):
    """Starlette with PyJWT, as its users write it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._key = site.key

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[AuthCredentials, SimpleUser] | None:
        header = conn.headers.get("authorization")
        if header is None:
            return None
        try:
            claims = jwt.decode(
                header.partition(" ")[2],
                self._key,
                algorithms=[self._site.alg],
                audience=self._site.audience,
                issuer=self._site.issuer,
            )
        except jwt.PyJWTError as error:
            raise AuthenticationError(str(error)) from error
        return AuthCredentials(claims["scope"].split()), SimpleUser(claims["sub"])


def starlette_pyjwt(site: Site) -> Any:
    """Starlette's own middleware around PyJWT."""
    return AuthenticationMiddleware(bare_asgi, backend=_Backend(site))


def fastmcp(site: Site) -> Any:
    """FastMCP's verifier behind the bearer middleware of the MCP SDK."""
    from fastmcp.server.auth.providers.jwt import JWTVerifier
    from mcp.server.auth.middleware.bearer_auth import (
        BearerAuthBackend,
        RequireAuthMiddleware,
    )

    pem = site.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    verifier: Any = JWTVerifier(
        public_key=pem.decode(),
        issuer=site.issuer,
        audience=site.audience,
        algorithm=site.alg,
    )
    inner = RequireAuthMiddleware(bare_asgi, required_scopes=["notes:read"])
    return AuthenticationMiddleware(inner, backend=BearerAuthBackend(verifier))


def azure(site: Site) -> Any:
    """fastapi-azure-auth; its keys are put where its own fetch would put them."""
    from fastapi import Security
    from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer

    scheme = SingleTenantAzureAuthorizationCodeBearer(
        app_client_id=site.audience, tenant_id=TENANT, allow_guest_users=True
    )
    config = scheme.openid_config
    config.issuer = site.issuer
    config._load_keys(list(site.jwks["keys"]))  # noqa: SLF001
    config._config_timestamp = datetime.now()  # noqa: DTZ005, SLF001  # as it does
    return bare_fastapi(site, Security(scheme, scopes=["notes:read"]))


def axioms(site: Site) -> Any:
    """axioms-fastapi; its key set is put where its own fetch would put it."""
    from axioms_fastapi import require_auth, require_scopes
    from axioms_fastapi.config import AxiomsConfig, get_config
    from axioms_fastapi.helper import cache
    from fastapi import Depends

    url = f"{site.issuer}/{site.alg}/jwks"
    cache.set("jwks" + url, json.dumps(site.jwks).encode(), timeout=86_400)
    config = AxiomsConfig(
        AXIOMS_AUDIENCE=site.audience,
        AXIOMS_ISS_URL=site.issuer,
        AXIOMS_JWKS_URL=url,
    )
    scopes = require_scopes(["notes:read"])
    app = bare_fastapi(site, Depends(require_auth), Depends(scopes))
    app.dependency_overrides[get_config] = lambda: config
    return app


def flask_jwt_extended(site: Site) -> Flask:
    """Flask-JWT-Extended, told to take the issuer's tokens."""
    from flask_jwt_extended import JWTManager, jwt_required

    app = Flask("extended")
    app.config.update(
        JWT_ALGORITHM=site.alg,
        JWT_PUBLIC_KEY=site.key,
        JWT_DECODE_AUDIENCE=site.audience,
        JWT_DECODE_ISSUER=site.issuer,
    )
    JWTManager(app)
    app.add_url_rule("/notes/<int:number>", "note", jwt_required()(_note))
    return app


def authlib(site: Site) -> Flask:
    """Authlib's ResourceProtector for Flask with its RFC 9068 validator."""
    from authlib.integrations.flask_oauth2 import ResourceProtector
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
    from joserfc.jwk import KeySet

    keys = KeySet.import_key_set(cast(Any, site.jwks))

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> Any:
            return keys

    protector = ResourceProtector()
    protector.register_token_validator(Validator(site.issuer, site.audience))
    app = Flask("authlib")
    guarded = protector("notes:read")(_note)
    app.add_url_rule("/notes/<int:number>", "note", guarded)
    return app


def starlette_cors(_site: Site) -> Any:
    """Starlette's CORS middleware alone: no token is read."""
    return CORSMiddleware(
        bare_asgi, allow_origins=[ORIGIN], allow_headers=["Authorization"]
    )


def flask_cors(_site: Site) -> Flask:
    """Flask-CORS alone: no token is read."""
    from flask_cors import CORS

    app = bare_flask()
    CORS(app, origins=[ORIGIN])
    return app


def plain_flask(site: Site) -> Flask:
    """The Flask application with a verifier in plain Python around it."""
    app = bare_flask()
    app.wsgi_app = plain_wsgi(site, app.wsgi_app)  # type: ignore[method-assign]
    return app


def least_flask(site: Site) -> Flask:
    """The Flask application with digest and fields alone around it."""
    app = bare_flask()
    app.wsgi_app = least_wsgi(site, app.wsgi_app)  # type: ignore[method-assign]
    return app


def _least(name: str, kind: str, base: str, make: Callable[[Site], Any]) -> Peer:
    return Peer(name, kind, base, make, refuses=False, least=True)


def _ours(name: str, kind: str, base: str, make: Callable[[Site], Any]) -> Peer:
    return Peer(name, kind, base, make, cors=True, ours=True)


def _cors(name: str, kind: str, base: str, make: Callable[[Site], Any]) -> Peer:
    return Peer(name, kind, base, make, tokens=False, cors=True, refuses=False)


def guarded_asgi(site: Site) -> ASGIGuard:
    """Return the bare ASGI application with ours around it."""
    return ASGIGuard(bare_asgi, site.guard())


def guarded_wsgi(site: Site) -> WSGIGuard:
    """Return the bare WSGI application with ours around it."""
    return WSGIGuard(bare_wsgi, site.guard())


PEERS = (
    _ours("jwtguard", "asgi", "ASGI", guarded_asgi),
    _ours("jwtguard, WSGI", "wsgi", "WSGI", guarded_wsgi),
    _ours("jwtguard, FastAPI", "asgi", "FastAPI", guarded_fastapi),
    _ours("jwtguard, Flask", "wsgi", "Flask", guarded_flask),
    _least("digest and fields alone", "asgi", "ASGI", least_asgi),
    _least("digest and fields alone, WSGI", "wsgi", "WSGI", least_wsgi),
    _least("digest and fields alone, Flask", "wsgi", "Flask", least_flask),
    Peer("plain Python", "asgi", "ASGI", plain_asgi),
    Peer("plain Python, WSGI", "wsgi", "WSGI", plain_wsgi),
    Peer("plain Python, Flask", "wsgi", "Flask", plain_flask),
    Peer("Starlette + PyJWT", "asgi", "ASGI", starlette_pyjwt, refuses=False),
    Peer("FastMCP + mcp", "asgi", "ASGI", fastmcp),
    Peer("fastapi-azure-auth", "asgi", "FastAPI", azure, algs=("RS256",)),
    Peer("axioms-fastapi", "asgi", "FastAPI", axioms, algs=("RS256", "ES256")),
    Peer("Flask-JWT-Extended", "wsgi", "Flask", flask_jwt_extended),
    Peer("Authlib", "wsgi", "Flask", authlib, algs=("RS256", "ES256")),
    _cors("Starlette CORS alone", "asgi", "ASGI", starlette_cors),
    _cors("Flask-CORS alone", "wsgi", "Flask", flask_cors),
)
BASES: dict[str, tuple[str, Callable[[], Any]]] = {
    "ASGI": ("asgi", lambda: bare_asgi),
    "WSGI": ("wsgi", lambda: bare_wsgi),
    "FastAPI": ("asgi", bare_fastapi),
    "Flask": ("wsgi", bare_flask),
}
