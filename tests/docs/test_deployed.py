"""What the pages about deployment show is deployed: nginx, gunicorn, containers."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jwtguard import load_policy
from jwtguard.testing import JWTIssuer
from tests.ports import free_port
from tests.waiting import HANG, until

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
HOST = "api.example.com"

pytestmark = pytest.mark.slow


def shown(page: str, kind: str, name: str = "") -> str:
    """Return the one block of *page* of this kind, or the one saved as *name*."""
    before = re.escape(f"`{name}`") + r"[^\n]*:\n\n" if name else ""
    pattern = rf"{before}```{kind}\n(.*?)^```$"
    text = (HOW_TO / page).read_text("utf-8")
    (found,) = re.findall(pattern, text, re.DOTALL | re.MULTILINE)
    return str(found)


def listens(port: int) -> bool:
    """Whether something takes connections."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(
    command: list[str], port: int, cwd: Path, environ: dict[str, str]
) -> Iterator[None]:
    """Run a server for as long as the block lasts."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
    log = cwd / f"{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env={**own, **environ}, stdout=out, stderr=out
        )
    try:
        assert until(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text("utf-8")
        yield
    finally:
        process.terminate()
        process.wait(HANG)


def ask(
    url: str, headers: dict[str, str], context: ssl.SSLContext | None = None
) -> str:
    """Return status and error, or status and body, of one request."""
    request = urllib.request.Request(url, headers={"Host": HOST, **headers})
    handler = urllib.request.HTTPSHandler(context=context)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
    try:
        with opener.open(request, timeout=HANG) as answer:
            return f"{answer.status} {answer.read().decode().strip()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {json.load(error)['error']}"


def gunicorn(port: int, *arguments: str) -> list[str]:
    """Return the command that serves ``api:app``."""
    bind = ["--bind", f"127.0.0.1:{port}"]
    return [sys.executable, "-m", "gunicorn", *arguments, *bind, "api:app"]


def certificate(folder: Path) -> None:
    """Write the certificate and key that the page speaks of."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "api.crt").write_bytes(made.public_bytes(pem))
    secret = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "api.key").write_bytes(secret)


@pytest.mark.skipif(NGINX is None, reason="needs nginx")
def test_the_application_behind_nginx(tmp_path: Path) -> None:
    """Its table of answers: trusted, not trusted, and past nginx."""
    issuer = JWTIssuer(audience=f"https://{HOST}")
    outside, inside = free_port(), free_port()
    certificate(tmp_path)
    (tmp_path / "api.py").write_text(shown("gunicorn.md", "python", "api.py"))
    server = shown("nginx.md", "nginx").replace("443 ssl", f"127.0.0.1:{outside} ssl")
    server = server.replace("/etc/nginx/tls", str(tmp_path))
    server = server.replace("127.0.0.1:8000", f"127.0.0.1:{inside}")
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {tmp_path}/b;"
        f"proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;"
        f"uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n{server}}}\n"
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    nginx = [str(NGINX), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)]
    with issuer.served() as url, started(nginx, outside, tmp_path, {}):
        needed = {"JWTGUARD_ISSUER": url, "JWTGUARD_AUDIENCE": issuer.audience}
        headers, asked = issuer.headers(), f"https://127.0.0.1:{outside}/whoami"
        with started(gunicorn(inside), inside, tmp_path, needed):
            assert ask(asked, headers, context) == '200 {"subject":"alice"}'
        needed["FORWARDED_ALLOW_IPS"] = ""
        with started(gunicorn(inside), inside, tmp_path, needed):
            assert ask(asked, headers, context) == "403 insecure_transport"
        trusting = {
            "JWTGUARD_TRUSTED_PROXIES": "127.0.0.1",
            "JWTGUARD_PUBLIC_URL": f"https://{HOST}",
        }
        with started(gunicorn(inside), inside, tmp_path, {**needed, **trusting}):
            assert ask(asked, headers, context) == '200 {"subject":"alice"}'
        other = {**trusting, "JWTGUARD_TRUSTED_PROXIES": "10.0.0.1"}
        with started(gunicorn(inside), inside, tmp_path, {**needed, **other}):
            claimed = {**headers, "X-Forwarded-Proto": "https"}
            past = f"http://127.0.0.1:{inside}/whoami"
            assert ask(past, claimed) == "403 insecure_transport"


def test_preloaded_gunicorn(tmp_path: Path) -> None:
    """Two forked workers, with the page's configuration, take tokens."""
    port, issuer = free_port(), JWTIssuer(audience=f"https://{HOST}")
    config = shown("gunicorn.md", "python", "gunicorn.conf.py")
    (tmp_path / "gunicorn.conf.py").write_text(config)
    (tmp_path / "api.py").write_text(shown("gunicorn.md", "python", "api.py"))
    with issuer.served() as url:
        needed = {"JWTGUARD_ISSUER": url, "JWTGUARD_AUDIENCE": issuer.audience}
        command = gunicorn(port, "--config", "gunicorn.conf.py")
        with started(command, port, tmp_path, needed):
            asked = f"http://127.0.0.1:{port}/whoami"
            here = {"Host": f"127.0.0.1:{port}", **issuer.headers()}
            for _ in range(8):
                assert ask(asked, here) == '200 {"subject":"alice"}'


def test_the_container_runs_its_command(tmp_path: Path) -> None:
    """CMD serves the page's application, and HEALTHCHECK finds it well."""
    port = free_port()
    (tmp_path / "api.py").write_text(shown("containers.md", "python", "api.py"))
    file = shown("containers.md", "dockerfile", "Dockerfile").replace("8000", str(port))
    words = dict(re.findall(r"^(CMD|HEALTHCHECK CMD) (\[.*\])$", file, re.MULTILINE))
    command, health = json.loads(words["CMD"]), json.loads(words["HEALTHCHECK CMD"])
    assert command[:3] == ["gunicorn", "--bind", f"0.0.0.0:{port}"]
    compose = yaml.safe_load(shown("containers.md", "yaml"))
    environ = compose["services"]["api"]["environment"]
    with started(gunicorn(port, *command[3:-1]), port, tmp_path, environ):
        done = subprocess.run([sys.executable, *health[1:]], timeout=HANG)
        assert done.returncode == 0


def test_the_compose_file_is_a_good_configuration() -> None:
    """Its variables are ones that the guard starts with."""
    compose = yaml.safe_load(shown("containers.md", "yaml"))
    policy = load_policy(compose["services"]["api"]["environment"])
    assert policy.http_hosts == {"keycloak"}
