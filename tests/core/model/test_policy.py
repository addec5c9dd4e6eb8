"""A policy that exists is a valid one; how it is tidied, and what it starts with."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.model import policy as policy_module
from jwtguard.core.model.profiles import GENERIC, KEYCLOAK
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.core.model.url_values import fetchable
from jwtguard.testing import JWTIssuer

URL = "https://issuer.example"
ISSUER = TrustedIssuer(url=URL, audience="api")


def policy(**settings: Any) -> Policy:
    return Policy(**{"issuers": (ISSUER,), **settings})


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


def test_method_header_and_cookie_names_are_tokens() -> None:
    """RFC 9110 section 5.6.2: every character of a token, and no other."""
    name = "!#$%&'*+-.^_`|~059AMZ"
    assert Client(id="x", methods=name).methods == (name,)
    assert Client(id="x", headers=name + "amz").headers == (name + "amz",)
    assert policy(cookie=name + "amz").cookie == name + "amz"
    for separator in '"(),/:;<=>?@[\\]{} \t\x7fé':
        with pytest.raises(ConfigurationError):
            policy(cookie=f"a{separator}b")


def test_a_client_starts_at_the_strict_end() -> None:
    """No origin, no refresh, no cookie; preflights are cached for ten minutes."""
    made = Client(id="x")
    assert (made.issuer, made.origins, made.headers) == (None, frozenset(), ())
    assert (made.refresh, made.credentials, made.max_age) == (False, False, 600)


# Issuers.


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
    assert policy(issuers=(one, TrustedIssuer(url="https://x", audience="api")))


@pytest.mark.parametrize("kidless", ["one", "try", "never"])
def test_tokens_without_kid_are_met_in_three_ways(kidless: str) -> None:
    """One key that fits, several that are tried, or none at all."""
    assert TrustedIssuer(url=URL, kidless=kidless).rules.kidless == kidless


def test_what_is_listed_for_an_issuer_is_kept_as_a_set() -> None:
    """One string is a list of one."""
    made = TrustedIssuer(url=URL, audience="api", algorithms=["RS256", "RS256"])
    assert made.audience == frozenset({"api"})
    assert made.algorithms == frozenset({"RS256"})


# The policy.


def test_a_policy_needs_only_an_issuer_and_an_audience() -> None:
    """Everything else starts at the strict end."""
    made = policy()
    assert made.require_https is True
    assert made.clients_only is False
    assert made.algorithms == {
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
        "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
    }  # fmt: skip
    for name in (
        "clients", "public_paths", "optional_paths", "scopes", "token_paths",
        "revocation_paths", "public_url", "trusted_proxies", "proxies", "http_hosts",
    ):  # fmt: skip
        assert not getattr(made, name)
    for name in (
        "audience", "cookie", "origins_claim", "relay_url", "relay_client_secret",
        "relay_limit_storage",
    ):  # fmt: skip
        assert getattr(made, name) is None
    assert (made.leeway, made.keys_max_age, made.keys_stale_for) == (30, 600, 86400)
    assert (made.keys_cooldown, made.token_cache) == (10, 4096)
    assert (made.max_token_bytes, made.max_body_bytes) == (16384, 65536)
    assert made.relay_limit == "5/minute"
    assert (made.state, made.state_prefix, made.state_timeout, made.secrets) == (
        "memory://",
        "jwtguard",
        0.25,
        (),
    )
    assert made.realm == "api"
    assert policy(audience="unchecked").audience == "unchecked"


def test_the_typed_constructor_has_every_field_with_its_default() -> None:
    """Type checkers and editors see that one, and not the fields."""
    tree = ast.parse(Path(policy_module.__file__).read_text("utf-8"))
    (typed,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    shown = dict(zip(typed.args.kwonlyargs, typed.args.kw_defaults, strict=True))
    known = {one.name: one.default for one in fields(Policy) if one.init}
    assert sorted(one.arg for one in shown) == sorted(known)
    for argument, default in shown.items():
        if isinstance(default, ast.Constant):
            assert known[argument.arg] == default.value, argument.arg


def test_hosts_of_plain_http_are_names_or_addresses() -> None:
    """As they stand in a URL, less brackets and port."""
    hosts = ("keycloak", "KEYCLOAK.internal", "a-b_9", "10.0.0.7", "fd00::7", "::1")
    assert policy(http_hosts=hosts).http_hosts == {
        "keycloak", "keycloak.internal", "a-b_9", "10.0.0.7", "fd00::7", "::1",
    }  # fmt: skip


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


def test_http_origins_are_for_loopback_unless_https_is_off() -> None:
    """Tokens would travel over plain HTTP."""
    plain = Client(id="spa", origins=("http://a.example",))
    assert policy(clients=(plain,), require_https=False)
    assert policy(clients=(Client(id="spa", origins=("http://localhost:3000",)),))
    assert policy(clients=(Client(id="spa", origins=("capacitor://localhost",)),))


@pytest.mark.parametrize(
    "found",
    [
        {"keys": JWTIssuer(alg="ES256").jwks()},
        {"jwks_url": "https://keys.example"},
        {"discovery_url": "https://meta.example"},
    ],
)
def test_an_issuer_whose_keys_are_elsewhere_has_any_name(found: Any) -> None:
    """Nothing is fetched from its name then."""
    assert policy(issuers=(TrustedIssuer(url="urn:x", audience="api", **found),))


def test_a_relay_may_use_plain_http_where_it_was_allowed() -> None:
    """As for keys: https, or a host that was named knowingly."""
    assert policy(relay_url="https://a.example/token")
    assert policy(relay_url="http://keycloak:8080/token", http_hosts="keycloak")


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


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"login_url": "login"}, "login_url: 'login' is not valid"),
        ({"login_url": "//evil.example"}, "login_url: '//evil.example' is not valid"),
        ({"login_url": "https://id.example/login"}, "expected the path of a page"),
        ({"login_url": "/login?x=1"}, "without query or fragment"),
        ({"login_url": "/*"}, "expected the path of a page"),
        ({"login_url": 5}, "login_url: 5 is not valid"),
        (
            {"login_url": "/oauth/token", "token_paths": "/oauth/*"},
            "login_url: '/oauth/token' is also a token path",
        ),
        (
            {"login_url": "/login", "scopes": [ScopeRule(path="/*", require="a")]},
            "login_url: '/login' needs the scope of the rule '/*'",
        ),
    ],
)
def test_the_login_page_is_open_to_all(settings: Any, problem: str) -> None:
    """Else the guard would send visitors there, and back, for ever."""
    with pytest.raises(ConfigurationError) as caught:
        policy(**settings)
    assert problem in str(caught.value)


def test_a_login_page_under_a_rule_without_scopes() -> None:
    """Such a rule names paths that any token reaches; the login page stays public."""
    rules = [
        ScopeRule(path="/*"),
        ScopeRule(path="/login", methods="POST", require="a"),
        ScopeRule(path="/admin/*", require="admin"),
    ]
    made = policy(login_url="/login", scopes=rules)
    assert made.login_url == "/login"


def test_sessions_without_issuers_are_one_problem_less() -> None:
    """That issuers are missing is said; that none of them is the session's is not."""
    with pytest.raises(ConfigurationError) as caught:
        policy(issuers=(), session_client="www", session_issuer=URL)
    assert "session_issuer" not in str(caught.value)
    assert "issuers: at least one is needed" in str(caught.value)
