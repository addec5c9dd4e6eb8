"""A password-grant token server for development, on Authlib. Never for production.

Its passwords are plain, its tokens live in memory, and anybody on this machine can
rotate its keys.
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import cast

from werkzeug.serving import BaseWSGIServer, make_server

from ..core.model.origins import is_loopback_host
from ..errors import ConfigurationError
from .banner import banner
from .config import ALGORITHMS, SAMPLE_API, Client, Config, User
from .server import Issuer

__all__ = [
    "Client",
    "Config",
    "Issuer",
    "User",
    "add_arguments",
    "bind",
    "create_app",
    "run",
    "serve",
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``jwtguard issuer``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="clients and users")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", type=int, default=9000, help="0 picks one; default: %(default)s"
    )
    parser.add_argument("--issuer", metavar="URL", help="default: http://HOST:PORT")
    parser.add_argument("--alg", choices=ALGORITHMS, help="default: RS256")
    parser.add_argument("--audience", help="aud of the access tokens")
    parser.add_argument(
        "--access-token-lifetime", type=int, metavar="SECONDS", help="default: 300"
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help="let other machines in: only where nothing else can reach it",
    )
    parser.add_argument(
        "--dpop-nonce",
        action="store_true",
        default=None,
        help="ask for a nonce in DPoP proofs",
    )
    parser.add_argument(
        "--opaque",
        action="store_true",
        default=None,
        help="issue opaque access tokens, which the API has to introspect",
    )
    _add_client_arguments(parser)


def _add_client_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--client",
        action="append",
        default=[],
        metavar="ID[=URL]",
        help="add a public client, used from a page at URL if there is one",
    )
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="CLIENT=URL",
        help="let CLIENT be used from a page at URL, and nowhere else",
    )
    parser.add_argument(
        "--logout-uri",
        action="append",
        default=[],
        metavar="CLIENT=URL",
        help="post the logout tokens of CLIENT to URL",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; 2 if it may not or cannot."""
    try:
        config = _config(arguments)
        serve(
            config,
            arguments.host,
            arguments.port,
            issuer=arguments.issuer,
            public=arguments.public,
        )
    except ConfigurationError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _config(arguments: argparse.Namespace) -> Config:
    config = Config.load(
        arguments.config,
        alg=arguments.alg,
        audience=arguments.audience,
        access_token_lifetime=arguments.access_token_lifetime,
        dpop_nonce=arguments.dpop_nonce,
        opaque=arguments.opaque,
    )
    config = _with_api(config)
    for text in arguments.client:
        client, _, origin = text.partition("=")
        config = config.with_client(client, origin)
    config = config.with_origins(_pairs("--origin", arguments.origin))
    return config.with_logout_uris(_pairs("--logout-uri", arguments.logout_uri))


def _with_api(config: Config) -> Config:
    """Return *config* with a client that may introspect, if it needs one."""
    if not config.opaque or any(one.secret for one in config.clients):
        return config
    return replace(config, clients=(*config.clients, SAMPLE_API))


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        client, _, url = text.partition("=")
        if not client or not url:
            example = "spa=http://localhost:8000"
            example += "/oidc/logout" if option == "--logout-uri" else ""
            raise ConfigurationError(f"{option} {text!r}: write {example}")
        pairs[client] = url
    return pairs


def serve(
    config: Config,
    host: str = "127.0.0.1",
    port: int = 9000,
    *,
    issuer: str | None = None,
    public: bool = False,
) -> None:
    """Serve until interrupted. Raises ``ConfigurationError`` and ``OSError``."""
    server = bind(config, host, port, issuer=issuer, public=public)
    application = cast(Issuer, server.app)
    # Windows has no such signal; there POST /dev/rotate does the same.
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: _rotate_aside(application))
    print(banner(config, application.url), flush=True)
    server.serve_forever()


def _rotate_aside(application: Issuer) -> None:
    """Rotate in a thread: a second signal may come while the first one is handled."""

    def rotate() -> None:
        print(f"The signing key is now {application.keys.rotate()}", flush=True)

    Thread(target=rotate, daemon=True).start()


def create_app(config: Config, url: str) -> Issuer:
    """Return the issuer called *url* as a WSGI application."""
    return Issuer(config, url)


def bind(
    config: Config,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    issuer: str | None = None,
    public: bool = False,
) -> BaseWSGIServer:
    """Return a server that listens; ``serve_forever`` runs it, ``app`` is the issuer.

    Raises ``ConfigurationError`` for a host that is not loopback without *public*.
    """
    if not public and not is_loopback_host(f"[{host}]" if ":" in host else host):
        raise ConfigurationError(
            f"{host} is not a loopback address, and this issuer is for development "
            "only; add --public if nothing but your own machines can reach it"
        )
    # Bound before the application is made: with port 0 the issuer's name is not known
    # earlier.
    server = make_server(host, port, _starting, threaded=True)
    shown = f"[{host}]" if ":" in host else host
    server.app = create_app(config, issuer or f"http://{shown}:{server.server_port}")
    return server


def _starting(_environ: object, _start_response: object) -> list[bytes]:
    """Stands in until the port, and so the issuer's name, is known."""
    raise RuntimeError("the issuer is not ready")
