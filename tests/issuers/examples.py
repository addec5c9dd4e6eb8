"""The two examples behind real servers, and what they say to a token."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from jwtguard.reasons import REASONS
from tests.issuers.running import running
from tests.ports import free_port
from tests.session_support import SECRET

AUDIENCE = "https://api.example.com"
WWW = "https://www.example.com"
OTHER = "https://other.example.com"
STRANGER = "https://stranger.example.net"
PASSWORD = "wonderland"
SCOPE = "openid notes:read notes:write"
SITE = {"JWTGUARD_SECRETS": SECRET}
"""What the site alone needs: it keeps sessions."""

DOORS = {"flask": "/whoami", "starlette": "/"}
"""A path of each example that any good token opens."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Where the API (Flask, gunicorn) and the site (Starlette, uvicorn) are."""

    flask: str
    starlette: str
    log: Path

    def url(self, door: str) -> str:
        """Return a URL that is protected, at the example called *door*."""
        return f"{getattr(self, door)}{DOORS[door]}"

    def ask(self, door: str, token: str, origin: str | None = None) -> httpx.Response:
        """Call *door* with *token*, from a page at *origin* if there is one."""
        headers = {"Authorization": f"Bearer {token}"}
        if origin is not None:
            headers["Origin"] = origin
        return httpx.get(self.url(door), headers=headers, trust_env=False, timeout=20)

    def grant(self, origin: str | None, **form: str) -> httpx.Response:
        """Ask the API's token path, which relays to the issuer."""
        headers = {} if origin is None else {"Origin": origin}
        url = f"{self.flask}/oauth/token"
        return httpx.post(url, data=form, headers=headers, trust_env=False, timeout=20)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and reason; the client reads the reason's sentence."""
    sentence = answer.json()["error_description"]
    (reason,) = (name for name, known in REASONS.items() if known.sentence == sentence)
    return answer.status_code, reason


@contextmanager
def examples(
    folder: Path,
    issuer: str,
    *,
    api: Mapping[str, str],
    both: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Examples]:
    """Run both examples against *issuer*; *api* and *both* are further settings.

    *port* is that of the API, where the issuer has to know it before.
    """
    ports = port or free_port(), free_port()
    flask, starlette = (f"http://127.0.0.1:{port}" for port in ports)
    place = Examples(flask, starlette, folder / "log")
    common = {
        "JWTGUARD_ISSUER": issuer,
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "NOTES_API_URL": place.flask,
        "NOTES_DB": str(folder / "notes.sqlite"),
        "XDG_RUNTIME_DIR": str(folder),
        **(both or {}),
    }
    gunicorn = (
        "gunicorn", "--bind", f"127.0.0.1:{ports[0]}", "--threads", "8",
        "examples.flask_app:app",
    )  # fmt: skip
    uvicorn = (
        "uvicorn", "--port", str(ports[1]), "--no-proxy-headers",
        "examples.starlette_app:app",
    )  # fmt: skip
    with ExitStack() as stack:
        for command, environ, base in (
            (gunicorn, {"JWTGUARD_RELAY_LIMIT": "1000/minute", **api}, place.flask),
            (uvicorn, {**SITE, "JWTGUARD_CLIENTS": f"www spa={WWW}"}, place.starlette),
        ):
            stack.enter_context(
                running(
                    (sys.executable, "-m", *command),
                    {**common, **environ},
                    f"{base}/healthz",
                    place.log,
                )
            )
        yield place
