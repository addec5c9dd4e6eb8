"""Checking the settings of sessions."""

from __future__ import annotations

import re
from typing import Any

from .patterns import overlap
from .policy_fields import SAMESITE, STORES, PolicyFields
from .scope_rule import pattern_problem
from .site_path import is_site_path
from .validation import NOT_EMPTY, TOKEN, Problems, check_number

_CLIENT = re.compile(r"[\x20-\x7e]+")
"""RFC 6749 appendix A.1."""
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 appendix A.4."""
_LONGEST_NAME = 64


def check_sessions(policy: PolicyFields, problems: Problems) -> None:
    """Check the settings of sessions; the client secret is never shown."""
    _check_client(policy, problems)
    _check_cookie(policy, problems)
    _check_path(policy, problems)
    _check_choice(problems, "session_samesite", policy.session_samesite, SAMESITE)
    _check_choice(problems, "session_store", policy.session_store, STORES)
    before = policy.session_refresh_before
    check_number(problems, ("session_refresh_before",), before, 0)
    check_number(problems, ("session_grace",), policy.session_grace, 1)
    check_number(problems, ("session_max_age",), policy.session_max_age, 1)


def _check_client(policy: PolicyFields, problems: Problems) -> None:
    client, secret = policy.session_client, policy.session_client_secret
    named = isinstance(client, str) and _CLIENT.fullmatch(client)
    text = f"{client!r}: must be printable ASCII characters"
    problems.check(client is None or named, ("session_client",), text)
    given = isinstance(secret, str) and secret
    problems.check(secret is None or given, ("session_client_secret",), NOT_EMPTY)
    for scope in policy.session_scope:
        text = f"{scope!r} is not a valid scope"
        problems.check(_SCOPE.fullmatch(scope), ("session_scope",), text)
    if client is not None:
        _check_issuer(policy, problems)
        text = "(secret): sessions need at least one; make it with `jwtguard secret`"
        wrong = any(problem.where == ("secrets",) for problem in problems)
        problems.check(policy.secrets or wrong, ("secrets",), text)


def _check_issuer(policy: PolicyFields, problems: Problems) -> None:
    """Passwords go to one issuer only, so it has to be named among several."""
    urls = [issuer.url for issuer in policy.issuers]
    named = policy.session_issuer
    if named is None:
        text = "required, as there are several issuers; write the URL of one"
        problems.check(len(urls) < 2, ("session_issuer",), text)
    elif urls:
        text = f"{named!r} is not one of the trusted issuers"
        problems.check(named in urls, ("session_issuer",), text)
    several = [issuer.url for issuer in policy.issuers if issuer.tenants is not None]
    text = "an issuer with tenants has no single place to sign in at; name another one"
    own = urls[0] if named is None and len(urls) == 1 else named
    problems.check(own not in several, ("session_issuer",), text)


def _check_path(policy: PolicyFields, problems: Problems) -> None:
    path, where = policy.session_path, ("session_path",)
    if path is None:
        return
    plain = isinstance(path, str) and is_site_path(path) and not set(path) & set("*?#%")
    if not plain or path.endswith("/") or pattern_problem(path):
        text = f"{path!r} is not valid; expected a path like /session"
        problems.add(where, text)
        return
    problems.check(policy.session_client, where, "needs session_client")
    for own in ("token_paths", "revocation_paths", "logout_paths"):
        for other in getattr(policy, own):
            taken = any(overlap(path + end, other) for end in ("", "/login", "/logout"))
            kind = own.replace("_paths", " path")
            problems.check(not taken, where, f"{path!r} covers the {kind} {other!r}")


def _check_cookie(policy: PolicyFields, problems: Problems) -> None:
    name = policy.session_cookie
    named = isinstance(name, str) and TOKEN.fullmatch(name) is not None
    good = named and len(name) <= _LONGEST_NAME
    text = f"{name!r} is not a valid cookie name of at most {_LONGEST_NAME} characters"
    problems.check(good, ("session_cookie",), text)
    text = f"{name!r} is the name of JWTGUARD_COOKIE too; use another one"
    taken = good and policy.cookie in (name, f"{name}.0", f"{name}.1")
    problems.check(not taken, ("session_cookie",), text)


def _check_choice(
    problems: Problems, name: str, value: Any, known: tuple[str, ...]
) -> None:
    text = f"{value!r} is not valid; expected one of {' '.join(known)}"
    problems.check(isinstance(value, str) and value in known, (name,), text)
