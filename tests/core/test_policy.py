"""A policy that exists is a valid one, and a wrong one says everything at once."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.paths import ScopeRule
from jwtguard.core.profiles import GENERIC, KEYCLOAK
from jwtguard.core.values import fetchable
from jwtguard.testing import JWTIssuer

URL = "https://issuer.example"
ISSUER = TrustedIssuer(url=URL, audience="api")


def policy(**settings: Any) -> Policy:
    return Policy(**{"issuers": (ISSUER,), **settings})


def problems(kind: Any, **settings: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        kind(**settings)
    assert caught.value.problems
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


# Clients.


def test_a_client_is_tidied() -> None:
    """GET includes HEAD, nothing is there twice, one string is a list of one."""
    made = Client(id="spa", origins="https://a.example", methods=["GET", "GET"])
    assert made.origins == {"https://a.example"}
    assert made.methods == ("GET", "HEAD")
    assert Client(id="x", methods=("HEAD", "GET")).methods == ("HEAD", "GET")
    assert Client(id="x", methods="POST").methods == ("POST",)
    assert Client(id="x").methods == ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    assert Client(id="x", headers=("A", "A")).headers == ("A",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": None},
        {"issuer": ""},
        {"issuer": [URL]},
        {"origins": ("",)},
        {"origins": (1,)},
        {"origins": 1},
        {"origins": b"https://a"},
        {"origins": {"https://a": 1}},
        {"origins": ("*",)},
        {"origins": ("null",)},
        {"origins": ("https://a/",)},
        {"origins": ("https://A.example",)},
        {"origins": ("https://a:443",)},
        {"origins": ("https://u@a",)},
        {"origins": ("https://a", "https://*.a")},
        {"methods": ("get",)},
        {"methods": ("",)},
        {"methods": ("GET POST",)},
        {"methods": ("GÉT",)},
        {"headers": ("*",)},
        {"headers": ("X Y",)},
        {"headers": ("X:",)},
        {"headers": ("X\n",)},
        {"refresh": "true"},
        {"refresh": 1},
        {"credentials": None},
        {"max_age": -1},
        {"max_age": "600"},
        {"max_age": True},
        {"max_age": 1.5},
        {"max_age": float("nan")},
        {"max_age": float("inf")},
    ],
)
def test_a_wrong_client_is_no_client(wrong: dict[str, Any]) -> None:
    """Every field is checked, its type included."""
    assert len(problems(Client, **{"id": "spa", **wrong})) == 1


def test_all_problems_of_a_client_are_told_at_once() -> None:
    """With the value, and what would be right."""
    told = problems(
        Client,
        id="spa",
        origins=("https://A.example/", "*"),
        methods=("get",),
        max_age=-1,
    )
    assert len(told) == 4
    assert "write https://a.example" in told[0]
    assert "like https://www.example.com" in told[1]


# Issuers.


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""},
        {"url": None},
        {"profile": "x"},
        {"audience": ()},
        {"audience": ""},
        {"audience": ("",)},
        {"audience": ("api", "unchecked")},
        {"audience": 1},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("none",)},
        {"algorithms": ("rs256",)},
        {"algorithms": ("RS256", "")},
        {"discovery_url": ""},
        {"jwks_url": ""},
        {"keys": ""},
        {"keys": {}},
        {"keys": 5},
        {"keys": ["x"]},
        {"keys": "nonsense"},
        {"keys": {"keys": []}},
        {"keys": {"kty": "oct", "k": "AA"}},
        {"subject_claim": ""},
        {"jwks_url": "https://a", "keys": JWTIssuer(alg="ES256").jwks()},
        {"jwks_url": 5},
        {"discovery_url": 5},
        {"subject_claim": 5},
        {"profile": 5},
        {"profile": "x", "require": ("exp",)},
        {"expect": {"a": 1}},
        {"expect": {1: "a"}},
        {"expect": "a=b"},
        {"client_claims": ("",)},
        {"scope_claims": 1},
        {"role_claims": (1,)},
        {"require": ("",)},
        {"header_types": (1,)},
        {"header_types": 1},
        {"kidless": "all"},
        {"kidless": ""},
        {"max_lifetime": 0},
        {"max_lifetime": "60"},
        {"require": ("exp",)},
    ],
)
def test_a_wrong_issuer_is_no_issuer(wrong: dict[str, Any]) -> None:
    """Symmetric algorithms and unusable keys included."""
    assert problems(TrustedIssuer, **{"url": URL, **wrong})


def test_keys_are_not_shown() -> None:
    """Not in a repr that ends in a log."""
    given = JWTIssuer(alg="ES256").jwks()
    made = TrustedIssuer(url=URL, keys=given)
    assert given["keys"][0]["x"] not in repr(made)


def test_what_is_set_replaces_what_the_profile_says() -> None:
    """And nothing else."""
    made = TrustedIssuer(url=URL, profile="keycloak", scope_claims="scp", expect={})
    assert made.rules.scope_claims == ("scp",)
    assert made.rules.expect == {}
    assert made.rules.client_claims == KEYCLOAK.client_claims
    assert TrustedIssuer(url=URL, profile=GENERIC).rules == GENERIC


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("JWT", "absent"), {"jwt", ""}),
        (("at+JWT", ""), {"at+jwt", ""}),
        ("JWT", {"jwt"}),
        ("absent", {""}),
    ],
)
def test_header_types_are_read_without_case(given: Any, expected: set[str]) -> None:
    """``absent`` stands for none; one string is one type, not its letters."""
    assert TrustedIssuer(url=URL, header_types=given).rules.header_types == expected


def test_tokens_without_iss_need_given_keys() -> None:
    """Else anybody's keys would do."""
    keys = JWTIssuer(alg="ES256").jwks()
    settings: dict[str, Any] = {"require": ("exp", "sub"), "keys": keys}
    one = TrustedIssuer(url=URL, audience="api", **settings)
    two = TrustedIssuer(url=URL + "/2", audience="api", **settings)
    assert policy(issuers=(one, ISSUER.__class__(url="https://x", audience="api")))
    assert "only one" in problems(Policy, issuers=(one, two))[0]


# The policy.


def test_a_policy_needs_only_an_issuer_and_an_audience() -> None:
    """Everything else starts at the strict end."""
    made = policy()
    assert made.require_https
    assert not made.clients_only
    assert made.cookie is None
    assert made.public_paths == ()
    assert "HS256" not in made.algorithms
    assert made.public_url == frozenset()
    assert policy(audience="unchecked").audience == "unchecked"


SPA = Client(id="spa", origins=("https://a.example",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuers": ()},
        {"issuers": ISSUER},
        {"issuers": (URL,)},
        {"issuers": "x"},
        {"issuers": (ISSUER, ISSUER)},
        {"issuers": (TrustedIssuer(url=URL),)},
        {"issuers": (TrustedIssuer(url="http://a.example", audience="x"),)},
        {"issuers": (TrustedIssuer(url="urn:x", audience="x"),)},
        {"issuers": (TrustedIssuer(url=URL, audience="x", jwks_url="http://a"),)},
        {"issuers": (TrustedIssuer(url=URL, audience="x", discovery_url="ftp://a"),)},
        {"audience": ()},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"leeway": -1},
        {"leeway": True},
        {"leeway": float("nan")},
        {"leeway": float("inf")},
        {"clients": (SPA, SPA)},
        {"clients": SPA},
        {"clients": ("spa",)},
        {"clients": (Client(id="spa", issuer="https://other"),)},
        {"clients": (Client(id="spa", origins=("http://a.example",)),)},
        {"clients_only": "no"},
        {"require_https": 1},
        {"origins_claim": ""},
        {"origins_claim": 5},
        {"public_paths": ("static/*",)},
        {"public_paths": ("/static*",)},
        {"public_paths": ("/%61",)},
        {"optional_paths": ("",)},
        {"scopes": (ScopeRule(path="x"),)},
        {"scopes": ("GET:/x=y",)},
        {"scopes": {"/x": "y"}},
        {"token_paths": ("/t",), "public_paths": ("/*",)},
        {"token_paths": ("/t",), "optional_paths": ("/T/",)},
        {"revocation_paths": ("/t/r",), "public_paths": ("/t/*",)},
        {"token_paths": ("/t",), "revocation_paths": ("/T",)},
        {"max_body_bytes": 0},
        {"cookie": ""},
        {"cookie": "a b"},
        {"cookie": "a;"},
        {"cookie": 5},
        {"relay_url": 5},
        {"relay_url": b"https://a.example"},
        {"http_hosts": ("http://keycloak",)},
        {"http_hosts": ("keycloak:8080",)},
        {"http_hosts": ("fee:80",)},
        {"http_hosts": ("[::1]",)},
        {"public_url": ("https://a/",)},
        {"public_url": ("*",)},
        {"trusted_proxies": ("proxy",)},
        {"trusted_proxies": ("10.0.0.1/8",)},
        {"trusted_proxies": ("*",)},
        {"realm": ""},
        {"realm": 'a"'},
        {"realm": "a\nb"},
        {"realm": "é"},
        {"relay_url": "http://a.example"},
        {"keys_max_age": 0},
        {"keys_stale_for": -1},
        {"keys_cooldown": -1},
        {"token_cache": -1},
        {"token_cache": 1.5},
        {"max_body_bytes": 1.5},
        {"max_token_bytes": 0},
    ],
)
def test_a_wrong_policy_is_no_policy(wrong: dict[str, Any]) -> None:
    """Every rule of the settings, in code too."""
    assert len(problems(Policy, **{"issuers": (ISSUER,), **wrong})) == 1


def test_all_problems_of_a_policy_are_told_at_once() -> None:
    """Not one at each start."""
    told = problems(
        Policy,
        issuers=(ISSUER, "x"),
        algorithms=("HS256",),
        leeway=-1,
        realm="",
        cookie="",
        public_paths=("x",),
    )
    assert len(told) == 6


@pytest.mark.parametrize("name", ["public_paths", "optional_paths"])
def test_a_pattern_over_a_token_path_is_told_under_its_own_setting(name: str) -> None:
    """So that a person looks for it in the right line."""
    (told,) = problems(
        Policy, issuers=(ISSUER,), token_paths=("/t",), **{name: ("/t",)}
    )
    assert told.startswith(f"{name}: ")


def test_hosts_of_plain_http_are_names_or_addresses() -> None:
    """As they stand in a URL, less brackets and port."""
    hosts = ("keycloak", "KEYCLOAK.internal", "10.0.0.7", "fd00::7", "::1")
    assert "keycloak.internal" in policy(http_hosts=hosts).http_hosts


def test_keys_and_metadata_may_be_in_two_places() -> None:
    """The keys come from one, the token endpoint from the other."""
    made = TrustedIssuer(
        url=URL, jwks_url="https://keys.example", discovery_url="https://meta.example"
    )
    assert (made.jwks_url, made.discovery_url) == (
        "https://keys.example",
        "https://meta.example",
    )


def test_several_issuers_need_clients_that_name_theirs() -> None:
    """One id may be listed under each."""
    two = TrustedIssuer(url=URL + "/2", audience="api")
    clients = (Client(id="spa", issuer=URL), Client(id="spa", issuer=two.url))
    assert policy(issuers=(ISSUER, two), clients=clients)
    assert "several" in problems(Policy, issuers=(ISSUER, two), clients=(SPA,))[0]


def test_http_origins_are_for_loopback_unless_https_is_off() -> None:
    """Tokens would travel over plain HTTP."""
    plain = Client(id="spa", origins=("http://a.example",))
    assert policy(clients=(plain,), require_https=False)
    assert policy(clients=(Client(id="spa", origins=("http://localhost:3000",)),))
    assert policy(clients=(Client(id="spa", origins=("capacitor://localhost",)),))


def test_given_keys_need_no_url_that_can_be_fetched() -> None:
    """The issuer's name may then be any text."""
    keys = JWTIssuer(alg="ES256").jwks()
    assert policy(issuers=(TrustedIssuer(url="urn:x", audience="api", keys=keys),))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/keys", True),
        ("https://a.example:8443", True),
        ("http://localhost:8080/realms/x", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:1/x", True),
        ("http://keycloak:8080/x", True),
        ("http://KEYCLOAK/x", True),
        ("http://keycloak.evil.example", False),
        ("http://a.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://localhost:80@evil.example", False),
        ("http://evil.example#@localhost", False),
        ("http://evil.example\\@localhost", False),
        ("http://[::1].evil.example/x", False),
        ("https://user:pw@a.example", False),
        ("https://a.example/#x", False),
        ("https:///x", False),
        ("https://a.example ", False),
        ("https://a.example/\n", False),
        ("https://[::1", False),
        ("https://a.example:x", False),
        ("ftp://a.example", False),
        ("file:///etc/passwd", False),
        ("a.example", False),
        ("", False),
    ],
)
def test_keys_come_over_https_or_from_this_machine(url: str, expected: bool) -> None:
    """Or from a host that was named knowingly; look-alikes do not pass."""
    assert fetchable(url, frozenset({"keycloak"})) is expected


def test_proxies_are_parsed_once() -> None:
    """Addresses, networks, and the word for a socket."""
    made = policy(trusted_proxies=("10.0.0.0/8", "::1", "unix"))
    assert [str(p) for p in made.proxies] == ["10.0.0.0/8", "::1/128", "unix"]


def test_secrets_are_not_shown() -> None:
    """A policy may be logged."""
    made = policy(relay_client_secret="hush", relay_limit_storage="redis://:pw@h")
    assert "hush" not in repr(made)
    assert "pw" not in repr(made)
