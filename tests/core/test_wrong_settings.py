"""Settings that cannot hold, and the sentence that a person reads about each."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.paths import ScopeRule
from jwtguard.testing import JWTIssuer

URL = "https://issuer.example"
ISSUER = TrustedIssuer(url=URL, audience="api")
SPA = Client(id="spa", origins=("https://a.example",))
KEYS = JWTIssuer(alg="ES256").jwks()

ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"
PROFILES = "rfc9068 generic keycloak auth0 entra okta cognito"
LIKE = "like https://www.example.com"
NO_WILDCARD = f"wildcards are not supported; list each origin exactly, {LIKE}"
NO_AT = (
    "an https URL without user name or password is needed (not shown: it holds an @)"
)
NO_HTTPS = (
    "is no https URL; plain http is for loopback and for hosts named in "
    "JWTGUARD_HTTP_HOSTS"
)
NO_HOST = "is no host name, like keycloak: neither scheme nor port"
NO_PROXY = "is no address, network like 10.0.0.0/8, or unix"
NO_KEYS = "neither a JWK set (JSON) nor PEM text; a path belongs in JWTGUARD_KEYS_FILE"
NO_ISS = "require: without iss in it, keys have to be given directly"


def problems(kind: Any, **settings: Any) -> tuple[str, ...]:
    """Say what is wrong with *settings*, one sentence for each thing."""
    with pytest.raises(ConfigurationError) as caught:
        kind(**settings)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def issuer(url: str = URL, **settings: Any) -> TrustedIssuer:
    return TrustedIssuer(**{"url": url, "audience": "api", **settings})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issuer": ""}, "issuer: '' is no name"),
        ({"issuer": [URL]}, f"issuer: ['{URL}'] is no name"),
        ({"origins": ("",)}, "origins: '' is no name"),
        ({"origins": (1,)}, "origins: 1 is no name"),
        ({"origins": 1}, "origins: a list of strings is needed, not 1"),
        ({"origins": b"x"}, "origins: a list of strings is needed, not b'x'"),
        ({"origins": {"x": 1}}, "origins: a list of strings is needed, not {'x': 1}"),
        ({"origins": "*"}, f"'*': {NO_WILDCARD}"),
        ({"origins": "https://*.a"}, f"'https://*.a': {NO_WILDCARD}"),
        ({"origins": "null"}, f"'null' is no origin, {LIKE}"),
        ({"origins": "https://a/X"}, f"'https://a/X' is no origin, {LIKE}"),
        ({"origins": "a.example"}, f"'a.example' is no origin, {LIKE}"),
        ({"origins": "https://u:secret@a"}, f"an origin has no @, {LIKE}"),
        ({"origins": "https://a/"}, "'https://a/' is no origin; write https://a"),
        ({"origins": "https://A"}, "'https://A' is no origin; write https://a"),
        ({"origins": "https://a:443"}, "'https://a:443' is no origin; write https://a"),
        ({"origins": ("https://a", "a/")}, f"'a/' is no origin, {LIKE}"),
        ({"methods": 1}, "methods: a list of strings is needed, not 1"),
        ({"methods": ("",)}, "methods: '' is no name"),
        ({"methods": "get"}, "'get' is no method, like GET"),
        ({"methods": "GET POST"}, "'GET POST' is no method, like GET"),
        ({"methods": "GÉT"}, "'GÉT' is no method, like GET"),
        ({"headers": 1}, "headers: a list of strings is needed, not 1"),
        ({"headers": ("",)}, "headers: '' is no name"),
        ({"headers": "*"}, "'*' is no header name"),
        ({"headers": "X Y"}, "'X Y' is no header name"),
        ({"headers": "X:"}, "'X:' is no header name"),
        ({"headers": "X\n"}, "'X\\n' is no header name"),
        ({"refresh": "true"}, "refresh is true or false"),
        ({"refresh": 1}, "refresh is true or false"),
        ({"credentials": None}, "credentials is true or false"),
        ({"max_age": -1}, "max_age: -1 is no whole number of at least 0"),
        ({"max_age": "600"}, "max_age: '600' is no whole number of at least 0"),
        ({"max_age": True}, "max_age: True is no whole number of at least 0"),
        ({"max_age": 1.5}, "max_age: 1.5 is no whole number of at least 0"),
        ({"max_age": math.nan}, "max_age: nan is no whole number of at least 0"),
        ({"max_age": math.inf}, "max_age: inf is no whole number of at least 0"),
    ],
)
def test_a_wrong_client_is_no_client(wrong: dict[str, Any], said: str) -> None:
    """Every field is checked, its type included, and the value is shown."""
    assert problems(Client, id="spa", **wrong) == (f"client spa: {said}",)


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_a_client_has_an_id(wrong: Any) -> None:
    """Nothing else names it."""
    assert problems(Client, id=wrong) == ("client: empty id",)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"profile": "x"}, f"profile: 'x' is none of {PROFILES}"),
        ({"profile": 5}, f"profile: 5 is none of {PROFILES}"),
        (
            {"profile": "x", "require": ("exp",)},
            f"profile: 'x' is none of {PROFILES}",
        ),
        ({"audience": ()}, "audience: at least one is needed"),
        ({"audience": ""}, "audience: '' is no name"),
        ({"audience": ("",)}, "audience: '' is no name"),
        ({"audience": ("api", "unchecked")}, "audience: `unchecked` stands alone"),
        ({"audience": 1}, "audience: a list of strings is needed, not 1"),
        ({"algorithms": ()}, "algorithms: at least one is needed"),
        ({"algorithms": "HS256"}, f"algorithms: 'HS256' is none of {ALGORITHMS}"),
        ({"algorithms": "none"}, f"algorithms: 'none' is none of {ALGORITHMS}"),
        ({"algorithms": "rs256"}, f"algorithms: 'rs256' is none of {ALGORITHMS}"),
        ({"algorithms": ("RS256", "")}, "algorithms: '' is no name"),
        ({"discovery_url": ""}, "discovery_url: '': a text is needed"),
        ({"discovery_url": 5}, "discovery_url: 5: a text is needed"),
        ({"jwks_url": ""}, "jwks_url: '': a text is needed"),
        ({"jwks_url": 5}, "jwks_url: 5: a text is needed"),
        ({"subject_claim": ""}, "subject_claim: '': a text is needed"),
        ({"subject_claim": 5}, "subject_claim: 5: a text is needed"),
        (
            {"jwks_url": "https://a", "keys": KEYS},
            "keys: given directly, so nothing is fetched from jwks_url; keep one",
        ),
        ({"keys": ""}, f"keys: {NO_KEYS}"),
        ({"keys": 5}, f"keys: {NO_KEYS}"),
        ({"keys": ["x"]}, f"keys: {NO_KEYS}"),
        ({"keys": "nonsense"}, f"keys: {NO_KEYS}"),
        ({"keys": {}}, "keys: keys is no array"),
        ({"keys": {"keys": []}}, "keys: no usable key"),
        ({"keys": {"kty": "oct", "k": "AA"}}, "keys: no usable key"),
        ({"expect": {"a": 1}}, "expect: a table of claim = text is needed"),
        ({"expect": {1: "a"}}, "expect: a table of claim = text is needed"),
        ({"expect": "a=b"}, "expect: a table of claim = text is needed"),
        ({"client_claims": ("",)}, "client_claims: '' is no name"),
        ({"scope_claims": 1}, "scope_claims: a list of strings is needed, not 1"),
        ({"role_claims": (1,)}, "role_claims: 1 is no name"),
        ({"header_types": (1,)}, "header_types: 1 is no name"),
        ({"header_types": 1}, "header_types: a list of strings is needed, not 1"),
        ({"kidless": "all"}, "kidless: 'all' is not one, try, never"),
        ({"kidless": ""}, "kidless: '' is not one, try, never"),
        ({"max_lifetime": 0}, "max_lifetime: 0 is no number of at least 1"),
        ({"max_lifetime": "60"}, "max_lifetime: '60' is no number of at least 1"),
        ({"require": ("iss", "")}, "require: '' is no name"),
        ({"require": ("exp",)}, NO_ISS),
    ],
)
def test_a_wrong_issuer_is_no_issuer(wrong: dict[str, Any], said: str) -> None:
    """Symmetric algorithms and unusable keys included."""
    assert problems(TrustedIssuer, url=URL, **wrong) == (f"issuer {URL}: {said}",)


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_an_issuer_has_a_name(wrong: Any) -> None:
    """What stands in ``iss``, letter for letter."""
    assert problems(TrustedIssuer, url=wrong) == ("issuer: an empty name",)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issuers": ()}, "issuers: at least one is needed"),
        ({"issuers": (), "clients": (SPA,)}, "issuers: at least one is needed"),
        ({"issuers": ISSUER}, f"issuers: a list is needed, not {ISSUER!r}"),
        ({"issuers": (URL,)}, f"issuers: '{URL}' is no TrustedIssuer"),
        ({"issuers": (ISSUER, URL)}, f"issuers: '{URL}' is no TrustedIssuer"),
        ({"issuers": "x"}, "issuers: a list is needed, not 'x'"),
        ({"issuers": None}, "issuers: a list is needed, not None"),
        ({"issuers": (ISSUER, ISSUER)}, "issuers: one is listed twice"),
        (
            {"issuers": (TrustedIssuer(url=URL),)},
            f"issuer {URL}: audience: name this API, or write unchecked",
        ),
        (
            {
                "issuers": (
                    issuer(keys=KEYS, require=("exp",)),
                    issuer(URL + "/2", keys=KEYS, require=("exp",)),
                )
            },
            "issuers: only one may make tokens without iss",
        ),
        ({"issuers": (issuer("http://a"),)}, f"issuer: 'http://a' {NO_HTTPS}"),
        ({"issuers": (issuer("urn:x"),)}, f"issuer: 'urn:x' {NO_HTTPS}"),
        (
            {"issuers": (issuer(jwks_url="http://a"),)},
            f"issuer {URL}: jwks_url: 'http://a' {NO_HTTPS}",
        ),
        (
            {"issuers": (issuer(discovery_url="ftp://a"),)},
            f"issuer {URL}: discovery_url: 'ftp://a' {NO_HTTPS}",
        ),
        (
            {"issuers": (issuer(keys=KEYS), issuer("http://a"))},
            f"issuer: 'http://a' {NO_HTTPS}",
        ),
        ({"audience": ()}, "audience: at least one is needed"),
        ({"audience": ("a", "unchecked")}, "audience: `unchecked` stands alone"),
        ({"algorithms": ()}, "algorithms: at least one is needed"),
        ({"algorithms": "HS256"}, f"algorithms: 'HS256' is none of {ALGORITHMS}"),
        ({"leeway": True}, "leeway: True is no number of at least 0"),
        ({"leeway": "30"}, "leeway: '30' is no number of at least 0"),
        ({"leeway": math.nan}, "leeway: nan is no number of at least 0"),
        ({"leeway": math.inf}, "leeway: inf is no number of at least 0"),
        ({"clients": (SPA, SPA)}, "clients: spa: listed twice"),
        (
            {"clients": (SPA, Client(id="spa", issuer=URL))},
            "clients: spa: listed twice",
        ),
        ({"clients": SPA}, f"clients: a list is needed, not {SPA!r}"),
        ({"clients": b"spa"}, "clients: a list is needed, not b'spa'"),
        ({"clients": ("spa",)}, "clients: 'spa' is no Client"),
        (
            {"clients": (Client(id="spa", issuer="https://other"),)},
            "clients: spa: issuer: 'https://other' is not trusted",
        ),
        (
            {"issuers": (ISSUER, issuer(URL + "/2")), "clients": (SPA,)},
            "clients: spa: issuer: needed, as there are several",
        ),
        (
            {"clients": (Client(id="spa", origins="http://a"),)},
            "clients: spa: 'http://a': http origins are for loopback only; use https",
        ),
        ({"clients_only": "no"}, "clients_only: true or false"),
        ({"require_https": 1}, "require_https: true or false"),
        ({"origins_claim": ""}, "origins_claim: '' is no claim name"),
        ({"origins_claim": 5}, "origins_claim: 5 is no claim name"),
        ({"public_paths": 1}, "public_paths: a list of strings is needed, not 1"),
        ({"public_paths": "x/*"}, "public_paths: path 'x/*': begins with /"),
        (
            {"public_paths": "/x*"},
            (
                "public_paths: path '/x*': * stands for one whole segment, as in "
                "/users/*/keys, or at the end for everything below, as in /notes/*"
            ),
        ),
        (
            {"public_paths": "/%61"},
            "public_paths: path '/%61': can be read in more than one way",
        ),
        ({"optional_paths": ("",)}, "optional_paths: '' is no name"),
        ({"optional_paths": "x"}, "optional_paths: path 'x': begins with /"),
        ({"token_paths": ("",)}, "token_paths: '' is no name"),
        ({"token_paths": "x"}, "token_paths: path 'x': begins with /"),
        ({"revocation_paths": ("",)}, "revocation_paths: '' is no name"),
        ({"revocation_paths": "x"}, "revocation_paths: path 'x': begins with /"),
        ({"scopes": (ScopeRule(path="x"),)}, "scopes: path 'x': begins with /"),
        ({"scopes": ("GET:/x=y",)}, "scopes: 'GET:/x=y' is no ScopeRule"),
        ({"scopes": {"/x": "y"}}, "scopes: a list is needed, not {'/x': 'y'}"),
        (
            {"token_paths": "/t", "public_paths": "/*"},
            "public_paths: '/*' opens token path '/t'",
        ),
        (
            {"token_paths": "/t", "optional_paths": "/T/"},
            "optional_paths: '/T/' opens token path '/t'",
        ),
        (
            {"revocation_paths": "/t/r", "public_paths": "/t/*"},
            "public_paths: '/t/*' opens token path '/t/r'",
        ),
        (
            {"token_paths": "/t", "revocation_paths": "/T"},
            "token_paths: '/t' is a revocation path too",
        ),
        ({"cookie": ""}, "cookie: '' is no cookie name"),
        ({"cookie": "a b"}, "cookie: 'a b' is no cookie name"),
        ({"cookie": "a;"}, "cookie: 'a;' is no cookie name"),
        ({"cookie": 5}, "cookie: 5 is no cookie name"),
        ({"relay_url": 5}, f"relay_url: 5 {NO_HTTPS}"),
        ({"relay_url": "https://user:secret@a/token"}, f"relay_url: {NO_AT}"),
        ({"relay_url": "https://user:sec/ret@a/token"}, f"relay_url: {NO_AT}"),
        ({"relay_url": "user:secret@a"}, f"relay_url: {NO_AT}"),
        ({"issuers": (issuer("https://user:secret@a"),)}, f"issuer: {NO_AT}"),
        (
            {"issuers": (issuer("x:secret@a", jwks_url="https://x:se#cret@a"),)},
            f"issuer a: jwks_url: {NO_AT}",
        ),
        (
            {
                "issuers": (TrustedIssuer(url="https://x:secret@a", keys=KEYS),),
                "audience": None,
            },
            "issuer a: audience: name this API, or write unchecked",
        ),
        (
            {"relay_url": "https://a/token#x"},
            "relay_url: 'https://a/token#x' has a fragment (#): leave it out",
        ),
        ({"relay_url": b"https://a"}, f"relay_url: b'https://a' {NO_HTTPS}"),
        ({"relay_url": "http://a"}, f"relay_url: 'http://a' {NO_HTTPS}"),
        ({"http_hosts": ("",)}, "http_hosts: '' is no name"),
        ({"http_hosts": "http://kc"}, f"http_hosts: 'http://kc' {NO_HOST}"),
        ({"http_hosts": "kc:8080"}, f"http_hosts: 'kc:8080' {NO_HOST}"),
        ({"http_hosts": "-kc"}, f"http_hosts: '-kc' {NO_HOST}"),
        ({"http_hosts": "kc."}, f"http_hosts: 'kc.' {NO_HOST}"),
        ({"http_hosts": "kc/x"}, f"http_hosts: 'kc/x' {NO_HOST}"),
        ({"http_hosts": "fee:80"}, f"http_hosts: 'fee:80' {NO_HOST}"),
        ({"http_hosts": "[::1]"}, f"http_hosts: '[::1]' {NO_HOST}"),
        ({"public_url": ("",)}, "public_url: '' is no name"),
        (
            {"public_url": "https://a/"},
            "public_url: 'https://a/' is no origin; write https://a",
        ),
        ({"public_url": "*"}, f"public_url: '*': {NO_WILDCARD}"),
        ({"trusted_proxies": ("",)}, "trusted_proxies: '' is no name"),
        ({"trusted_proxies": "proxy"}, f"trusted_proxies: 'proxy' {NO_PROXY}"),
        (
            {"trusted_proxies": "10.0.0.1/8"},
            f"trusted_proxies: '10.0.0.1/8' {NO_PROXY}",
        ),
        ({"trusted_proxies": ("unix", "*")}, f"trusted_proxies: '*' {NO_PROXY}"),
        ({"realm": ""}, "realm: '' cannot be quoted"),
        ({"realm": 5}, "realm: 5 cannot be quoted"),
        ({"realm": 'a"'}, "realm: 'a\"' cannot be quoted"),
        ({"realm": "a\nb"}, "realm: 'a\\nb' cannot be quoted"),
        ({"realm": "é"}, "realm: 'é' cannot be quoted"),
    ],
)
def test_a_wrong_policy_is_no_policy(wrong: dict[str, Any], said: str) -> None:
    """Every rule of the settings, in code too."""
    assert problems(Policy, **{"issuers": (ISSUER,), **wrong}) == (said,)


@pytest.mark.parametrize(
    ("name", "least", "whole"),
    [
        ("leeway", 0, False),
        ("keys_cooldown", 0, False),
        ("keys_stale_for", 0, False),
        ("keys_max_age", 1, False),
        ("token_cache", 0, True),
        ("max_body_bytes", 1, True),
        ("max_token_bytes", 1, True),
    ],
)
def test_numbers_begin_at_their_least(name: str, least: int, whole: bool) -> None:
    """The least itself is good, what lies below is not; sizes are whole."""
    kind = "whole number" if whole else "number"
    good: dict[str, Any] = {"issuers": (ISSUER,), name: least}
    assert getattr(Policy(**good), name) == least
    for wrong in (least - 1, 1e12) if not whole else (least - 1, least + 0.5, 10**12):
        said = f"{name}: {wrong!r} is no {kind} of at least {least}"
        assert problems(Policy, **{**good, name: wrong}) == (said,)


def test_the_least_of_a_client_and_an_issuer_is_good() -> None:
    """Preflights that are never cached, tokens of a second."""
    assert Client(id="spa", max_age=0).max_age == 0
    assert TrustedIssuer(url=URL, max_lifetime=1).max_lifetime == 1
    assert TrustedIssuer(url=URL, max_lifetime=1.5).max_lifetime == 1.5


def test_all_problems_of_a_client_are_told_at_once() -> None:
    """With the value, and what would be right."""
    assert problems(
        Client,
        id="spa",
        origins=("https://A.example/", "*"),
        methods=("get",),
        max_age=-1,
    ) == (
        "client spa: 'https://A.example/' is no origin; write https://a.example",
        f"client spa: '*': {NO_WILDCARD}",
        "client spa: 'get' is no method, like GET",
        "client spa: max_age: -1 is no whole number of at least 0",
    )


def test_all_problems_of_a_policy_are_told_at_once() -> None:
    """Not one at each start."""
    assert problems(
        Policy,
        issuers=(ISSUER, "x"),
        clients=("spa",),
        algorithms=("HS256", "none"),
        leeway=-1,
        realm="",
        cookie="",
        public_paths=("x",),
    ) == (
        "issuers: 'x' is no TrustedIssuer",
        "clients: 'spa' is no Client",
        f"algorithms: 'HS256' is none of {ALGORITHMS}",
        f"algorithms: 'none' is none of {ALGORITHMS}",
        "public_paths: path 'x': begins with /",
        "leeway: -1 is no number of at least 0",
        "realm: '' cannot be quoted",
        "cookie: '' is no cookie name",
    )
