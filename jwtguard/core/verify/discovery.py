"""Where an issuer's keys are: OpenID Connect Discovery section 4, then RFC 8414.

A document counts only if it names exactly our issuer (RFC 8414 section 3.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..model.effects import Exchange, FetchFailedError, Incoming, get
from ..model.encoding import parse_json
from ..model.issuers import TrustedIssuer
from ..model.origins import is_loopback_host
from ..model.url_values import fetchable, without_user
from ..model.validation import quoted
from .key_credential import credential_fields

Found = TypeVar("Found")
ABSENT = "absent"
"""The ``kind`` of a failure where the server says that there is no such issuer."""
_ABSENT_STATUS = (400, 404, 410)
_METADATA = "metadata"


def metadata_urls(issuer: TrustedIssuer) -> tuple[str, ...]:
    """Return the URLs where the metadata may be, the likeliest first."""
    if issuer.discovery_url is not None:
        return (issuer.discovery_url,)
    parts = urlsplit(issuer.url)
    # Section 4.1 of Discovery: a trailing slash of the issuer is left out before the
    # well-known path is added.
    path = parts.path.rstrip("/")
    base = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{base}{path}/.well-known/openid-configuration",
        f"{base}/.well-known/oauth-authorization-server{path}",
    )


def find_jwks_url(
    issuer: TrustedIssuer, http_hosts: Collection[str]
) -> Generator[Exchange, Any, str]:
    """Return the ``jwks_uri`` of *issuer*, or raise ``FetchFailedError``."""
    return (yield from find_endpoint(issuer, "jwks_uri", http_hosts))


def find_endpoint(
    issuer: TrustedIssuer, name: str, http_hosts: Collection[str]
) -> Generator[Exchange, Any, str]:
    """Return the URL that *issuer*'s metadata gives as *name* (RFC 8414 section 2).

    Raises ``FetchFailedError`` if the metadata cannot be fetched or lacks the URL.
    """

    def read(url: str, document: dict[str, Any]) -> str:
        found = document.get(name)
        if found is None:
            raise FetchFailedError(f"the metadata has no {name}")
        if not isinstance(found, str):
            raise FetchFailedError(f"{name} {str(found)[:200]!r} may not be fetched")
        _check(found, name, (url, issuer.url), http_hosts)
        return found

    return (yield from _first(issuer, f"usable {name}", read))


def find_metadata(
    issuer: TrustedIssuer,
) -> Generator[Exchange, Any, dict[str, Any]]:
    """Return the metadata of *issuer*, or raise ``FetchFailedError``."""
    return (yield from _first(issuer, _METADATA, lambda _, document: document))


def _first(
    issuer: TrustedIssuer, wanted: str, read: Callable[[str, dict[str, Any]], Found]
) -> Generator[Exchange, Any, Found]:
    """Return what *read* finds in the first metadata that it can use.

    The error says that there is no *wanted* if there was metadata of this issuer.
    """
    problems, absent, missing = [], True, _METADATA
    for url in metadata_urls(issuer):
        try:
            # Both places are asked even if the first answered something else: a proxy's
            # error page must not hide the second.
            got = yield from get(url, credential_fields(issuer, url))
            document = _document(got, issuer.url)
            missing = wanted
            return read(url, document)
        except (FetchFailedError, ValueError) as error:
            text = str(error)
            absent = absent and getattr(error, "kind", "") == ABSENT
            problems.append(text if text.startswith(url) else f"{url}: {text}")
    text = f"no {missing}: {'; '.join(problems)}"
    raise FetchFailedError(text, kind=ABSENT if absent else "")


def response_problem(got: Incoming) -> str:
    """Say why a response holds no document; empty if it may hold one."""
    if got.status != 200:
        return status_problem(got)
    if got.body.lstrip()[:1] == b"<":
        return "a web page in place of JSON: check the URL"
    return ""


def status_problem(got: Incoming) -> str:
    """Describe another status than 200; redirects are not followed."""
    target = got.headers.get("location", "")
    if not 300 <= got.status < 400 or not target:
        return f"status {got.status}"
    # A query may hold a token or a session, and this text goes to the log.
    shown = without_user(re.split(r"[?#]", target, maxsplit=1)[0])
    return f"status {got.status}: redirects are not followed; to {quoted(shown, 200)}"


def _document(got: Incoming, issuer: str) -> dict[str, Any]:
    if problem := response_problem(got):
        kind = ABSENT if got.status in _ABSENT_STATUS else ""
        raise FetchFailedError(problem, kind=kind)
    document = parse_json(got.body)
    if not isinstance(document, dict):
        raise FetchFailedError("no JSON object")
    named = document.get("issuer")
    # RFC 8414 section 3.3: else one tenant of a server could hand out keys in another
    # tenant's name.
    if named != issuer:
        raise FetchFailedError(f"issuer is {str(named)[:200]!r}, not {issuer!r}")
    return document


def _check(
    found: str, name: str, sources: tuple[str, str], http_hosts: Collection[str]
) -> None:
    """Refuse a URL that metadata from this address must not name.

    Metadata fetched over https must name https URLs, and a remote issuer must not name
    this machine; otherwise the issuer could send requests to internal services (SSRF).
    """
    problem = ""
    if not fetchable(found, http_hosts):
        problem = "may not be fetched"
    elif _is_plain(found) and not _is_plain(sources[0]):
        problem = "may not be fetched: its metadata came over https"
    elif _is_loopback(found) and not any(map(_is_loopback, sources)):
        problem = "may not be fetched: the issuer is not on this machine"
    if problem:
        raise FetchFailedError(f"{name} {found[:200]!r} {problem}")


def _is_plain(url: str) -> bool:
    return urlsplit(url).scheme == "http"


def _is_loopback(url: str) -> bool:
    return is_loopback_host(urlsplit(url).netloc)
