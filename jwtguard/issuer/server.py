"""The endpoints: RFC 6749, RFC 7009, RFC 8414, OpenID Connect.

What browsers call with secrets stands behind the guard itself: the token and revocation
endpoints with its Origin check, userinfo with its token check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authlib.integrations.flask_oauth2 import AuthorizationServer
from flask import Flask, Response, jsonify, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    HTTPException,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
)

from ..core.model.issuers import TrustedIssuer
from ..core.model.origins import is_loopback_host
from ..core.model.policy import Client, Policy
from ..core.model.policy_fields import DPOP_ALGORITHMS
from ..core.model.principal import Principal
from ..guard import Guard
from ..wsgi import PRINCIPAL_KEY, GuardMiddleware
from .access_tokens import AccessTokens
from .config import Config
from .dpop import Nonces, Proofs, add_proofs
from .grants import (
    TokenGenerator,
    authenticate_public,
    keep_refresh_token,
    make_grants,
    make_revocation,
)
from .hints import say_who_is_refused, unknown_client
from .introspection import IN_PROCESS, INTROSPECT, InProcess, add_introspection
from .keys import Keys
from .logout import END_SESSION, Logout, add_logout
from .store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JWKS = "/jwks"
TOKEN = "/oauth/token"  # noqa: S105  # a path
REVOKE = "/oauth/revoke"
USERINFO = "/userinfo"
PUBLIC = ("/.well-known/*", JWKS, END_SESSION, INTROSPECT, "/dev/*", "/")


class Issuer:
    """The whole issuer as a WSGI application; *url* is its name."""

    def __init__(self, config: Config, url: str) -> None:
        self.url = url
        self.keys = Keys(config.alg)
        self._config = config
        self._client_ids = tuple(one.id for one in config.clients)
        self._base = urlsplit(url).path.rstrip("/")
        store = Store(config)
        self._app = Flask("jwtguard-issuer")
        self._tokens = AccessTokens(url, self.keys, store)
        generator = TokenGenerator(url, self.keys, self._tokens, config)
        _add_oauth(self._app, generator, store, self._tokens, self._base)
        add_logout(self._app, Logout(store, generator, self.keys), store, self._base)
        _add_metadata(self._app, url, self.keys, self._base)
        _add_userinfo(self._app, store, self._tokens, self._base)
        add_introspection(self._app, store, self._tokens, self._base)
        _add_controls(self._app, self.keys)
        nonces = Nonces() if config.dpop_nonce else None
        add_proofs(
            self._app, self._base + TOKEN, Proofs(url.rstrip("/") + TOKEN, nonces)
        )
        self._token_paths = (self._base + TOKEN, self._base + REVOKE)
        self._guarded = self._guard()

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve one request, through a guard that knows the keys of this moment."""
        if environ["PATH_INFO"] in self._token_paths:
            if answer := unknown_client(environ, self._client_ids):
                return answer(environ, start_response)
            if not _from_browser(environ):
                # A server calls, or a relay that has checked the Origin itself.
                return self._app.wsgi_app(environ, start_response)
        if self._guarded[0] != self.keys.names():
            self._guarded = self._guard()
        return self._guarded[1](environ, start_response)

    def _guard(self) -> tuple[tuple[str, ...], GuardMiddleware]:
        config, base = self._config, self._base
        own = {one.audience for one in config.clients if one.audience}
        trusted = TrustedIssuer(
            url=self.url,
            audience={config.audience, *own},
            profile="rfc9068",
            keys=self.keys.public(),
            **(IN_PROCESS if config.opaque else {}),
        )
        clients = tuple(
            Client(
                id=one.id,
                origins=one.origins,
                refresh=one.refresh,
                headers="X-Requested-With",  # of Swagger UI, jQuery and others
            )
            for one in config.clients
        )
        policy = Policy(
            issuers=(trusted,),
            clients=clients,
            token_paths=self._token_paths[:1],
            revocation_paths=self._token_paths[1:],
            public_paths={*PUBLIC, *(base + path for path in PUBLIC)},
            require_https=False,  # it listens on loopback, or where it was told to
        )
        guard = Guard(
            policy, on_event=say_who_is_refused, transport=InProcess(self._tokens)
        )
        return self.keys.names(), GuardMiddleware(self._app.wsgi_app, guard)


def _add_oauth(
    app: Flask,
    generator: TokenGenerator,
    store: Store,
    tokens: AccessTokens,
    base: str,
) -> None:
    def save_token(token: dict[str, Any], oauth_request: Any) -> None:
        keep_refresh_token(store, token, oauth_request)

    server = AuthorizationServer(app, store.client, save_token)
    server.register_client_auth_method("none", authenticate_public)
    server.register_token_generator("default", generator)
    for grant in make_grants(store):
        server.register_grant(grant)
    server.register_endpoint(make_revocation(store, tokens))

    @app.post(base + TOKEN)
    def token() -> Response:
        answer: Response = server.create_token_response()
        return answer

    @app.post(base + REVOKE)
    def revoke() -> Response:
        answer: Response = server.create_endpoint_response("revocation")
        return answer


def _metadata(issuer: str, alg: str) -> dict[str, Any]:
    """RFC 8414 section 2, OpenID Connect Discovery section 3 and its logout kin."""
    prefix = issuer.rstrip("/")
    return {
        "issuer": issuer,
        "token_endpoint": prefix + TOKEN,
        "revocation_endpoint": prefix + REVOKE,
        "introspection_endpoint": prefix + INTROSPECT,
        "userinfo_endpoint": prefix + USERINFO,
        "end_session_endpoint": prefix + END_SESSION,
        "jwks_uri": prefix + JWKS,
        "grant_types_supported": ["password", "refresh_token"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [alg],
        "token_endpoint_auth_methods_supported": [
            "none",
            "client_secret_basic",
            "client_secret_post",
        ],
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "scopes_supported": ["openid", "profile", "notes:read", "notes:write"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def _add_metadata(app: Flask, issuer: str, keys: Keys, base: str) -> None:
    def metadata() -> Response:
        return _public(_metadata(issuer, keys.alg))

    well_known = {
        f"{base}/.well-known/openid-configuration",
        f"{base}/.well-known/oauth-authorization-server",
        f"/.well-known/oauth-authorization-server{base}",  # RFC 8414 section 3.1
    }
    for path in well_known:
        app.add_url_rule(path, path, metadata)

    @app.get(base + JWKS)
    def jwks() -> Response:
        return _public(keys.public())

    @app.get(f"{base}/")
    def index() -> Response:
        return metadata()


def _public(document: dict[str, Any]) -> Response:
    """Anybody may read it, from any page (Fetch standard, CORS protocol)."""
    answer = jsonify(document)
    # Metadata and keys are public, and pages of any origin verify tokens with them.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def _add_userinfo(app: Flask, store: Store, tokens: AccessTokens, base: str) -> None:
    @app.route(base + USERINFO, methods=["GET", "POST"])
    def userinfo() -> Response:
        """OpenID Connect Core section 5.3."""
        principal: Principal = request.environ[PRINCIPAL_KEY]
        user = store.user(principal.subject)
        if user is None:
            raise NotFound
        # The guard has checked the token; that it has ended, only the store knows.
        if tokens.find(principal.token) is None:
            error = WWWAuthenticate("bearer", {"error": "invalid_token"})
            text = "The token or its session has ended."
            raise Unauthorized(text, www_authenticate=error)
        profile = dict(user.profile) if "profile" in principal.scopes else {}
        return jsonify({"sub": user.name, **profile})


def _add_controls(app: Flask, keys: Keys) -> None:
    """What a developer does to an issuer to see what happens."""
    state = {"out": False}

    @app.before_request
    def controls() -> None:
        if request.path.startswith("/dev/"):
            _only_from_here()
        elif state["out"]:
            raise ServiceUnavailable("an outage was asked for: POST /dev/outage")

    @app.errorhandler(HTTPException)
    def as_json(error: HTTPException) -> Response:
        """Whoever asks an issuer reads JSON (RFC 6749 section 5.2), errors too."""
        code = "temporarily_unavailable" if error.code == 503 else "invalid_request"
        answer = jsonify({"error": code, "error_description": error.description})
        answer.status_code = error.code or 500
        challenge = error.get_response().headers.get("WWW-Authenticate")
        if challenge:
            answer.headers["WWW-Authenticate"] = challenge
        return answer

    @app.post("/dev/rotate")
    def rotate() -> Response:
        return jsonify({"kid": keys.rotate()})

    @app.post("/dev/withdraw")
    def withdraw() -> Response:
        return jsonify({"withdrawn": keys.withdraw()})

    @app.route("/dev/outage", methods=["POST", "DELETE"])
    def outage() -> Response:
        state["out"] = request.method == "POST"
        return jsonify({"outage": state["out"]})


def _from_browser(environ: WSGIEnvironment) -> bool:
    """Browsers add one or the other to every POST (Fetch standard)."""
    return "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ


def _only_from_here() -> None:
    """The controls are for programs on this machine, and for no page in a browser."""
    local = is_loopback_host(request.remote_addr or "")
    if (
        not local
        or _from_browser(request.environ)
        or not is_loopback_host(request.host)
    ):
        raise NotFound
