"""Which resources a policy publishes metadata of (RFC 9728)."""

from __future__ import annotations

from collections.abc import Sequence

from .policy_fields import PolicyFields
from .resource import HIDDEN, OFF, Resource, resource_problem, scopes_of
from .validation import Problems, set_frozen


def resources_of(policy: PolicyFields) -> Sequence[Resource]:
    """Return the resources of *policy*: its list, or its one URL."""
    # Not the audience: it names an API, and nobody says that the API is served there.
    url = policy.resource
    if policy.resources or url is None or url == OFF:
        return policy.resources
    return (Resource(url=url),)


def scopes_supported(policy: PolicyFields, resource: Resource) -> list[str]:
    """Return the scopes that clients may ask for, in the order of their names."""
    listed = resource.scopes
    if listed is None:
        listed = policy.resource_scopes or tuple(
            scope for rule in policy.scopes for scope in rule.require
        )
    return sorted(set(listed) - HIDDEN)


def check_resources(policy: PolicyFields, problems: Problems) -> None:
    """Check ``resource`` and ``resource_scopes``, and that resources differ."""
    found = scopes_of(policy.resource_scopes, ("resource_scopes",), problems)
    set_frozen(policy, resource_scopes=found)
    if policy.resource is not None and policy.resource != OFF:
        if problem := resource_problem(policy.resource):
            problems.add(("resource",), f"{problem}, or `off`")
        text = "also listed in resources; keep one"
        problems.check(not policy.resources, ("resource",), text)
    urls = [resource.metadata_url.rstrip("/") for resource in policy.resources]
    twice = len(set(urls)) < len(urls)
    text = "two of them have their metadata at the same URL"
    problems.check(not twice, ("resources",), text)


def spellings(policy: PolicyFields, audience: frozenset[str]) -> frozenset[str]:
    """Return the other spelling of each audience that is a resource without a path.

    ``https://api.example.com`` and ``https://api.example.com/`` are one (RFC 3986
    section 6.2.3), and clients and issuers write either.
    """
    bare = {one.url.rstrip("/") for one in resources_of(policy) if not one.url_path}
    found = audience & (bare | {f"{url}/" for url in bare})
    return frozenset(
        name.rstrip("/") if name.endswith("/") else f"{name}/" for name in found
    )
