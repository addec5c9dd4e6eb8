"""Settings that cannot hold, and the sentence that a person reads about each."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.testing import JWTIssuer

URL = "https://issuer.example"
ISSUER = TrustedIssuer(url=URL, audience="api")
SPA = Client(id="spa", origins=("https://a.example",))
KEYS = JWTIssuer(alg="ES256").jwks()

ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"
PROFILES = "rfc9068 generic keycloak auth0 entra okta cognito"
LIKE = "like https://www.example.com"
EMPTY = "must be a non-empty string"
NO_ORIGIN = f"is not a valid origin; expected one {LIKE}"
NO_WILDCARD = "wildcards are not supported; list each origin, or use origin_patterns"
SET_IT = "set it to this API's identifier, or to `unchecked`"
NO_AT = (
    "must be an https URL without user name or password (not shown, as it holds an @)"
)
NO_HTTPS = (
    "is not a valid https URL; plain http is accepted for loopback and for the hosts "
    "in JWTGUARD_HTTP_HOSTS"
)
NO_HOST = "is not a valid host name; expected one like keycloak, without scheme or port"
IN_NETWORK = "is an address in a network; write 10.0.0.0/8"
NO_PROXY = "is not valid; expected an address, a network like 10.0.0.0/8, or unix"
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
    ("wrong", "message"),
    [
        ({"issuer": ""}, f"issuer: '': {EMPTY}"),
        ({"issuer": [URL]}, f"issuer: ['{URL}']: {EMPTY}"),
        ({"origins": ("",)}, f"origins: '': {EMPTY}"),
        ({"origins": (1,)}, f"origins: 1: {EMPTY}"),
        ({"origins": 1}, "origins: must be a list of strings, not 1"),
        ({"origins": b"x"}, "origins: must be a list of strings, not b'x'"),
        ({"origins": {"x": 1}}, "origins: must be a list of strings, not {'x': 1}"),
        ({"origins": "*"}, f"origins: '*': {NO_WILDCARD}"),
        ({"origins": "https://*.a"}, f"origins: 'https://*.a': {NO_WILDCARD}"),
        ({"origins": "null"}, f"origins: 'null' {NO_ORIGIN}"),
        ({"origins": "https://a/X"}, f"origins: 'https://a/X' {NO_ORIGIN}"),
        ({"origins": "a.example"}, f"origins: 'a.example' {NO_ORIGIN}"),
        (
            {"origins": "https://u:secret@a"},
            f"origins: an origin has no @; expected one {LIKE}",
        ),
        (
            {"origins": "https://a/"},
            "origins: 'https://a/' is not a valid origin; write https://a",
        ),
        (
            {"origins": "https://A"},
            "origins: 'https://A' is not a valid origin; write https://a",
        ),
        (
            {"origins": "https://a:443"},
            "origins: 'https://a:443' is not a valid origin; write https://a",
        ),
        ({"origins": ("https://a", "a/")}, f"origins: 'a/' {NO_ORIGIN}"),
        ({"methods": 1}, "methods: must be a list of strings, not 1"),
        ({"methods": ("",)}, f"methods: '': {EMPTY}"),
        (
            {"methods": "get"},
            "methods: 'get' is not a valid method; expected one like GET",
        ),
        (
            {"methods": "GET POST"},
            "methods: 'GET POST' is not a valid method; expected one like GET",
        ),
        (
            {"methods": "GÉT"},
            "methods: 'GÉT' is not a valid method; expected one like GET",
        ),
        ({"headers": 1}, "headers: must be a list of strings, not 1"),
        ({"headers": ("",)}, f"headers: '': {EMPTY}"),
        ({"headers": "*"}, "headers: '*' is not a valid header name"),
        ({"headers": "X Y"}, "headers: 'X Y' is not a valid header name"),
        ({"headers": "X:"}, "headers: 'X:' is not a valid header name"),
        ({"headers": "X\n"}, "headers: 'X\\n' is not a valid header name"),
        ({"refresh": "true"}, "refresh: must be true or false"),
        ({"refresh": 1}, "refresh: must be true or false"),
        ({"credentials": None}, "credentials: must be true or false"),
        (
            {"max_age": -1},
            "max_age: -1 is not valid; expected a whole number of at least 0",
        ),
        (
            {"max_age": "600"},
            "max_age: '600' is not valid; expected a whole number of at least 0",
        ),
        (
            {"max_age": True},
            "max_age: True is not valid; expected a whole number of at least 0",
        ),
        (
            {"max_age": 1.5},
            "max_age: 1.5 is not valid; expected a whole number of at least 0",
        ),
        (
            {"max_age": math.nan},
            "max_age: nan is not valid; expected a whole number of at least 0",
        ),
        (
            {"max_age": math.inf},
            "max_age: inf is not valid; expected a whole number of at least 0",
        ),
    ],
)
def test_a_wrong_client_is_refused(wrong: dict[str, Any], message: str) -> None:
    """Every field is checked, its type included, and the value is shown."""
    assert problems(Client, id="spa", **wrong) == (f"client spa: {message}",)


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_a_client_has_an_id(wrong: Any) -> None:
    """Nothing else names it."""
    assert problems(Client, id=wrong) == ("client: id: must be a non-empty string",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"profile": "x"}, f"profile: 'x' is not valid; expected one of {PROFILES}"),
        ({"profile": 5}, f"profile: 5 is not valid; expected one of {PROFILES}"),
        (
            {"profile": "x", "require": ("exp",)},
            f"profile: 'x' is not valid; expected one of {PROFILES}",
        ),
        ({"audience": ()}, "audience: at least one is needed"),
        ({"audience": ""}, f"audience: '': {EMPTY}"),
        ({"audience": ("",)}, f"audience: '': {EMPTY}"),
        (
            {"audience": ("api", "unchecked")},
            "audience: `unchecked` must be the only value",
        ),
        ({"audience": 1}, "audience: must be a list of strings, not 1"),
        ({"algorithms": ()}, "algorithms: at least one is needed"),
        (
            {"algorithms": "HS256"},
            f"algorithms: 'HS256' is not valid; expected one of {ALGORITHMS}",
        ),
        (
            {"algorithms": "none"},
            f"algorithms: 'none' is not valid; expected one of {ALGORITHMS}",
        ),
        (
            {"algorithms": "rs256"},
            f"algorithms: 'rs256' is not valid; expected one of {ALGORITHMS}",
        ),
        ({"algorithms": ("RS256", "")}, f"algorithms: '': {EMPTY}"),
        ({"discovery_url": ""}, "discovery_url: '': must be a non-empty string"),
        ({"discovery_url": 5}, "discovery_url: 5: must be a non-empty string"),
        ({"jwks_url": ""}, "jwks_url: '': must be a non-empty string"),
        ({"jwks_url": 5}, "jwks_url: 5: must be a non-empty string"),
        ({"subject_claim": ""}, "subject_claim: '': must be a non-empty string"),
        ({"subject_claim": 5}, "subject_claim: 5: must be a non-empty string"),
        (
            {"jwks_url": "https://a", "keys": KEYS},
            "keys: given directly, so nothing is fetched from jwks_url; keep one",
        ),
        ({"keys": ""}, f"keys: {NO_KEYS}"),
        ({"keys": 5}, f"keys: {NO_KEYS}"),
        ({"keys": ["x"]}, f"keys: {NO_KEYS}"),
        ({"keys": "nonsense"}, f"keys: {NO_KEYS}"),
        ({"keys": {}}, "keys: keys is not an array"),
        ({"keys": {"keys": []}}, "keys: no usable keys"),
        ({"keys": {"kty": "oct", "k": "AA"}}, "keys: no usable keys"),
        ({"expect": {"a": 1}}, "expect: must be a table of claim = string"),
        ({"expect": {1: "a"}}, "expect: must be a table of claim = string"),
        ({"expect": "a=b"}, "expect: must be a table of claim = string"),
        ({"client_claims": ("",)}, f"client_claims: '': {EMPTY}"),
        ({"scope_claims": 1}, "scope_claims: must be a list of strings, not 1"),
        ({"role_claims": (1,)}, f"role_claims: 1: {EMPTY}"),
        ({"header_types": (1,)}, f"header_types: 1: {EMPTY}"),
        ({"header_types": 1}, "header_types: must be a list of strings, not 1"),
        ({"kidless": "all"}, "kidless: 'all' is not valid; expected one, try or never"),
        ({"kidless": ""}, "kidless: '' is not valid; expected one, try or never"),
        ({"logout": "all"}, "logout: 'all' is not valid; expected session or subject"),
        (
            {"max_lifetime": 0},
            "max_lifetime: 0 is not valid; expected a number of at least 1",
        ),
        (
            {"max_lifetime": "60"},
            "max_lifetime: '60' is not valid; expected a number of at least 1",
        ),
        ({"require": ("iss", "")}, f"require: '': {EMPTY}"),
        ({"require": ("exp",)}, NO_ISS),
    ],
)
def test_a_wrong_issuer_is_refused(wrong: dict[str, Any], message: str) -> None:
    """Symmetric algorithms and unusable keys included."""
    assert problems(TrustedIssuer, url=URL, **wrong) == (f"issuer {URL}: {message}",)


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_an_issuer_has_a_name(wrong: Any) -> None:
    """What stands in ``iss``, letter for letter."""
    assert problems(TrustedIssuer, url=wrong) == ("issuer: must be a non-empty string",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"issuers": ()}, "issuers: at least one is needed"),
        ({"issuers": (), "clients": (SPA,)}, "issuers: at least one is needed"),
        ({"issuers": ISSUER}, f"issuers: must be a list, not {ISSUER!r}"),
        ({"issuers": (URL,)}, f"issuers: '{URL}': must be a TrustedIssuer"),
        ({"issuers": (ISSUER, URL)}, f"issuers: '{URL}': must be a TrustedIssuer"),
        ({"issuers": "x"}, "issuers: must be a list, not 'x'"),
        ({"issuers": None}, "issuers: must be a list, not None"),
        ({"issuers": (ISSUER, ISSUER)}, "issuers: the same issuer is listed twice"),
        (
            {"issuers": (TrustedIssuer(url=URL),)},
            f"issuer {URL}: audience: {SET_IT}",
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
        (
            {"audience": ("a", "unchecked")},
            "audience: `unchecked` must be the only value",
        ),
        ({"algorithms": ()}, "algorithms: at least one is needed"),
        (
            {"algorithms": "HS256"},
            f"algorithms: 'HS256' is not valid; expected one of {ALGORITHMS}",
        ),
        (
            {"leeway": True},
            "leeway: True is not valid; expected a number of at least 0",
        ),
        (
            {"leeway": "30"},
            "leeway: '30' is not valid; expected a number of at least 0",
        ),
        (
            {"leeway": math.nan},
            "leeway: nan is not valid; expected a number of at least 0",
        ),
        (
            {"leeway": math.inf},
            "leeway: inf is not valid; expected a number of at least 0",
        ),
        ({"clients": (SPA, SPA)}, "client spa: listed twice"),
        (
            {"clients": (SPA, Client(id="spa", issuer=URL))},
            "client spa: listed twice",
        ),
        ({"clients": SPA}, f"clients: must be a list, not {SPA!r}"),
        ({"clients": b"spa"}, "clients: must be a list, not b'spa'"),
        ({"clients": ("spa",)}, "clients: 'spa': must be a Client"),
        (
            {"clients": (Client(id="spa", issuer="https://other"),)},
            "client spa: issuer: 'https://other' is not one of the trusted issuers",
        ),
        (
            {"issuers": (ISSUER, issuer(URL + "/2")), "clients": (SPA,)},
            (
                "client spa: issuer: required, as there are several issuers; write it "
                "in the [[clients]] table of a TOML file (in code: its Client)"
            ),
        ),
        (
            {"clients": (Client(id="spa", origins="http://a"),)},
            (
                "client spa: origins: 'http://a': http origins are for loopback only; "
                "use https"
            ),
        ),
        ({"clients_only": "no"}, "clients_only: must be true or false"),
        ({"require_https": 1}, "require_https: must be true or false"),
        ({"origins_claim": ""}, "origins_claim: '': must be a non-empty string"),
        ({"origins_claim": 5}, "origins_claim: 5: must be a non-empty string"),
        ({"public_paths": 1}, "public_paths: must be a list of strings, not 1"),
        ({"public_paths": "x/*"}, "public_paths: path 'x/*': must begin with /"),
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
        ({"optional_paths": ("",)}, f"optional_paths: '': {EMPTY}"),
        ({"optional_paths": "x"}, "optional_paths: path 'x': must begin with /"),
        ({"token_paths": ("",)}, f"token_paths: '': {EMPTY}"),
        ({"token_paths": "x"}, "token_paths: path 'x': must begin with /"),
        ({"revocation_paths": ("",)}, f"revocation_paths: '': {EMPTY}"),
        ({"revocation_paths": "x"}, "revocation_paths: path 'x': must begin with /"),
        ({"scopes": (ScopeRule(path="x"),)}, "scopes: path 'x': must begin with /"),
        ({"scopes": ("GET:/x=y",)}, "scopes: 'GET:/x=y': must be a ScopeRule"),
        ({"scopes": {"/x": "y"}}, "scopes: must be a list, not {'/x': 'y'}"),
        (
            {"token_paths": "/t", "public_paths": "/*"},
            "public_paths: '/*' must not cover the token path '/t'",
        ),
        (
            {"token_paths": "/t", "optional_paths": "/T/"},
            "optional_paths: '/T/' must not cover the token path '/t'",
        ),
        (
            {"revocation_paths": "/t/r", "public_paths": "/t/*"},
            "public_paths: '/t/*' must not cover the revocation path '/t/r'",
        ),
        (
            {"token_paths": "/t", "revocation_paths": "/T"},
            "token_paths: '/t' is also a revocation path",
        ),
        ({"cookie": ""}, "cookie: '' is not a valid cookie name"),
        ({"cookie": "a b"}, "cookie: 'a b' is not a valid cookie name"),
        ({"cookie": "a;"}, "cookie: 'a;' is not a valid cookie name"),
        ({"cookie": 5}, "cookie: 5 is not a valid cookie name"),
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
            "issuer a: audience: set it to this API's identifier, or to `unchecked`",
        ),
        (
            {"relay_url": "https://a/token#x"},
            "relay_url: 'https://a/token#x' has a fragment (#): leave it out",
        ),
        ({"relay_url": b"https://a"}, f"relay_url: b'https://a' {NO_HTTPS}"),
        ({"relay_url": "http://a"}, f"relay_url: 'http://a' {NO_HTTPS}"),
        ({"http_hosts": ("",)}, f"http_hosts: '': {EMPTY}"),
        ({"http_hosts": "http://kc"}, f"http_hosts: 'http://kc' {NO_HOST}"),
        ({"http_hosts": "kc:8080"}, f"http_hosts: 'kc:8080' {NO_HOST}"),
        ({"http_hosts": "-kc"}, f"http_hosts: '-kc' {NO_HOST}"),
        ({"http_hosts": "kc."}, f"http_hosts: 'kc.' {NO_HOST}"),
        ({"http_hosts": "kc/x"}, f"http_hosts: 'kc/x' {NO_HOST}"),
        ({"http_hosts": "fee:80"}, f"http_hosts: 'fee:80' {NO_HOST}"),
        ({"http_hosts": "[::1]"}, f"http_hosts: '[::1]' {NO_HOST}"),
        ({"public_url": ("",)}, f"public_url: '': {EMPTY}"),
        (
            {"public_url": "https://a/"},
            "public_url: 'https://a/' is not a valid origin; write https://a",
        ),
        ({"public_url": "*"}, f"public_url: '*': {NO_WILDCARD}"),
        ({"trusted_proxies": ("",)}, f"trusted_proxies: '': {EMPTY}"),
        ({"trusted_proxies": "proxy"}, f"trusted_proxies: 'proxy' {NO_PROXY}"),
        (
            {"trusted_proxies": "10.0.0.1/8"},
            f"trusted_proxies: '10.0.0.1/8' {IN_NETWORK}",
        ),
        ({"trusted_proxies": ("unix", "*")}, f"trusted_proxies: '*' {NO_PROXY}"),
        (
            {"realm": ""},
            "realm: '': must be printable ASCII without quotes or backslashes",
        ),
        (
            {"realm": 5},
            "realm: 5: must be printable ASCII without quotes or backslashes",
        ),
        (
            {"realm": 'a"'},
            "realm: 'a\"': must be printable ASCII without quotes or backslashes",
        ),
        (
            {"realm": "a\nb"},
            "realm: 'a\\nb': must be printable ASCII without quotes or backslashes",
        ),
        (
            {"realm": "é"},
            "realm: 'é': must be printable ASCII without quotes or backslashes",
        ),
    ],
)
def test_a_wrong_policy_is_refused(wrong: dict[str, Any], message: str) -> None:
    """Every rule of the settings, in code too."""
    assert problems(Policy, **{"issuers": (ISSUER,), **wrong}) == (message,)


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
        message = (
            f"{name}: {wrong!r} is not valid; expected a {kind} of at least {least}"
        )
        assert problems(Policy, **{**good, name: wrong}) == (message,)


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
        "client spa: origins: 'https://A.example/' is not a valid origin; write https://a.example",
        f"client spa: origins: '*': {NO_WILDCARD}",
        "client spa: methods: 'get' is not a valid method; expected one like GET",
        "client spa: max_age: -1 is not valid; expected a whole number of at least 0",
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
        "issuers: 'x': must be a TrustedIssuer",
        "clients: 'spa': must be a Client",
        f"algorithms: 'HS256' is not valid; expected one of {ALGORITHMS}",
        f"algorithms: 'none' is not valid; expected one of {ALGORITHMS}",
        "public_paths: path 'x': must begin with /",
        "leeway: -1 is not valid; expected a number of at least 0",
        "realm: '': must be printable ASCII without quotes or backslashes",
        "cookie: '' is not a valid cookie name",
    )
