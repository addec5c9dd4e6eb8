"""Mistakes in settings, and their answers."""

from __future__ import annotations

from typing import Any

from jwtguard import Client, Guard
from jwtguard.core.model.effects import Incoming
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.inspect.check_policy import check
from jwtguard.testing import JWTIssuer

from .made import Made, Table, checked, lines, sent, settings


def _keys(answer: Incoming) -> Made:
    """Check a guard whose keys' URL answers something else."""

    def make(issuer: JWTIssuer) -> str:
        def transport(*_: Any) -> Incoming:
            return answer

        return lines(check(Guard(issuer.policy(), transport=transport)))

    return make


HTML = Incoming(200, {"content-type": "text/html"}, b"<html>Sign in</html>")
ELSEWHERE = Incoming(
    200, {}, b'{"issuer": "https://issuer.example/", "jwks_uri": "https://x.example"}'
)
CUT = "-----BEGIN PUBLIC KEY-----"
WELL_KNOWN = "https://id.example.com/.well-known/openid-configuration"

SETTINGS: Table = {
    "a variable is misspelt": ("start", settings(LEWAY="5")),
    "the issuer is the URL of the metadata": ("start", settings(ISSUER=WELL_KNOWN)),
    "a list is written as JSON": ("start", settings(AUDIENCE='["a"]')),
    "a list is separated by commas": ("start", settings(AUDIENCE="a,b")),
    "quotes of an env file are part of the value": (
        "start",
        settings(ISSUER='"https://id.example.com"'),
    ),
    "an audience with a space is in quotes": ("start", settings(AUDIENCE='"My API"')),
    "the audience is `*`": ("start", settings(AUDIENCE="*")),
    "the audience is missing": ("start", settings(AUDIENCE=None)),
    "a flag is `True`": ("start", settings(CLIENTS_ONLY="True")),
    "a time has a unit": ("start", settings(LEEWAY="30s")),
    "an origin ends with a slash": (
        "start",
        settings(CLIENTS="spa=https://www.example.com/"),
    ),
    "an origin has a wildcard": (
        "start",
        settings(CLIENTS="spa=https://*.example.com"),
    ),
    "an origin is http": ("start", settings(CLIENTS="spa=http://www.example.com")),
    "an origin without its client id": (
        "check",
        checked(clients=[Client(id="https://www.example.com")]),
    ),
    "a client may refresh, but is not listed": ("start", settings(REFRESH_CLIENTS="x")),
    "a path has a placeholder of the framework": (
        "start",
        settings(PUBLIC_PATHS="/users/{id}"),
    ),
    "a path has no slash at its beginning": ("start", settings(PUBLIC_PATHS="healthz")),
    "a public pattern covers the token path": (
        "start",
        settings(PUBLIC_PATHS="/oauth/*", TOKEN_PATHS="/oauth/token"),
    ),
    "scope rules without a last rule for other paths": (
        "log",
        sent(scopes=[ScopeRule(path="/other", require=["a"])]),
    ),
    "a symmetric algorithm": ("start", settings(ALGORITHMS="HS256")),
    "a profile that does not exist": ("start", settings(PROFILE="keycloack")),
    "a proxy by its name": ("start", settings(TRUSTED_PROXIES="nginx")),
    "the issuer's container over http": (
        "start",
        settings(ISSUER="http://keycloak:8080/realms/main"),
    ),
    "a key that an env file cut off": ("start", settings(KEYS=CUT)),
    "a path in place of the key": ("start", settings(KEYS="/run/secrets/key.pem")),
    "sessions without a secret": ("start", settings(SESSION_CLIENT="www")),
    "a cookie without the public URL": ("check", checked(cookie="__Host-token")),
    "the keys' URL answers with a page": ("check", _keys(HTML)),
    "the metadata name another issuer": ("check", _keys(ELSEWHERE)),
}
"""By the words of docs/mistakes.md."""
