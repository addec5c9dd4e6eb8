"""RFC 8705 section 3: the client's certificate, as servers and proxies hand it on.

The field of the proxies is removed from what the application sees, in every spelling:
whatever a stranger has sent in it means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core.model.client_cert import CertificateSource
from ..core.model.request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# They do not begin with HTTP_, so that no header field can set them.
_PEM_KEYS = ("SSL_CLIENT_CERT", "HTTPS_CC")
"""Set by mod_ssl, werkzeug and cheroot; and by uWSGI."""


def take_from_environ(
    request: Request, environ: WSGIEnvironment, source: CertificateSource
) -> Request:
    """Return *request* with the certificate that *environ* holds."""
    if not source.field:
        return request._replace(certificate=_of_environ(environ))
    value = environ.pop("HTTP_" + source.field.replace("-", "_").upper(), None)
    return _with_field(request, source, () if value is None else (value,))


def take_from_scope(request: Request, scope: Any, source: CertificateSource) -> Request:
    """Return *request* with the certificate that *scope* holds."""
    if not source.field:
        return request._replace(certificate=_of_extension(scope))
    given, name = scope["headers"], source.field.encode()
    # Most frameworks read `_` and `-` apart, but some code behind them does not.
    scope["headers"] = [one for one in given if one[0].replace(b"_", b"-") != name]
    values = tuple(value.decode("latin-1") for key, value in given if key == name)
    return _with_field(request, source, values)


def _with_field(
    request: Request, source: CertificateSource, values: tuple[str, ...]
) -> Request:
    headers = dict(request.headers)
    headers.pop(source.field, None)
    if values:
        headers[source.field] = values
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
