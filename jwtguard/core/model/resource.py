"""RFC 9728 section 1.2: a protected resource, as its metadata name it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .naming import scope_names
from .origins import is_loopback_host
from .patterns import ambiguous
from .scope_rule import pattern_problem
from .url_values import without_user
from .validation import Problems, Where, set_frozen, strings

WELL_KNOWN = "/.well-known/oauth-protected-resource"
OFF = "off"
"""In place of a resource: no metadata are published."""
HIDDEN = frozenset({"offline_access", "*"})
"""Scopes that metadata never name: the first is for refresh tokens, not for an API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A protected resource (RFC 9728 section 2).

    Raises ``ConfigurationError`` with every problem.
    """

    url: str
    """Its identifier: where clients reach it, https and without a query. Its metadata
    are served at the well-known path of this URL (section 3)."""
    path: str | None = None
    """A pattern of the paths that belong to it; None: that of the URL, and below."""
    scopes: tuple[str, ...] | None = None
    """``scopes_supported``; None: those of the scope rules."""
    name: str | None = None
    """``resource_name``, for people."""
    documentation: str | None = None
    """``resource_documentation``: the URL of a page for developers."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            url: str,
            path: str | None = None,
            scopes: Iterable[str] | None = None,
            name: str | None = None,
            documentation: str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        where = ("resources", without_user(self.url))
        if problem := resource_problem(self.url):
            problems.add(where, problem)
        for name in ("name", "documentation"):
            problems.check_text((*where, name), getattr(self, name))
        if self.path is not None:
            found = isinstance(self.path, str) and pattern_problem(self.path)
            text = found or "must be a path pattern, like /mcp/*"
            good = isinstance(self.path, str) and not found
            problems.check(good, (*where, "path"), text)
        if self.scopes is not None:
            checked = scopes_of(self.scopes, (*where, "scopes"), problems)
            set_frozen(self, scopes=checked)
        problems.raise_if_any()

    @property
    def url_path(self) -> str:
        """The path of the URL, without a slash at the end."""
        return urlsplit(self.url).path.rstrip("/")

    @property
    def pattern(self) -> str:
        """The pattern of the paths that belong to it."""
        return self.path or f"{self.url_path}/*"

    @property
    def metadata_url(self) -> str:
        """Where its metadata are (section 3.1)."""
        parts = urlsplit(self.url)
        # Section 3.1: a slash after the host is left out, any other is kept.
        path = parts.path if parts.path != "/" else ""
        return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{path}"


def scopes_of(value: Any, where: Where, problems: Problems) -> tuple[str, ...]:
    """Read scopes, each on its own or several in one string."""
    listed = strings(value, where, problems)
    found = tuple(dict.fromkeys(" ".join(listed).split()))
    for scope in found:
        try:
            scope_names(scope)
        except (TypeError, ValueError):
            problems.add(where, f"{scope!r} is not a valid scope")
    return found


def resource_problem(url: Any) -> str | None:
    """Say why *url* does not identify a resource, and what to write."""
    text = "expected an https URL without query or fragment, like "
    text += "https://api.example.com/mcp"
    if not isinstance(url, str) or not url.isascii() or '"' in url or "\\" in url:
        return f"{without_user(url)!r} is not valid; {text}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    plain = parts.scheme == "http" and is_loopback_host(parts.netloc)
    good = (
        host
        and (parts.scheme == "https" or plain)
        and parts.username is None
        and not set("?# \t").intersection(url)
        and not ambiguous(parts.path or "/", None)
    )
    return None if good else f"{without_user(url)!r} is not valid; {text}"
