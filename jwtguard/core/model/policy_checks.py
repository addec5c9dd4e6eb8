"""What has to be true of a policy as a whole."""

from __future__ import annotations

import re
from typing import Any

from .introspection import check_opaque
from .issuers import TrustedIssuer, check_relay
from .origins import is_plain
from .patterns import covers, demands, overlap
from .policy_fields import OF_RELAY, OUTAGES, PolicyFields
from .scope_rule import pattern_problem
from .site_path import is_site_path
from .tenants import overlaps
from .url_values import fetchable, public_url_problem, url_problem, without_user
from .validation import TOKEN, Problems, Where, check_number

_REALM = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")
_OWN_PATHS = ("token_paths", "revocation_paths", "logout_paths")
_PAIRS = [(one, other) for one in _OWN_PATHS for other in _OWN_PATHS if one > other]
_PATHS = (*_OWN_PATHS, "public_paths", "optional_paths")


def check_issuers(policy: PolicyFields, problems: Problems) -> None:
    urls = [issuer.url for issuer in policy.issuers]
    twice = len(set(urls)) < len(urls)
    problems.check(not twice, ("issuers",), "the same issuer is listed twice")
    nameless = [i for i in policy.issuers if "iss" not in i.rules.require]
    text = "only one may make tokens without iss"
    problems.check(len(nameless) <= 1, ("issuers",), text)
    check_opaque(problems, policy.issuers)
    text = "two urls with placeholders could mean the same issuer"
    problems.check(not overlaps(urls), ("issuers",), text)
    for issuer in map(_sample, policy.issuers):
        where = ("issuers", without_user(issuer.url))
        at = (*where, "introspect_url")
        _check_url(policy, problems, at, issuer.introspect_url)
        named = issuer.audience is not None or policy.audience is not None
        text = "set it to this API's identifier, or to `unchecked`"
        problems.check(named, (*where, "audience"), text)
        if issuer.keys is not None:
            continue
        for name in ("jwks_url", "discovery_url"):
            _check_url(policy, problems, (*where, name), getattr(issuer, name))
        if not issuer.jwks_url and not issuer.discovery_url:
            _check_url(policy, problems, ("issuer",), issuer.url)


def _sample(issuer: TrustedIssuer) -> TrustedIssuer:
    """Return *issuer*, or one of its tenants: what its URLs look like when used."""
    return issuer.for_tenant("tenant") if issuer.tenants else issuer


def _check_url(
    policy: PolicyFields, problems: Problems, where: Where, url: Any
) -> None:
    if url is not None and not fetchable(url, policy.http_hosts):
        problems.add(where, url_problem(url))


def check_clients(policy: PolicyFields, problems: Problems) -> None:
    urls = [issuer.url for issuer in policy.issuers]
    seen: set[tuple[str, str]] = set()
    for client in policy.clients if urls else ():
        where = ("clients", client.id)
        if client.issuer is None and len(urls) > 1:
            text = (
                "required, as there are several issuers; write it in the "
                "[[clients]] table of a TOML file (in code: its Client)"
            )
            problems.add((*where, "issuer"), text)
        if client.issuer is not None and client.issuer not in urls:
            text = f"{client.issuer!r} is not one of the trusted issuers"
            problems.add((*where, "issuer"), text)
        key = policy.client_key(client)
        problems.check(key not in seen, where, "listed twice")
        seen.add(key)
        # A page over http can be replaced by anybody on the way, and so can what it
        # does with the token.
        for origin in client.origins if policy.require_https else ():
            text = f"{origin!r}: http origins are for loopback only; use https"
            problems.check(not is_plain(origin), (*where, "origins"), text)


def check_paths(policy: PolicyFields, problems: Problems) -> None:
    for rule in policy.scopes:
        if problem := pattern_problem(rule.path):
            problems.add(("scopes",), problem)
    for claim_rule in policy.rules:
        if problem := pattern_problem(claim_rule.path):
            problems.add(("rules",), problem)
    for name in _PATHS:
        for pattern in getattr(policy, name):
            if problem := pattern_problem(pattern):
                problems.add((name,), problem)
    _check_own_paths(policy, problems)
    _check_login_url(policy, problems)


def _check_login_url(policy: PolicyFields, problems: Problems) -> None:
    """The login page must be open to all: else it would be redirected to itself."""
    url, where = policy.login_url, ("login_url",)
    if url is None:
        return
    if not isinstance(url, str) or not is_site_path(url) or "*" in url:
        text = f"{url!r} is not valid; expected the path of a page, like /login"
        problems.add(where, text)
        return
    if problem := pattern_problem(url):
        problems.add(where, problem)
        return
    for name in _OWN_PATHS:
        for pattern in getattr(policy, name):
            text = f"{url!r} is also a {name.replace('_paths', ' path')}"
            problems.check(not covers(url, pattern), where, text)
    for rule in policy.scopes:
        if rule.demands and rule.takes("GET") and demands(rule.path, url):
            needs = "scope" if rule.require else "login"
            text = f"{url!r} needs the {needs} of the rule {rule.path!r}"
            problems.add(where, text)
    for claim_rule in policy.rules:
        if claim_rule.takes("GET") and demands(claim_rule.path, url):
            text = f"{url!r} needs the claims of the rule {claim_rule.path!r}"
            problems.add(where, text)


def _check_own_paths(policy: PolicyFields, problems: Problems) -> None:
    """No path has two rules of this kind, or one beside a rule that gives."""
    for name in ("public_paths", "optional_paths"):
        for pattern in getattr(policy, name):
            for own in _OWN_PATHS:
                for path in getattr(policy, own):
                    kind = own.replace("_paths", " path")
                    text = f"{pattern!r} must not cover the {kind} {path!r}"
                    problems.check(not covers(pattern, path), (name,), text)
    for name, other in _PAIRS:
        for path in getattr(policy, name):
            text = f"{path!r} is also a {other.replace('_paths', ' path')}"
            again = any(overlap(path, one) for one in getattr(policy, other))
            problems.check(not again, (name,), text)


def check_values(policy: PolicyFields, problems: Problems) -> None:
    for name in ("leeway", "keys_cooldown", "keys_stale_for", "reload"):
        check_number(problems, (name,), getattr(policy, name), 0)
    check_number(problems, ("keys_max_age",), policy.keys_max_age, 1)
    check_number(problems, ("token_cache",), policy.token_cache, 0, whole=True)
    for name in ("max_body_bytes", "max_token_bytes"):
        check_number(problems, (name,), getattr(policy, name), 1, whole=True)
    check_number(problems, ("revocation_for",), policy.revocation_for, 1)
    check_number(problems, ("revocations",), policy.revocations, 1, whole=True)
    stale = policy.revocation_max_stale
    # Followers look once a second: below a few seconds, a busy moment would count as an
    # outage.
    check_number(problems, ("revocation_max_stale",), stale, 5)
    text = f"{policy.revocation_outage!r} is not valid; expected one of "
    known = policy.revocation_outage in OUTAGES
    problems.check(known, ("revocation_outage",), text + " ".join(OUTAGES))
    for name in ("clients_only", "require_https", "close_streams", "debug"):
        problems.check_flag((name,), getattr(policy, name))
    good = isinstance(policy.realm, str) and _REALM.fullmatch(policy.realm)
    text = f"{policy.realm!r}: must be printable ASCII without quotes or backslashes"
    problems.check(good, ("realm",), text)
    cookie = policy.cookie
    named = isinstance(cookie, str) and TOKEN.fullmatch(cookie)
    text = f"{cookie!r} is not a valid cookie name"
    problems.check(cookie is None or named, ("cookie",), text)
    problems.check_text(("origins_claim",), policy.origins_claim)
    for url in policy.public_url:
        if problem := public_url_problem(url):
            problems.add(("public_url",), problem)


def check_what_the_relay_uses(policy: PolicyFields, problems: Problems) -> None:
    """What the relay uses belongs to one issuer: no other may learn the secret."""
    check_relay(problems, (), policy.relay_client_secret, policy.relay_auth)
    check_number(problems, ("relay_timeout",), policy.relay_timeout, 1)
    for name in ("relay_url", "relay_revocation_url"):
        _check_url(policy, problems, (name,), getattr(policy, name))
        for issuer in policy.issuers:
            where = ("issuers", without_user(issuer.url), name)
            _check_url(policy, problems, where, getattr(issuer, name))
    tenants = any(issuer.tenants is not None for issuer in policy.issuers)
    for name in OF_RELAY if tenants and len(policy.issuers) == 1 else ():
        text = "not available for an issuer with tenants"
        problems.check(getattr(policy, name) is None, (name,), text)
    for name in OF_RELAY if len(policy.issuers) > 1 else ():
        text = (
            "for one issuer only; with several, write it in the [[issuers]] "
            "table of the issuer that it belongs to (in code: its TrustedIssuer)"
        )
        problems.check(getattr(policy, name) is None, (name,), text)
