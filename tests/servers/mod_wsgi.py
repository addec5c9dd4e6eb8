"""Apache with mod_wsgi, which asks its clients for certificates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.servers.conftest import HERE, Running
from tests.servers.mtls_proxies import save_certificates
from tests.waiting import HANG

APACHE = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
USER = "www-data" if os.geteuid() == 0 else None
"""Apache serves nothing as root."""
PACKAGES = [path for path in sys.path if path.endswith("site-packages")]
PATHS = ":".join([str(HERE), str(HERE.parents[1]), *PACKAGES])

CONFIGURATION = """
ServerRoot FOLDER
ServerName 127.0.0.1
DefaultRuntimeDir FOLDER
PidFile FOLDER/pid
ErrorLog FOLDER/log
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule ssl_module MODULES/mod_ssl.so
LoadModule wsgi_module MODULES/mod_wsgi.so
Listen 127.0.0.1:PORT
SSLSessionCache none
WSGIPythonPath PATHS
SSLEngine on
SSLCertificateFile FOLDER/server.pem
SSLCertificateKeyFile FOLDER/server.key
SSLCACertificateFile FOLDER/authority.pem
SSLVerifyClient optional
SSLOptions +ExportCertData
WSGIPassAuthorization On
WSGIApplicationGroup %{GLOBAL}
WSGIScriptAlias / FOLDER/api.wsgi
"""


def missing() -> str:
    """Say what a test with Apache lacks here; "" if there is nothing."""
    if APACHE is None:
        return "missing: apache2"
    if not (MODULES / f"mod_wsgi.so-{VERSION}").exists():
        return f"missing: mod_wsgi for Python {VERSION}"
    if USER and not _readable():
        return f"missing: packages that {USER} can read"
    return ""


def _readable() -> bool:
    found = ["test", *" -a ".join(f"-r {path}/." for path in PATHS.split(":")).split()]
    return subprocess.run(found, user=USER, check=False).returncode == 0


@contextmanager
def apache(environ: Mapping[str, str]) -> Iterator[tuple[Running, Path]]:
    """Serve ``mtls_apps:wsgi`` over TLS; also return the folder of certificates."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="jwtguard-apache-") as name:
        folder = Path(name)
        save_certificates(folder)
        (folder / "api.wsgi").write_text("from mtls_apps import wsgi as application\n")
        (folder / "apache.conf").write_text(_configured(folder, port))
        log = folder / "log"
        log.touch()
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, USER or os.geteuid())
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(APACHE), "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"],
                user=USER,
                env={"PATH": "/usr/bin:/bin", **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Running(port, process, log), folder
        finally:
            process.terminate()
            process.wait(HANG)


def _configured(folder: Path, port: int) -> str:
    text = CONFIGURATION
    for word, value in (
        ("FOLDER", folder), ("MODULES", MODULES), ("PORT", port), ("PATHS", PATHS),
    ):  # fmt: skip
        text = text.replace(word, str(value))
    return text
