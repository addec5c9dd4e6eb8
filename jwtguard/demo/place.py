"""RFC 6454: four origins on loopback, and what each server is told about the others."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

ROOT = Path(__file__).parent.parent
USERS = {"alice": "wonderland", "bob": "builder"}
HINT = "Try alice / wonderland (an admin who writes) or bob / builder (who only reads)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where everything is. ``www`` and ``stranger`` are one site, but two origins.

    So the stranger gets the cookies that ``SameSite`` would keep from another site, and
    only the guard stands in the way.
    """

    issuer: str
    api: str
    www: str
    stranger: str

    @classmethod
    def on_free_ports(cls) -> Place:
        """Pick four ports that are free now."""
        issuer, api, www, stranger = free_ports(4)
        return cls(
            issuer=f"http://127.0.0.1:{issuer}",
            api=f"http://127.0.0.1:{api}",
            www=f"http://localhost:{www}",
            stranger=f"http://localhost:{stranger}",
        )

    def api_environment(self, folder: Path) -> dict[str, str]:
        """The API: three clients, of which one may refresh through the token path."""
        return {
            **self._trust(),
            "JWTGUARD_CLIENTS": f"spa={self.www} other={OTHER_ORIGIN} www",
            "JWTGUARD_REFRESH_CLIENTS": "spa",
            "JWTGUARD_RELAY_LIMIT": "60/minute",
            "NOTES_DB": str(folder / "notes.sqlite"),
            "XDG_RUNTIME_DIR": str(folder),  # where gunicorn puts its control socket
        }

    def www_environment(self) -> dict[str, str]:
        """The www server: sessions with tokens of its own client."""
        return {
            **self._trust(),
            "JWTGUARD_SECRETS": token_urlsafe(32),
            "JWTGUARD_CLIENTS": "www",
            "NOTES_API_URL": self.api,
            "NOTES_PROOF_URL": f"{self.issuer}/oauth/token",
            "NOTES_STRANGER_URL": self.stranger,
            "NOTES_HINT": HINT,
        }

    def stranger_environment(self) -> dict[str, str]:
        """The stranger: nothing but where to aim."""
        return {"NOTES_API_URL": self.api, "NOTES_WWW_URL": self.www}

    def _trust(self) -> dict[str, str]:
        return {
            "JWTGUARD_ISSUER": self.issuer,
            "JWTGUARD_AUDIENCE": AUDIENCE,
            "JWTGUARD_PROFILE": "rfc9068",
            "JWTGUARD_CLIENTS_ONLY": "true",
            "JWTGUARD_KEYS_COOLDOWN": str(COOLDOWN),
            "JWTGUARD_LEEWAY": "0",  # there is one clock here
        }


COOLDOWN = 1
"""Seconds between two fetches asked for by unknown key ids; in use it is 10."""
AUDIENCE = "https://api.example.com"
OTHER_ORIGIN = "https://other.example.com"
"""Where client ``other`` lives: a listed origin, of another client."""


ISSUER_CONFIG = """
# No origins here: the token path checks them, and the issuer sees none.
clients = [
    { id = "spa", refresh = true, backchannel_logout_uri = "API/oidc/logout" },
    { id = "www", refresh = true, backchannel_logout_uri = "WWW/oidc/logout" },
    { id = "other" },
]
"""
ISSUER_LAUNCH = """
import argparse
from jwtguard.issuer import add_arguments, run
parser = argparse.ArgumentParser()
add_arguments(parser)
raise SystemExit(run(parser.parse_args()))
"""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; all are held while the next is sought."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def examples() -> tuple[str, dict[str, str]]:
    """Find the two examples: their package, and what Python must know to import it.

    A wheel carries them inside the package; a checkout has them beside it.
    """
    if (ROOT / "_examples").is_dir():
        return "jwtguard._examples", {}
    return "examples", {"PYTHONPATH": str(ROOT.parent)}


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: no setting of the person's, no proxy on loopback."""
    foreign = ("JWTGUARD_", "NOTES_", "FLASK_", "UVICORN_", "GUNICORN_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **examples()[1], **own}


def issuer_command(port: str, place: Place, folder: Path) -> list[str]:
    """Serve the development issuer, to which the API alone hands token requests on."""
    config = folder / "issuer.toml"
    text = ISSUER_CONFIG.replace("API", place.api).replace("WWW", place.www)
    config.write_text(text, encoding="utf-8")
    options = ["--port", port, "--config", str(config), "--audience", AUDIENCE]
    return [sys.executable, "-c", ISSUER_LAUNCH, *options]


def api_command(port: str) -> list[str]:
    """Serve the API by gunicorn with threads; without it, by Flask's own server."""
    app = f"{examples()[0]}.flask_app:app"
    if importlib.util.find_spec("gunicorn") and os.name == "posix":
        options = [
            "--bind",
            f"127.0.0.1:{port}",
            "--threads",
            "8",
            "--log-level",
            "info",
        ]
        return [sys.executable, "-m", "gunicorn", *options, app]
    return [sys.executable, "-m", "flask", "--app", app, "run", "--port", port]


def uvicorn_command(app: str, port: str) -> list[str]:
    """Serve an ASGI application of the examples by uvicorn."""
    options = ["--host", "127.0.0.1", "--port", port, "--no-proxy-headers"]
    app = f"{examples()[0]}.starlette_app{app}"
    return [sys.executable, "-m", "uvicorn", *options, app]
