"""Where an issuer's keys are: OpenID Connect Discovery section 4, then RFC 8414.

A document counts only if it names exactly our issuer (RFC 8414 section 3.3).
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from urllib.parse import urlsplit

from .issuers import TrustedIssuer
from .jose import parse_json
from .messages import Get, Got
from .values import fetchable


class FetchFailedError(Exception):
    """Keys or metadata could not be had; the text is for logs."""


def candidates(issuer: TrustedIssuer) -> tuple[str, ...]:
    """Return the URLs where the metadata may be, the likeliest first."""
    if issuer.discovery_url is not None:
        return (issuer.discovery_url,)
    parts = urlsplit(issuer.url)
    path = parts.path.rstrip("/")
    base = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{base}{path}/.well-known/openid-configuration",
        f"{base}/.well-known/oauth-authorization-server{path}",
    )


def find_jwks_url(
    issuer: TrustedIssuer, http_hosts: Collection[str]
) -> Generator[Get, Got, str]:
    """Return the ``jwks_uri`` of *issuer*, or raise ``FetchFailedError``."""
    return (yield from find_endpoint(issuer, "jwks_uri", http_hosts))


def find_endpoint(
    issuer: TrustedIssuer, name: str, http_hosts: Collection[str]
) -> Generator[Get, Got, str]:
    """Return the URL that *issuer*'s metadata gives as *name* (RFC 8414 section 2).

    Raises ``FetchFailedError`` if there is no such metadata, or no such URL in it.
    """
    problems = []
    for url in candidates(issuer):
        try:
            got = yield Get(url, {})
            return _read(got, issuer.url, name, http_hosts)
        except (FetchFailedError, ValueError) as error:
            text = str(error)
            problems.append(text if text.startswith(url) else f"{url}: {text}")
    raise FetchFailedError(f"no metadata: {'; '.join(problems)}")


def _read(got: Got, issuer: str, name: str, http_hosts: Collection[str]) -> str:
    if got.status != 200:
        raise FetchFailedError(f"status {got.status}")
    document = parse_json(got.body)
    if not isinstance(document, dict):
        raise FetchFailedError("no JSON object")
    named = document.get("issuer")
    if named != issuer:
        raise FetchFailedError(f"issuer is {str(named)[:200]!r}, not {issuer!r}")
    found = document.get(name)
    if not isinstance(found, str) or not fetchable(found, http_hosts):
        raise FetchFailedError(f"{name} {str(found)[:200]!r} may not be fetched")
    return found
