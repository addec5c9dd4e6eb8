"""What proxies and servers hand on: certificates (RFC 8705 section 3), and tokens.

The fields of the proxies are removed from what the application sees, in every spelling:
whatever a stranger has sent in them means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core.model.proxy_fields import ProxyFields
from ..core.model.request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# They do not begin with HTTP_, so that no header field can set them.
_PEM_KEYS = ("SSL_CLIENT_CERT", "HTTPS_CC")
"""Set by mod_ssl, werkzeug and cheroot; and by uWSGI."""


def take_from_environ(
    request: Request, environ: WSGIEnvironment, wanted: ProxyFields
) -> Request:
    """Return *request* with what *wanted* names, which *environ* then lacks."""
    names = _names(wanted)
    for name in names:
        value = environ.pop("HTTP_" + name.replace("-", "_").upper(), None)
        request = _with_field(request, name, () if value is None else (value,))
    if wanted.certificates is not None and not wanted.certificates.field:
        return request._replace(certificate=_of_environ(environ))
    return request


def take_from_scope(request: Request, scope: Any, wanted: ProxyFields) -> Request:
    """Return *request* with what *wanted* names, which *scope* then lacks."""
    for field in _names(wanted):
        given, name = scope["headers"], field.encode()
        # Most frameworks read `_` and `-` apart, but some code behind them does not.
        scope["headers"] = [one for one in given if one[0].replace(b"_", b"-") != name]
        values = tuple(value.decode("latin-1") for key, value in given if key == name)
        request = _with_field(request, field, values)
    if wanted.certificates is not None and not wanted.certificates.field:
        return request._replace(certificate=_of_extension(scope))
    return request


def _names(wanted: ProxyFields) -> list[str]:
    certificate = wanted.certificates.field if wanted.certificates else ""
    return [name for name in (certificate, wanted.token) if name]


def _with_field(request: Request, name: str, values: tuple[str, ...]) -> Request:
    headers = dict(request.headers)
    headers.pop(name, None)
    if values:
        headers[name] = values
    return request._replace(headers=headers)


def _of_environ(environ: WSGIEnvironment) -> bytes | str | None:
    for key in _PEM_KEYS:
        shown = environ.get(key)
        if isinstance(shown, str) and shown:
            return shown
    getpeercert = getattr(environ.get("gunicorn.socket"), "getpeercert", None)
    if getpeercert is None:
        return None
    try:
        return _known(getpeercert(True))
    except (OSError, ValueError):  # the client has left, or there was no handshake
        return None


def _of_extension(scope: Any) -> bytes | str | None:
    """Read the TLS extension of ASGI: DER or PEM, alone or first in a chain."""
    tls = (scope.get("extensions") or {}).get("tls")
    if not isinstance(tls, Mapping):
        return None
    alone = _known(tls.get("client_cert"))
    chain = tls.get("client_cert_chain")
    first = next(iter(chain), None) if isinstance(chain, list | tuple) else None
    return alone or _known(first)


def _known(shown: Any) -> bytes | str | None:
    return shown if isinstance(shown, bytes | str) else None
