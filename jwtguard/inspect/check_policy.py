"""What a configuration enforces, and what is wrong or weak in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ..core.authorize.unguarded import name_of
from ..core.model.effects import FetchFailedError
from ..core.model.origins import is_loopback_host, is_plain
from ..core.model.policy import OF_RELAY, Policy
from ..core.model.scope_rule import ScopeRule
from ..core.relay.upstream import Upstream
from ..guard import Guard
from .check_certificates import certificate_findings
from .check_dpop import dpop_findings
from .check_introspection import introspection_findings
from .check_issuer import issuer_findings
from .check_logout import logout_findings
from .check_reload import reload_findings
from .check_resources import resource_findings
from .check_revocations import revocation_findings
from .check_rollout import rollout_findings
from .check_sessions import session_findings
from .check_state import state_findings
from .check_tenants import tenant_findings
from .demands import claims_of, login_of
from .routes import Finding, Route, survey
from .routes.report import Row, rows
from .routes.rules import about
from .routes.trials import Trials


def check_app(app: Any, *, probe: bool = False) -> tuple[list[Finding], list[Row]]:
    """Check every guard found in *app*, and list what its routes require.

    *probe*: ask introspection endpoints about a token that is made up.
    """
    found = list(survey(app))
    routes = [one for one in found if isinstance(one, Route)]
    findings: list[Finding] = []
    for guard in dict.fromkeys(guard for route in routes for guard in route.guards):
        findings += check(guard, probe=probe)
    findings += [one for one in found if isinstance(one, Finding)]
    trials = Trials(app, routes)
    findings += about(trials)
    return list(dict.fromkeys(findings)), rows(trials)


def check(guard: Guard, *, probe: bool = False) -> Iterator[Finding]:
    """Reach every issuer, and say what *guard* enforces."""
    alone = [one for one in guard.issuers.values() if one.rules.tenant is None]
    for trusted in alone:
        yield from issuer_findings(guard, trusted)
    yield from introspection_findings(guard, probe=probe)
    yield from tenant_findings(guard, issuer_findings)
    yield from resource_findings(guard)
    yield from _clients(guard.policy)
    yield from _paths(guard.policy)
    yield from _browser(guard.policy)
    yield from _transport(guard.policy)
    yield from dpop_findings(guard)
    yield from certificate_findings(guard.policy)
    yield from _streams(guard.policy)
    yield from rollout_findings(guard.policy)
    yield from _debugging(guard.policy)
    if guard.render is not None:
        yield Finding("ok", "refusals", f"worded by {name_of(guard.render)}")
    yield from _relay(guard)
    yield from logout_findings(guard)
    yield from revocation_findings(guard)
    yield from session_findings(guard)
    yield from state_findings(guard)
    yield from reload_findings(guard)


def _relay(guard: Guard) -> Iterator[Finding]:
    """Look for the endpoints that a relay uses, at the issuers of listed clients."""
    policy = guard.policy
    owners = (policy, *policy.issuers)
    named = any(getattr(o, name) is not None for o in owners for name in OF_RELAY)
    # Many policies list clients for CORS only; endpoints that nothing uses would be
    # noise.
    if not named and not guard.relays:
        return
    first = next(iter(policy.issuers)).url
    used = {client.issuer or first for client in policy.clients}
    for issuer in (one for one in policy.issuers if one.url in used):
        upstream = Upstream(policy, issuer, guard.clock.monotonic, guard.emit)
        for name, level in _ENDPOINTS:
            subject = f"relay: {name.replace('_', ' ')}"
            try:
                yield Finding("ok", subject, guard.run(upstream.find(name)))
            except FetchFailedError as error:
                yield Finding(level, subject, f"{issuer.url}: {error}")


_ENDPOINTS = (("token_endpoint", "wrong"), ("revocation_endpoint", "weak"))
"""Member of the metadata, and the level of the finding where it is missing."""


def _origin_in(client_id: str) -> str:
    """Return what follows the client id, where a colon stands for ``=``."""
    scheme, _, rest = client_id.partition("://")
    return f"{scheme.rpartition(':')[2]}://{rest}"


def _clients(policy: Policy) -> Iterator[Finding]:
    if not policy.clients and not policy.origins_claim:
        yield Finding("note", "clients", "none: no cross-origin page is allowed")
    for client in policy.clients:
        origins = " ".join(sorted(client.origins)) or "no origins"
        extras = [
            word
            for word, on in (
                ("refresh", client.refresh),
                ("credentials", client.credentials),
            )
            if on
        ]
        yield Finding("ok", f"client {client.id}", " ".join([origins, *extras]))
        if "://" in client.id and not client.origins:
            text = f"its id looks like an origin; write ID={_origin_in(client.id)}"
            yield Finding("weak", f"client {client.id}", text)
        if client.origin_patterns:
            patterns = " ".join(client.origin_patterns)
            text = f"anyone who can publish a page at {patterns} can use its tokens"
            yield Finding("note", f"client {client.id}", text)
    if policy.clients and not policy.clients_only:
        text = "tokens of other clients are accepted too (JWTGUARD_CLIENTS_ONLY)"
        yield Finding("note", "clients", text)
    if policy.origins_claim:
        text = f"also those in the claim {policy.origins_claim}"
        yield Finding("note", "origins", text)


def _paths(policy: Policy) -> Iterator[Finding]:
    for name in (
        "public_paths",
        "optional_paths",
        "token_paths",
        "revocation_paths",
        "logout_paths",
    ):
        patterns = getattr(policy, name)
        if patterns:
            yield Finding("ok", name.replace("_", " "), " ".join(patterns))
    if not policy.public_paths and not policy.optional_paths:
        yield Finding("ok", "paths", "no setting opens one")
    for rule in policy.scopes:
        methods = " ".join(rule.methods) or "any method"
        needed = [*rule.require, *_login(rule)]
        text = f"{methods}: {' '.join(needed) or 'any token'}"
        yield Finding("ok", f"scopes {rule.path}", text)
    for claims in policy.rules:
        methods = " ".join(claims.methods) or "any method"
        text = f"{methods}: {claims_of(claims)}"
        yield Finding("ok", f"rules {claims.path}", text)


def _login(rule: ScopeRule) -> Iterator[str]:
    if rule.acr:
        yield "acr " + " or ".join(rule.acr)
    if rule.max_age is not None:
        yield login_of(rule.max_age)


def _browser(policy: Policy) -> Iterator[Finding]:
    if policy.login_url is not None:
        yield Finding(
            "ok", "login url", f"navigations without a valid token: {policy.login_url}"
        )
    if policy.cookie is None:
        if policy.login_url is not None and policy.session_client is None:
            text = "without a cookie or sessions, a sign-in leads back to this page"
            yield Finding("wrong", "login url", text)
        return
    yield Finding("ok", "cookie", policy.cookie)
    if not policy.public_url:
        text = "JWTGUARD_PUBLIC_URL is not set, so Host decides the site's own origin"
        yield Finding("weak", "cookie", text)
    # RFC 6265bis section 4.1.3.2: the prefix forbids a Domain, so only this host can
    # set the cookie.
    if not policy.cookie.startswith("__Host-"):
        text = "its name does not begin with __Host-, so a sibling host could set it"
        yield Finding("weak", "cookie", text)


def _streams(policy: Policy) -> Iterator[Finding]:
    if not policy.close_streams:
        text = "they stay open after their token has ended (JWTGUARD_CLOSE_STREAMS)"
        yield Finding("weak", "event streams", text)


def _debugging(policy: Policy) -> Iterator[Finding]:
    """Debugging is for a developer's machine: that has no issuer of the public web."""
    if not policy.debug:
        return
    text = "refusals are logged with paths and what tokens claim (JWTGUARD_DEBUG)"
    public = policy.require_https and not all(
        _is_local(issuer.url, policy) for issuer in policy.issuers
    )
    if public:
        text += ": switch it off in production"
    yield Finding("weak" if public else "note", "debug", text)


def _is_local(url: str, policy: Policy) -> bool:
    host = urlsplit(url).hostname or ""
    return is_loopback_host(host) or host in policy.http_hosts or "." not in host


def _transport(policy: Policy) -> Iterator[Finding]:
    if not policy.require_https:
        yield Finding("weak", "transport", "tokens are accepted over plain http")
    for url in sorted(policy.public_origins) if policy.require_https else ():
        if is_plain(url):
            text = f"{url} is plain http, where every token is refused: write https"
            yield Finding("weak", "public url", text)
    if policy.token_header is not None:
        proxies = " ".join(policy.trusted_proxies)
        yield Finding("ok", "token header", f"{policy.token_header}, from {proxies}")
    for host in sorted(policy.http_hosts):
        yield Finding("weak", "keys", f"fetched over plain http from {host}")
    if "0.0.0.0/0" in policy.trusted_proxies or "::/0" in policy.trusted_proxies:
        text = "every address is a trusted proxy: anyone can claim https"
        yield Finding("weak", "trusted proxies", text)
