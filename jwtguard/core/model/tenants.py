"""An issuer for each tenant: a URL with one path segment that differs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from .validation import Problems, Where, strings

TENANT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,64}")
"""A path segment that needs no encoding and leads nowhere else."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")
ANY = "any"
Tenants = frozenset[str] | Literal["any"]


class Template(NamedTuple):
    """A URL with a placeholder; compared exactly on both sides of it."""

    before: str
    placeholder: str
    """With its braces, as in ``{realm}``."""
    after: str

    def tenant_of(self, url: str) -> str | None:
        """Return what stands in the place of the placeholder, or None."""
        before, after = self.before, self.after
        if not url.startswith(before) or not url.endswith(after):
            return None
        tenant = url[len(before) : len(url) - len(after)]
        if len(url) < len(before) + len(after) or not TENANT.fullmatch(tenant):
            return None
        return tenant

    def filled(self, text: str, tenant: str) -> str:
        """Return *text* with *tenant* in place of the placeholder."""
        return text.replace(self.placeholder, tenant)


@lru_cache(maxsize=256)
def template_of(url: str) -> Template | None:
    """Read a URL; None if it has no placeholder, or one in the wrong place."""
    found = _PLACEHOLDER.findall(url)
    # A stray brace is a typo, and would be compared literally with `iss`.
    if len(found) != 1 or url.count("{") != 1 or url.count("}") != 1:
        return None
    placeholder = f"{{{found[0]}}}"
    before, _, after = url.partition(placeholder)
    # A part of a segment would let `acme` and `acme-evil` differ by a prefix alone, and
    # a host or a query would let a tenant choose where keys come from.
    in_path = before.count("/") > 2 and before.endswith("/")
    if not in_path or "?" in before or "#" in before or after[:1] not in ("", "/"):
        return None
    return Template(before, placeholder, after)


def tenants_of(value: Any, where: Where, problems: Problems) -> Tenants:
    """Read the tenants of an issuer: their names, or the single word ``any``."""
    if value == ANY:
        return "any"
    names = strings(value, where, problems)
    for name in names:
        text = (
            f"{name!r} is not valid; expected a path segment of at most 64 letters, "
            "digits, dots, hyphens and underscores"
        )
        problems.check(TENANT.fullmatch(name) and name != ANY, where, text)
    return frozenset(names)


def check_template(
    problems: Problems,
    where: Where,
    url: str,
    tenants: Tenants | None,
    named: dict[str, str | None],
) -> None:
    """Check a URL and its tenants together; *named*: the other URLs of the issuer."""
    template = template_of(url)
    if template is None:
        text = "a placeholder like {realm} must be one whole segment of the path"
        problems.check(not set("{}") & set(url), where, text)
        text = "the url has no placeholder like {realm}, so there is one tenant"
        problems.check(tenants is None, (*where, "tenants"), text)
        return
    text = 'required: the names of the tenants, or "any"'
    problems.check(tenants, (*where, "tenants"), text)
    for name in ("relay_url", "relay_revocation_url", "introspect"):
        text = "not available for an issuer with tenants"
        problems.check(named[name] is None, (*where, name), text)
    discovery = named["discovery_url"]
    text = f"needs {template.placeholder}, because each tenant has its own metadata"
    good = discovery is None or template.placeholder in discovery
    problems.check(good, (*where, "discovery_url"), text)


def overlaps(urls: Iterable[str]) -> bool:
    """Whether two templates could both produce one URL."""
    split = [url.split("/") for url in urls if template_of(url)]
    return any(
        len(one) == len(other) and all(map(_alike, one, other))
        for at, one in enumerate(split)
        for other in split[:at]
    )


def _alike(one: str, other: str) -> bool:
    return one == other or one.startswith("{") or other.startswith("{")
