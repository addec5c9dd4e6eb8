"""RFC 8705 section 3: tokens that are bound to a certificate, with real programs.

Each proxy writes the certificate in its own way; some servers hand it on themselves.
"""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard.testing import JWTIssuer
from tests.certificates import Certificate, certificate
from tests.ports import free_port
from tests.servers import mod_wsgi
from tests.servers.conftest import HERE, Running
from tests.servers.mtls_proxies import (
    CONFIGURATIONS,
    PROGRAMS,
    proxy,
    save_certificates,
)
from tests.waiting import HANG, until

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
MINE, OTHER = certificate("mine"), certificate("other")
UVICORN = ("uvicorn", "--port=PORT", "--no-proxy-headers", "mtls_apps:asgi")
BIND = "--bind=127.0.0.1:PORT"
GUNICORN = ("gunicorn", BIND, "--forwarded-allow-ips=", "mtls_apps:wsgi")
UWSGI = shutil.which("uwsgi")
TRUSTING = {"JWTGUARD_TRUSTED_PROXIES": "127.0.0.1"}


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(PROGRAMS[name] is None, reason=f"missing: {name}")


def in_front(name: str, setting: str, **words: str) -> Any:
    text = f"{name} {setting}"
    return pytest.param(name, setting, words, id=text, marks=needs(name))


PROXIES = [
    in_front("nginx", "X-Client-Cert:pem-url"),
    in_front("haproxy", "Client-Cert:rfc9440", VALUE=":%[ssl_c_der,base64]:"),
    in_front("haproxy", "Client-Cert:der-base64", VALUE="%[ssl_c_der,base64]"),
    in_front("envoy", "X-Forwarded-Client-Cert:xfcc", DETAILS="SANITIZE_SET"),
    in_front("envoy", "X-Forwarded-Client-Cert:xfcc", DETAILS="APPEND_FORWARD"),
]


def ask(
    folder: Path, port: int, token: str, shown: Certificate | None, **fields: str
) -> httpx.Response:
    """Send a request over TLS, with the certificate *shown*."""
    context = ssl.create_default_context(cadata=certificate("authority", None).pem)
    if shown is not None:
        context.load_cert_chain(*shown.saved(folder, "client"))
    headers = {name.replace("__", "-"): value for name, value in fields.items()}
    with httpx.Client(verify=context, trust_env=False, timeout=HANG) as client:
        return client.get(
            f"https://127.0.0.1:{port}/",
            headers={"Authorization": f"Bearer {token}", **headers},
        )


def answers(folder: Path, port: int) -> bool:
    try:
        return ask(folder, port, "none", None).status_code == 401
    except httpx.HTTPError:
        return False


def bound(issuer: JWTIssuer, to: Certificate = MINE) -> str:
    return issuer.token(claims={"cnf": {"x5t#S256": to.thumbprint}})


def check(send: Callable[..., httpx.Response], issuer: JWTIssuer) -> None:
    """Only the owner of the certificate may use a bound token, new or known."""
    token = bound(issuer)
    for _ in range(2):
        found = send(token, MINE)
        assert (found.status_code, found.json()) == (
            200,
            {"bound": "mtls", "fields": []},
        )
        for shown in (OTHER, None):
            refused = send(token, shown)
            assert refused.status_code == 401
            assert refused.json()["error"] == "invalid_token"
    for shown in (MINE, None):  # a bearer token asks for nothing
        assert send(issuer.token(), shown).json() == {"bound": None, "fields": []}


@pytest.mark.parametrize("server", [UVICORN, GUNICORN], ids=["asgi", "wsgi"])
@pytest.mark.parametrize(("name", "setting", "words"), PROXIES)
def test_a_proxy_hands_on_the_certificate(
    name: str,
    setting: str,
    words: Mapping[str, str],
    server: tuple[str, ...],
    serve: Serve,
    issuer: JWTIssuer,
    tmp_path: Path,
) -> None:
    """The field counts, is not shown to the application, and no client can fake it."""
    running = serve(*server, JWTGUARD_CLIENT_CERT=setting, **TRUSTING)
    front = free_port()
    send = partial(ask, tmp_path, front)
    field, _, form = setting.partition(":")
    stolen = {name: MINE.in_form(form) for name in (field, field.replace("-", "_"))}
    with proxy(
        name, tmp_path / "proxy", front, running.port,
        lambda: answers(tmp_path, front), **words,
    ):  # fmt: skip
        check(send, issuer)
        for shown in (OTHER, None):
            refused = send(bound(issuer), shown, **stolen)
            assert refused.status_code == 401
        assert send(issuer.token(), None, **stolen).json()["fields"] == []
    assert running.logged("certificate_mismatch")
    assert running.logged("certificate_missing")


@pytest.mark.parametrize(
    ("kind", "name"), [("nginx", "nginx"), ("text", "haproxy"), ("yaml", "envoy")]
)
def test_the_page_shows_what_runs_here(kind: str, name: str) -> None:
    """Each line of a configuration on the page is one of those above."""
    text = (HERE.parents[1] / "docs/mtls.md").read_text("utf-8")
    (block,) = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    words = {"VALUE": ":%[ssl_c_der,base64]:", "DETAILS": "SANITIZE_SET"}
    run = CONFIGURATIONS[name]
    for word, value in words.items():
        run = run.replace(word, value)
    lines = {line.strip() for line in run.splitlines()}
    assert {line.strip() for line in block.splitlines()} <= lines


HOSTILE = [
    f'Hash={sha256(MINE.der).hexdigest()};Subject="',
    f'Hash={sha256(MINE.der).hexdigest()};Subject="\\',
    'By="',
    f"Hash={sha256(MINE.der).hexdigest()}",
    f'Hash={sha256(MINE.der).hexdigest()};Subject="",',
]


@needs("envoy")
def test_what_a_client_sends_before_envoy_appends(
    serve: Serve, issuer: JWTIssuer, tmp_path: Path
) -> None:
    """No quotes in the client's element, or in its certificate, reach Envoy's own."""
    field = "X-Forwarded-Client-Cert"
    running = serve(*UVICORN, JWTGUARD_CLIENT_CERT=f"{field}:xfcc", **TRUSTING)
    front, digest = free_port(), sha256(MINE.der).hexdigest()
    subjects = [
        f'a",Hash={digest};B="',
        f'",Hash={digest},By="',
        f'a\\",Hash={digest};B="b',
        "a, b; c=d",
    ]
    with proxy(
        "envoy", tmp_path / "proxy", front, running.port,
        lambda: answers(tmp_path, front), DETAILS="APPEND_FORWARD",
    ):  # fmt: skip
        for subject in subjects:
            own = certificate(subject)
            found = ask(tmp_path, front, bound(issuer, own), own)
            assert found.json()["bound"] == "mtls", subject
            for sent in HOSTILE:
                stolen = ask(tmp_path, front, bound(issuer), own, **{field: sent})
                assert stolen.status_code == 401, (subject, sent)


TLS_SERVERS = {
    "gunicorn": (
        "gunicorn", BIND, "--certfile=CERTS/server.pem",
        "--keyfile=CERTS/server.key", "--ca-certs=CERTS/authority.pem",
        "--cert-reqs=1", "mtls_apps:wsgi",
    ),
    "gunicorn gthread": (
        "gunicorn", BIND, "--certfile=CERTS/server.pem",
        "--keyfile=CERTS/server.key", "--ca-certs=CERTS/authority.pem",
        "--cert-reqs=1", "--worker-class=gthread", "--threads=2", "mtls_apps:wsgi",
    ),
    "werkzeug": ("mtls_apps", "werkzeug", "PORT"),
    "cheroot": ("mtls_apps", "cheroot", "PORT"),
}  # fmt: skip


@pytest.mark.parametrize("name", TLS_SERVERS)
def test_a_server_shows_the_certificate_itself(
    name: str, serve: Serve, issuer: JWTIssuer, tmp_path: Path
) -> None:
    """With ``tls``, what the server knows counts, and no header field does."""
    save_certificates(tmp_path)
    running = serve(
        *(word.replace("CERTS", str(tmp_path)) for word in TLS_SERVERS[name]),
        answers=False,
        JWTGUARD_CLIENT_CERT="tls",
        AUTHORITY=f"{tmp_path}/authority.pem",
        CERTIFICATE=f"{tmp_path}/server.pem",
        KEY=f"{tmp_path}/server.key",
    )
    _check_tls(running, issuer, tmp_path)


def _check_tls(running: Running, issuer: JWTIssuer, folder: Path) -> None:
    assert until(
        lambda: running.process.poll() is not None or answers(folder, running.port)
    )
    assert running.process.poll() is None, running.log.read_text()
    check(partial(ask, folder, running.port), issuer)
    pem = MINE.in_form("pem-url")
    sent = {"SSL_CLIENT_CERT": pem, "SSL-Client-Cert": pem, "HTTPS__CC": pem}
    assert ask(folder, running.port, bound(issuer), None, **sent).status_code == 401


@pytest.mark.skipif(UWSGI is None, reason="missing: uwsgi")
def test_uwsgi_shows_the_certificate_itself(issuer: JWTIssuer, tmp_path: Path) -> None:
    """``tls`` reads HTTPS_CC, too."""
    save_certificates(tmp_path)
    port, log = free_port(), tmp_path / "log"
    https = f"127.0.0.1:{port},server.pem,server.key,HIGH,authority.pem"
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join([str(HERE), str(HERE.parents[1]), *packages]),
        "JWTGUARD_ISSUER": issuer.url,
        "JWTGUARD_AUDIENCE": issuer.audience,
        "JWTGUARD_CLIENT_CERT": "tls",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(UWSGI), "--plugin", "python3,http", "--https", https, "--master",
                "--https-export-cert", "--die-on-term", "--module", "mtls_apps:wsgi",
            ],
            cwd=tmp_path, env=environ, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _check_tls(Running(port, process, log), issuer, tmp_path)
    finally:
        process.terminate()
        process.wait(HANG)


@pytest.mark.skipif(bool(mod_wsgi.missing()), reason=mod_wsgi.missing())
def test_mod_wsgi_shows_the_certificate_itself(issuer: JWTIssuer) -> None:
    """Apache sets SSL_CLIENT_CERT, and a request cannot."""
    environ = {
        "JWTGUARD_ISSUER": issuer.url,
        "JWTGUARD_AUDIENCE": issuer.audience,
        "JWTGUARD_CLIENT_CERT": "tls",
    }
    with mod_wsgi.apache(environ) as (running, folder):
        _check_tls(running, issuer, folder)


def test_the_page_shows_what_apache_runs_here() -> None:
    """Each directive in the table is one of those above."""
    text = (HERE.parents[1] / "docs/mtls.md").read_text("utf-8")
    (row,) = re.findall(r"^\| Apache with mod_wsgi \| (.*) \|$", text, re.MULTILINE)
    named = re.findall(r"`([^`]+)`", row)
    assert named
    assert set(named) <= set(mod_wsgi.CONFIGURATION.splitlines())
