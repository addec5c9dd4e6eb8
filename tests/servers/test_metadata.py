"""Resource metadata behind real proxies: made from the settings, whatever the Host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard.testing import JWTIssuer
from tests.issuers.running import running
from tests.ports import free_port
from tests.servers.mtls_proxies import PROGRAMS
from tests.waiting import ask

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
_NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
  uwsgi_temp_path t; scgi_temp_path t;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto https;
  server {
    listen 127.0.0.1:FRONT;
    location PREFIX/ { proxy_pass http://127.0.0.1:BACK/; }
    location /.well-known/ { proxy_pass http://127.0.0.1:BACK; }
  }
}
"""
_HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend api
  bind 127.0.0.1:FRONT
  http-request replace-path PREFIX/(.*) /\\\\1 if { path_beg PREFIX/ }
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Proto https
  default_backend api
backend api
  server api 127.0.0.1:BACK
"""
PROXIES = [
    pytest.param(name, marks=pytest.mark.skipif(
        PROGRAMS[name] is None, reason=f"missing: {name}"
    ))
    for name in ("nginx", "haproxy")
]  # fmt: skip
UVICORN = ("uvicorn", "--port=PORT", "--no-proxy-headers")
SERVERS = {
    "uvicorn": ((*UVICORN, "asgi_app:app"), ""),
    "uvicorn below a path": ((*UVICORN, "--root-path=/svc", "asgi_app:app"), "/svc"),
    "gunicorn": (("gunicorn", "--bind=127.0.0.1:PORT", "wsgi_app:app"), ""),
}
AT = "/.well-known/oauth-protected-resource"
EVIL = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "host=evil.example",
}


@contextmanager
def proxied(name: str, folder: Path, back: int, prefix: str) -> Iterator[str]:
    """Run a proxy in front of port *back*, which takes *prefix* away; yield its URL."""
    text, front = {"nginx": _NGINX, "haproxy": _HAPROXY}[name], free_port()
    for word, value in (("FRONT", front), ("BACK", back), ("PREFIX", prefix)):
        text = text.replace(word, str(value))
    folder.mkdir()
    file = folder / "configuration"
    file.write_text(text)
    more = ("-p", f"{folder}/", "-c") if name == "nginx" else ("-db", "-f")
    url = f"http://127.0.0.1:{front}"
    command = (str(PROGRAMS[name]), *more, str(file))
    with running(command, {}, f"{url}{prefix}/healthz", folder / "log"):
        yield url


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("server", SERVERS)
def test_metadata_behind_a_proxy(
    server: str, name: str, serve: Serve, issuer: JWTIssuer, tmp_path: Path
) -> None:
    """Document and challenge name the public URL, and never what a caller wrote."""
    command, prefix = SERVERS[server]
    api = "https://api.example"
    resource = f"{api}{prefix}/notes"
    settings = {
        "JWTGUARD_RESOURCE": resource,
        "JWTGUARD_AUDIENCE": f"{resource} {issuer.audience}",
        "JWTGUARD_TRUSTED_PROXIES": "127.0.0.1",
    }
    back = serve(*command, **settings)
    with proxied(name, tmp_path / name, back.port, prefix) as url:
        for path in (f"{AT}{prefix}/notes", AT):
            for headers in ({}, EVIL):
                found: httpx.Response = ask("GET", url + path, headers=headers)
                assert found.status_code == 200, found.text
                assert found.json()["resource"] == resource
                assert found.json()["authorization_servers"] == [issuer.url]
                assert "evil" not in f"{found.text}{found.headers}"
                assert found.headers["Access-Control-Allow-Origin"] == "*"
        refused = ask("GET", f"{url}{prefix}/notes", headers=EVIL)
        assert refused.status_code == 401
        where = f'resource_metadata="{api}{AT}{prefix}/notes"'
        for challenge in refused.headers.get_list("WWW-Authenticate"):
            assert where in challenge
        assert "evil" not in f"{refused.text}{refused.headers}"
        good = issuer.headers()
        assert ask("GET", f"{url}{prefix}/notes", headers=good).status_code == 200
