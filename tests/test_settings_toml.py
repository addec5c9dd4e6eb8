"""Settings in a TOML file, and beside variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from jwtguard import (
    Client,
    ConfigurationError,
    TrustedIssuer,
    load_policy,
)
from tests.settings_support import BASE, problem, problems, written


def test_names_in_code_and_toml_are_not_json(tmp_path: Path) -> None:
    """The same kind of mistake, wherever it is made."""
    file = written(tmp_path, """audience = ['["https://api.example.com"]']""")
    environ = {"JWTGUARD_ISSUER": "https://id.example.com", **file}
    assert any("JSON is not read" in text for text in problems(environ))
    for made in (
        lambda: TrustedIssuer(url='"https://id.example.com"'),
        lambda: Client(id='["spa"]'),
        lambda: Client(id="spa", origins=['"https://a.example"']),
    ):
        with pytest.raises(ConfigurationError, match="write"):
            made()


TOML = """
audience = ["https://api.example.com"]
public_paths = ["/healthz", "/static/*"]
leeway = 5

[[issuers]]
url = "https://id.example.com/realms/main"
profile = "keycloak"
jwks_url = "https://id.internal.example/realms/main/certs"

[[issuers]]
url = "https://other.example.com"
audience = "unchecked"

[[clients]]
id = "spa"
issuer = "https://id.example.com/realms/main"
origins = ["https://www.example.com"]
refresh = true
methods = ["GET", "POST"]
headers = ["X-Request-ID"]

[[scopes]]
path = "/notes/*"
methods = ["GET"]
require = ["notes:read"]
"""


def test_toml_says_the_same_and_more(tmp_path: Path) -> None:
    """Issuers, clients and scopes have tables; a variable overrides the file."""
    environ = written(tmp_path, TOML)
    policy = load_policy({**environ, "JWTGUARD_LEEWAY": "7"})
    assert policy.leeway == 7
    main, other = policy.issuers
    assert (main.profile, other.audience) == ("keycloak", "unchecked")
    (spa,) = policy.clients
    assert (spa.methods, spa.headers, spa.refresh) == (
        ("GET", "POST", "HEAD"),
        ("X-Request-ID",),
        True,
    )


def test_a_variable_overrides_what_the_file_says_of_an_issuer(tmp_path: Path) -> None:
    """The deployment knows better than the image; nothing is dropped in silence."""
    table = """
    profile = "okta"
    jwks_url = "https://top.example.com"
    [[issuers]]
    url = "https://id.example.com"
    profile = "keycloak"
    audience = "file"
    algorithms = ["RS256"]
    jwks_url = "https://file.example.com"
    """
    environ = written(tmp_path, table)
    (issuer,) = load_policy(environ).issuers
    assert (issuer.profile, issuer.jwks_url) == ("keycloak", "https://file.example.com")
    policy = load_policy(
        {
            **environ,
            "JWTGUARD_PROFILE": "auth0",
            "JWTGUARD_JWKS_URL": "https://here.example.com",
            "JWTGUARD_AUDIENCE": "here",
            "JWTGUARD_ALGORITHMS": "ES256",
        }
    )
    (issuer,) = policy.issuers
    assert (issuer.profile, issuer.jwks_url) == ("auth0", "https://here.example.com")
    assert (issuer.audience, policy.audience) == (None, frozenset({"here"}))
    assert (issuer.algorithms, policy.algorithms) == (None, frozenset({"ES256"}))


def test_a_wrong_issuer_table_names_its_issuer(tmp_path: Path) -> None:
    """With several, the name of a variable would not say which."""
    table = "[[issuers]]\nurl = 'https://a.example'\naudience = 'x'\njwks_url = 5\n"
    (text,) = problems(written(tmp_path, table))
    assert "https://a.example: jwks_url: 5" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leeway = nan", "leeway: nan is not valid"),
        ("cookie = 'a b'", "cookie: 'a b' is not a valid cookie name"),
        ("public_paths = ['x']", "public_paths: path 'x': must begin with /"),
        ("refresh_clients = ['spa']", "refresh_clients: 'spa' is not listed"),
        ("profile = 'x'", "profile: 'x' is not valid"),
        ("jwks_url = 'http://keys.example'", "jwks_url: 'http://keys.example' is not"),
        ("[[clients]]\nid = 'spa'\nmax_age = -1", "[[clients]]: spa: max_age: -1 is"),
        ("[[clients]]\nid = 'spa'\norigin = 'x'", "[[clients]]: spa: origin: no such"),
        ("[[clients]]\nid = 'a'\n[[clients]]\nids = 'b'", "[[clients]]: number 2: id"),
        ("[[clients]]\nid = 'spa'\nissuer = 'x'", "[[clients]]: spa: issuer: 'x' is"),
        ("[[scopes]]\npath = '/a'\nmethods = 5", "[[scopes]]: /a: methods: must be"),
    ],
)
def test_a_mistake_in_toml_is_placed_in_toml(
    tmp_path: Path, text: str, message: str
) -> None:
    """File, table and member: no variable is blamed that nobody has set."""
    environ = written(tmp_path, text)
    found = problems({**BASE, **environ})
    place = environ["JWTGUARD_CONFIG"]
    assert any(one.startswith(f"{place}: {message}") for one in found), found
    assert all(one.startswith(place) for one in found), found


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("jwks_url = 5", "jwks_url: 5: must be a non-empty string"),
        (
            "jwks_url = 'http://k.example'",
            "jwks_url: 'http://k.example' is not a valid",
        ),
        ("audience = []", "audience: at least one is needed"),
        ("kidless = 'all'", "kidless: 'all' is not valid"),
        ("issuer = 'x'", "issuer: no such member"),
    ],
)
def test_a_mistake_in_an_issuers_table_names_the_table(
    tmp_path: Path, member: str, message: str
) -> None:
    """Unless a variable says the same thing: then the variable is at fault."""
    table = f"[[issuers]]\nurl = 'https://a.example'\naudience = 'x'\n{member}\n"
    table = table.replace("audience = 'x'\naudience", "audience")
    environ = written(tmp_path, table)
    found = problems(environ)
    place = f"{environ['JWTGUARD_CONFIG']}: [[issuers]]: https://a.example: "
    assert found[0].startswith(place + message), found
    assert all(one.startswith(place) for one in found), found


def test_a_variable_over_a_table_is_blamed_itself(tmp_path: Path) -> None:
    """What the file says of the same thing does not count."""
    table = "[[issuers]]\nurl = 'https://a.example'\naudience = 'x'\n"
    environ = written(tmp_path, table + "jwks_url = 'https://a.example/keys'\n")
    (text,) = problems({**environ, "JWTGUARD_JWKS_URL": "http://k.example"})
    assert text.startswith("JWTGUARD_JWKS_URL: 'http://k.example' is not a valid")
    (text,) = problems({**environ, "JWTGUARD_PROFILE": "x"})
    assert text.startswith("JWTGUARD_PROFILE: 'x' is not valid")


def test_a_variable_that_names_a_file_is_blamed_by_its_own_name(tmp_path: Path) -> None:
    """Where a value was found is where a person looks."""
    path = tmp_path / "cookie"
    path.write_text("a b")
    assert problem(COOKIE_FILE=str(path)).startswith("JWTGUARD_COOKIE_FILE: 'a b'")


def test_each_knob_of_an_issuer_is_in_toml(tmp_path: Path) -> None:
    """With the same name and meaning as in code."""
    table = """
    [[issuers]]
    url = "https://id.example.com"
    profile = "okta"
    audience = ["a", "b"]
    discovery_url = "https://meta.example.com"
    jwks_url = "https://keys.example.com"
    algorithms = ["ES256"]
    header_types = ["at+jwt", "absent"]
    client_claims = ["cid"]
    scope_claims = ["https://id.example.com/scopes"]
    role_claims = ["realm_access.roles"]
    subject_claim = "uid"
    require = ["exp", "iss"]
    kidless = "try"
    max_lifetime = 3600
    mark = { kind = "access", version = 2, live = true }
    roles_from = "keys"
    keys_authorization = "Bearer of-the-issuer"
    [issuers.expect]
    token_use = "access"
    """
    (issuer,) = load_policy(written(tmp_path, table)).issuers
    assert issuer == TrustedIssuer(
        url="https://id.example.com",
        profile="okta",
        audience=("a", "b"),
        discovery_url="https://meta.example.com",
        jwks_url="https://keys.example.com",
        algorithms=("ES256",),
        header_types=("at+jwt", ""),
        client_claims=("cid",),
        scope_claims=("https://id.example.com/scopes",),
        role_claims=("realm_access.roles",),
        subject_claim="uid",
        require=("exp", "iss"),
        kidless="try",
        max_lifetime=3600,
        mark={"kind": "access", "version": 2, "live": True},
        roles_from="keys",
        keys_authorization="Bearer of-the-issuer",
        expect={"token_use": "access"},
    )


def test_issuers_in_two_places_are_an_error(tmp_path: Path) -> None:
    """Nobody should have to guess which of them counts."""
    environ = written(tmp_path, TOML)
    found = problems({**environ, "JWTGUARD_ISSUER": "https://id.example.com"})
    assert any("keep one" in text for text in found)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("audiance = 'x'", "did you mean audience"),
        ("algorithms = []", "must not be empty"),
        ("audience = []", "must not be empty"),
        ("public_paths = ['']", "non-empty strings"),
        ("leeway = -1", "non-negative"),
        ("leeway = '30'", "must be a number"),
        ("clients_only = 'true'", "must be true or false"),
        ("token_cache = true", "whole number"),
        ("cookie = ''", "empty"),
        ("clients = ['spa']", "[[clients]]"),
        ("issuers = []", "[[issuers]]"),
        ("issuer = ''", "non-empty strings"),
        ("issuer = 'https://a.example'\n[[issuers]]\nurl = 'x'", "keep one"),
        ("keys = 5", "(secret)"),
        ("scopes = 5", "[[scopes]]"),
        ("leeway = nan", "expected a number"),
        ("broken = ", "jwtguard.toml"),
    ],
)
def test_toml_values_have_their_types(tmp_path: Path, line: str, message: str) -> None:
    """A value of the wrong type, an empty one, or an unknown key is refused."""
    found = problems({**BASE, **written(tmp_path, line)})
    assert any(message in text for text in found), found


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[[clients]]\nid = 'spa'\norigin = ['https://a.example']", "origins"),
        ("[[clients]]\norigins = []", "member is missing"),
        ("[[clients]]\nid = ''", "id: must be a non-empty string"),
        ("[[clients]]\nid = 'spa'\nrefresh = 'yes'", "true or false"),
        (
            "[[clients]]\nid = 'spa'\nissuer = 'https://no.example'",
            "not one of the trusted issuers",
        ),
        ("[[scopes]]\npath = '/a'\nrequire = ['a b']", "a b"),
        ("[[scopes]]\npath = 'a'", "must begin with /"),
        ("[[scopes]]\npath = 5", "path: 5: must be a string"),
        ("[[scopes]]\npath = '/a'\nmethods = 5", "must be a list, not 5"),
        ("[[scopes]]\nrequire = []", "path: a member is missing"),
        ("[[clients]]\nid = 5", "id: must be a non-empty string"),
        (
            "[[clients]]\nid = 'spa'\norigins = 'https://a.example/'",
            "not a valid origin",
        ),
    ],
)
def test_toml_tables_are_checked(tmp_path: Path, table: str, message: str) -> None:
    """A table's members are checked like everything else."""
    found = problems({**BASE, **written(tmp_path, table)})
    assert any(message in text for text in found), found


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            '[[issuers]]\nurl = "https://i.example"\nrequire = ["exp", "sub"]',
            "[[issuers]]: https://i.example: require: without iss",
        ),
        ('[[clients]]\nid = "spa"\norigins = ["*"]', "[[clients]]: "),
        ('[[scopes]]\npath = "/notes"\nneeds = ["read"]', "[[scopes]]: /notes: needs"),
    ],
)
def test_what_is_wrong_in_a_table_is_not_blamed_on_a_variable(
    tmp_path: Path, table: str, message: str
) -> None:
    """Somebody who has no JWTGUARD_ISSUER set does not look for it."""
    environ = written(tmp_path, f'audience = "a"\n{table}')
    if "issuers" not in table:
        environ["JWTGUARD_ISSUER"] = "https://i.example"
    (text,) = problems(environ)
    assert text.startswith(f"{environ['JWTGUARD_CONFIG']}: {message}")


def test_what_is_wrong_in_a_variable_is_blamed_on_it(tmp_path: Path) -> None:
    """Also where the file has tables of the same name."""
    environ = written(tmp_path, 'audience = "a"\n[[clients]]\nid = "spa"')
    environ |= {"JWTGUARD_ISSUER": "https://i.example", "JWTGUARD_CLIENTS": "spa=null"}
    (text,) = problems(environ)
    assert text.startswith("JWTGUARD_CLIENTS: ")


def test_with_several_issuers_a_client_names_its_own(tmp_path: Path) -> None:
    """A client belongs to one issuer: its id alone says nothing."""
    issuers = "https://a.example https://b.example"
    found = problems({**BASE, "JWTGUARD_ISSUER": issuers, "JWTGUARD_CLIENTS": "spa"})
    assert any("[[clients]]" in text for text in found)
    found = problems(
        {**BASE, "JWTGUARD_ISSUER": issuers, "JWTGUARD_JWKS_URL": "https://a.example/j"}
    )
    assert any("one issuer only" in text for text in found)


def test_what_is_missing_has_the_name_of_its_variable() -> None:
    """Where the issuer stands in a variable; in a file it is a member of the table."""
    first, second = problems(BASE | {"JWTGUARD_INTROSPECT": "opaque"})
    assert first.startswith("JWTGUARD_INTROSPECT_CLIENT_ID: required: ")
    assert second.startswith("JWTGUARD_INTROSPECT_CLIENT_SECRET: required ")
