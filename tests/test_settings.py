"""``load_policy``: what a person may write, and what they are told when it is wrong."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import (
    Client,
    ConfigurationError,
    Policy,
    ScopeRule,
    TrustedIssuer,
    load_policy,
)
from jwtguard.options import SETTINGS
from tests.settings_support import BASE, problem, problems, written


def load(**settings: str) -> Policy:
    """Load the base settings and these; names without their prefix."""
    return load_policy(BASE | {f"JWTGUARD_{k}": v for k, v in settings.items()})


def test_issuer_and_audience_are_enough() -> None:
    """Two variables make a policy, with the documented defaults."""
    policy = load_policy(BASE)
    (issuer,) = policy.issuers
    assert issuer.url == "https://id.example.com"
    assert policy.audience == frozenset({"https://api.example.com"})
    assert (policy.leeway, policy.keys_max_age, policy.keys_stale_for) == (
        30,
        600,
        86400,
    )
    assert (policy.keys_cooldown, policy.token_cache) == (10, 4096)
    assert (policy.max_token_bytes, policy.max_body_bytes) == (16384, 65536)
    assert (policy.realm, policy.require_https, policy.cookie) == ("api", True, None)


def test_all_problems_are_told_at_once() -> None:
    """A person mends everything in one go, not one thing at a time."""
    found = problems(
        {
            "JWTGUARD_ISSUR": "https://id.example.com",
            "JWTGUARD_LEEWAY": "soon",
            "JWTGUARD_REQUIRE_HTTPS": "yes",
            "JWTGUARD_CLIENTS": "spa=",
        }
    )
    text = "\n".join(found)
    for name in ("ISSUR", "ISSUER", "AUDIENCE", "LEEWAY", "REQUIRE_HTTPS", "CLIENTS"):
        assert f"JWTGUARD_{name}" in text
    assert "did you mean JWTGUARD_ISSUER?" in text
    assert "'soon'" in text


def test_no_problem_hides_another() -> None:
    """Issuer, values, patterns and clients are wrong: one run tells all of it."""
    wrong = {
        "PROFILE": "okto",
        "ALGORITHMS": "HS256",
        "PUBLIC_PATHS": "healthz",
        "KEYS_MAX_AGE": "0",
        "COOKIE": "a b",
        "CLIENTS": "spa=http://www.example.com",
        "TRUSTED_PROXIES": "proxy",
        "LEEWAY": "soon",
        "NOTHING": "x",
    }
    found = problems(BASE | {f"JWTGUARD_{k}": v for k, v in wrong.items()})
    assert sorted(text.partition(":")[0] for text in found) == sorted(
        f"JWTGUARD_{name}" for name in wrong
    )
    alone = problems({"JWTGUARD_PUBLIC_PATHS": "healthz"})
    assert sorted(text.partition(":")[0] for text in alone) == [
        "JWTGUARD_AUDIENCE",
        "JWTGUARD_ISSUER",
        "JWTGUARD_PUBLIC_PATHS",
    ]


@pytest.mark.parametrize("name", ["JWTGUARD_SERVICE_HOST", "JWTGUARD_PORT_80_TCP"])
def test_variables_that_kubernetes_sets_are_ignored(name: str) -> None:
    """A service called jwtguard adds variables of its own; they are not ours."""
    load_policy({**BASE, name: "10.0.0.1"})


def test_an_empty_variable_means_unset() -> None:
    """Compose files and shells set empty variables; that is no value."""
    assert load(COOKIE="", LEEWAY="").leeway == 30


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AUDIENCE", "a,b", "spaces"),
        ("PUBLIC_PATHS", "/a,/b", "spaces"),
        ("CLIENTS_ONLY", "True", "write true, in lower case"),
        ("CLIENTS_ONLY", "yes", "true or false"),
        ("LEEWAY", "30s", "without a unit"),
        ("AUDIENCE", "*", "audiences are compared exactly"),
        ("AUDIENCE", '"My API"', 'write it in a TOML file, as ["My API"]'),
        ("CLIENTS", "*", "client ids are compared exactly"),
        ("LEEWAY", "-1", "non-negative"),
        ("LEEWAY", "1e999", "non-negative"),
        ("LEEWAY", "1_0", "non-negative"),
        ("TOKEN_CACHE", "1.5", "whole number"),
        ("KEYS_MAX_AGE", "0", "at least 1"),
        ("ALGORITHMS", "HS256", "HS256"),
        ("ALGORITHMS", "none", "none"),
        ("PROFILE", "okto", "okto"),
        ("PUBLIC_PATHS", "healthz", "must begin with /"),
        ("PUBLIC_PATHS", "/a*b", "* stands for one whole segment"),
        ("SCOPES", "/users/{id}/keys=admin /*=", "write /users/*/keys"),
        ("SCOPES", "GET:/users/<int:id>/keys=admin", "write /users/*/keys"),
        ("SCOPES", "/users/:id/keys=admin", "write /users/*/keys"),
        ("PUBLIC_PATHS", "/invites/{id}/preview", "write /invites/*/preview"),
        ("OPTIONAL_PATHS", "/invites/:id", "write /invites/*"),
        ("TOKEN_PATHS", "/{tenant}/token", "write /*/token"),
        ("REVOCATION_PATHS", "/<tenant>/revoke", "write /*/revoke"),
        ("CLIENTS", "spa=http://www.example.com", "loopback only"),
        ("CLIENTS", "spa=https://www.example.com/", "https://www.example.com"),
        ("CLIENTS", "spa=*", "wildcards are not supported"),
        ("CLIENTS", "spa=null", "not a valid origin"),
        ("CLIENTS", "spa=https://u@www.example.com", "no @"),
        ("CLIENTS", "spa spa", "twice"),
        ("CLIENTS", "spa,batch", "with spaces"),
        ("CLIENTS", "a,b=https://www.example.com", "with spaces"),
        ("REFRESH_CLIENTS", "spa", "not listed"),
        ("SCOPES", "/a", "like GET:"),
        ("SCOPES", "get:/a=b", "write GET:/a=b"),
        ("SCOPES", "/a=b,", "comma"),
        ("SCOPES", "/a,/b=c", "with spaces"),
        ("SCOPES", "GET,POST:/a=b", "with spaces"),
        ("SCOPES", '/a="', "not a valid scope"),
        ("HTTP_HOSTS", "http://keycloak", "without scheme or port"),
        ("DISCOVERY_URL", "https://a.example/ x", "https URL"),
        ("OPTIONAL_PATHS", "x", "must begin with /"),
        ("ISSUER", "id.example.com", "https URL"),
        ("AUDIENCE", "unchecked x", "the only value"),
        ("AUDIENCE", " ", "at least one"),
        ("ALGORITHMS", " ", "at least one"),
        ("KEYS", "/etc/keys.pem", "JWTGUARD_KEYS_FILE"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "write 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "proxy", "expected an address"),
        ("PUBLIC_URL", "https://api.example.com/v1/", "expected one like https"),
        ("COOKIE", "a b", "not a valid cookie name"),
        ("REALM", 'a"b', "without quotes"),
        ("JWKS_URL", "http://keys.example.com/jwks", "JWTGUARD_HTTP_HOSTS"),
        ("KEYS", "{}", "keys"),
        ("RELAY_URL", "ftp://id.example.com", "https"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    name: str, value: str, message: str
) -> None:
    """Every problem names its setting, and says how to write it."""
    text = problem(**{name: value})
    assert message in text
    assert text.startswith(f"JWTGUARD_{name}: ")


@pytest.mark.parametrize(
    ("name", "value", "write"),
    [
        ("AUDIENCE", '["https://api.example.com"]', "write https://api.example.com"),
        ("AUDIENCE", '["a", "b"]', "write a b"),
        ("AUDIENCE", '"https://api.example.com"', "write https://api.example.com"),
        ("ISSUER", "'https://id.example.com'", "write https://id.example.com"),
        ("ISSUER", '["https://id.example.com"]', "write https://id.example.com"),
        ("CLIENTS", '["spa"]', "write spa"),
        ("CLIENTS", '{"spa": ["https://www.example.com"]}', "separated by spaces"),
        ("PUBLIC_PATHS", '["/healthz"]', "write /healthz"),
        ("ALGORITHMS", "['RS256']", "separated by spaces"),
        ("TRUSTED_PROXIES", '["10.0.0.0/8"]', "write 10.0.0.0/8"),
        ("PUBLIC_URL", '["https://api.example.com"]', "write https://api.example.com"),
        ("HTTP_HOSTS", '["keycloak"]', "write keycloak"),
        ("COOKIE", '"token"', "write token"),
        ("REALM", '"api"', "write api"),
        ("REQUIRE_HTTPS", '"true"', "write true"),
        ("LEEWAY", "'5'", "write 5"),
        ("AUDIENCE", "[" * 100_000, "JSON is not read"),
    ],
)
def test_json_and_quotes_are_told_how_to_be_written(
    name: str, value: str, write: str
) -> None:
    """Other libraries read lists as JSON, and Docker keeps the quotes of env files."""
    text = problem(**{name: value})
    assert text.startswith(f"JWTGUARD_{name}: ")
    assert write in text
    assert len(text) < 100_200


def test_a_secret_may_begin_with_a_quote() -> None:
    """Nobody but the issuer knows how it is written."""
    assert load(RELAY_CLIENT_SECRET='"x"').relay_client_secret == '"x"'


@pytest.mark.parametrize(
    ("url", "write"),
    [
        (
            "https://id.example.com/realms/x/.well-known/openid-configuration",
            "https://id.example.com/realms/x",
        ),
        (
            "https://id.example.com/.well-known/openid-configuration",
            "https://id.example.com",
        ),
        (
            "https://id.example.com/.well-known/oauth-authorization-server/realms/x",
            "https://id.example.com/realms/x",
        ),
    ],
)
def test_the_url_of_a_metadata_document_is_refused_as_an_issuer(
    url: str, write: str
) -> None:
    """Told at start-up, not by 401 at the first token."""
    text = problem(ISSUER=url)
    assert "metadata document" in text
    assert f"write {write}, " in text


def test_a_token_path_may_not_be_opened() -> None:
    """A public pattern over a token path would take its rules away."""
    text = problem(TOKEN_PATHS="/oauth/token", PUBLIC_PATHS="/oauth/*")
    assert "/oauth/*" in text


def test_secrets_are_never_shown() -> None:
    """The value of a secret stays out of error texts and of ``repr``."""
    environ = {**BASE, "JWTGUARD_KEYS": "hush-hush"}
    assert "hush-hush" not in "\n".join(problems(environ))
    assert "hush" not in repr(load(RELAY_CLIENT_SECRET="hush"))


def test_clients_and_scopes_in_short_form() -> None:
    """One variable lists clients with their origins, another scopes by path."""
    policy = load(
        CLIENTS="spa=https://www.example.com,https://m.example.com batch",
        REFRESH_CLIENTS="spa",
        SCOPES="GET:/notes/*=notes:read /admin/*=admin,audit /*=",
    )
    spa, batch = policy.clients
    assert spa.origins == {"https://www.example.com", "https://m.example.com"}
    assert (spa.refresh, batch.refresh, batch.origins) == (True, False, frozenset())
    read, admin, rest = policy.scopes
    assert (read.path, read.methods, read.require) == (
        "/notes/*",
        ("GET",),
        ("notes:read",),
    )
    assert (admin.methods, admin.require) == ((), ("admin", "audit"))
    assert (rest.path, rest.require) == ("/*", ())


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    """NAME_FILE reads the value from a path, less the final newline."""
    path = tmp_path / "secret"
    path.write_text("hush\n")
    assert load(RELAY_CLIENT_SECRET_FILE=str(path)).relay_client_secret == "hush"
    text = problem(RELAY_CLIENT_SECRET_FILE=str(path), RELAY_CLIENT_SECRET="x")
    assert "keep one" in text
    assert "cannot be read" in problem(REALM_FILE=str(tmp_path / "absent"))


@pytest.mark.parametrize("name", ["RELAY_CLIENT_SECRET", "KEYS"])
def test_a_secret_in_place_of_a_path_is_not_shown(name: str) -> None:
    """Whoever adds _FILE to the name and keeps the value makes this very mistake."""
    text = problem(**{f"{name}_FILE": "hush"})
    assert text.startswith(f"JWTGUARD_{name}_FILE: (secret): cannot be read")
    assert "hush" not in text


def test_an_empty_file_means_unset(tmp_path: Path) -> None:
    """Like an empty variable."""
    path = tmp_path / "realm"
    path.write_text("\n")
    assert load(REALM_FILE=str(path), COOKIE_FILE="").realm == "api"


def test_a_wrong_value_in_a_file_is_told_with_its_path(tmp_path: Path) -> None:
    """A person knows which file to mend."""
    path = tmp_path / "leeway"
    path.write_text("soon\n")
    assert str(path) in problem(LEEWAY_FILE=str(path))
    path.write_bytes(b"\xff")
    assert "cannot be read" in problem(LEEWAY_FILE=str(path))


def test_a_file_that_cannot_be_read_is_the_only_problem(tmp_path: Path) -> None:
    """What it would have said is not said to be missing too."""
    (text,) = problems({"JWTGUARD_CONFIG": str(tmp_path / "absent.toml")})
    assert text.startswith("JWTGUARD_CONFIG: ")
    assert "No such file" in text
    found = problems(
        {
            "JWTGUARD_ISSUER_FILE": str(tmp_path / "absent"),
            "JWTGUARD_AUDIENCE_FILE": str(tmp_path / "absent"),
        }
    )
    assert len(found) == 2


def test_a_path_may_hold_a_colon() -> None:
    """Only what stands before the path is a method."""
    policy = load(SCOPES="/docs/1:render=docs GET:/docs/2:render=docs")
    assert [(rule.path, rule.methods) for rule in policy.scopes] == [
        ("/docs/1:render", ()),
        ("/docs/2:render", ("GET",)),
    ]


def test_the_config_variable_itself_has_no_file_form() -> None:
    """JWTGUARD_CONFIG names a file already."""
    assert "unknown setting" in problem(CONFIG_FILE="x")


def test_each_setting_is_a_field_of_the_policy_or_of_its_issuer() -> None:
    """The table of settings and the dataclasses say the same names."""
    own = {"issuer", "refresh_clients", "jwks_url", "discovery_url", "keys", "profile"}
    own |= {"keys_authorization", "shadow_config"}
    own |= {s.name for s in SETTINGS if s.name.startswith("introspect")}
    policy = load_policy(BASE)
    for setting in SETTINGS:
        assert setting.name in own or hasattr(policy, setting.name), setting.name
        assert re.fullmatch(r"JWTGUARD_[A-Z_]+", setting.variable)


def told(environ: dict[str, str]) -> tuple[str, ...]:
    """Return what is wrong with *environ*, if anything."""
    try:
        load_policy(environ)
    except ConfigurationError as error:
        return error.problems
    return ()


TEXTS = ["x", " ", "5", "/x", "a=b", "a=https://b.example", "https://a.example", "é"]


@given(
    st.dictionaries(
        st.sampled_from([setting.variable for setting in SETTINGS]),
        st.sampled_from(TEXTS) | st.text(max_size=9),
        max_size=6,
    )
)
def test_whatever_variables_say_is_a_policy_or_a_problem(
    environ: dict[str, str],
) -> None:
    """No other exception, and no problem without a text."""
    assert all(told({**BASE, **environ}))


VALUES = [
    '""', '" "', '"x"', "5", "-1", "1.5", "true", "[]", '[""]', '["a"]', "[5]", "[[]]",
    "[{}]", "{a=1}", "nan", "inf", "1979-05-27", '"https://a.example"', '"/x"',
    '["/x/*"]', '"https://[::1"', '"\\u0000"',
]  # fmt: skip


def lines(names: list[str]) -> st.SearchStrategy[str]:
    """Lines of TOML that give some of *names* any value."""
    some = st.dictionaries(st.sampled_from(names), st.sampled_from(VALUES), max_size=4)
    return some.map(lambda values: "".join(f"{k} = {v}\n" for k, v in values.items()))


TABLES = {"issuers": TrustedIssuer, "clients": Client, "scopes": ScopeRule}


@given(
    lines([s.name for s in SETTINGS if s.name not in TABLES]),
    st.tuples(*(lines([f.name for f in fields(kind)]) for kind in TABLES.values())),
)
def test_whatever_the_file_says_is_a_policy_or_a_problem(
    tmp_path: Path, top: str, tables: tuple[str, ...]
) -> None:
    """A value of any type may stand anywhere, and something is said of it."""
    texts = [f"[[{name}]]\n{text}" for name, text in zip(TABLES, tables, strict=True)]
    assert all(told(written(tmp_path, "\n".join([top, *texts]))))


@pytest.mark.parametrize(
    "name", ["CORS_ORIGINS", "ALLOWED_ORIGINS", "CORS_ALLOW_ORIGINS", "ORIGINS"]
)
def test_names_of_other_libraries_lead_to_the_clients(
    name: str, tmp_path: Path
) -> None:
    """Origins belong to a client here; the message says which setting lists them."""
    hint = "unknown setting; JWTGUARD_CLIENTS lists origins, by client"
    with pytest.raises(ConfigurationError, match=f"JWTGUARD_{name}: {hint}"):
        load_policy({f"JWTGUARD_{name}": "https://www.example.com"})
    file = tmp_path / "jwtguard.toml"
    file.write_text(f'{name.lower()} = ["https://www.example.com"]\n')
    with pytest.raises(ConfigurationError, match=f"{name.lower()}: {hint}"):
        load_policy({"JWTGUARD_CONFIG": str(file)})


@pytest.mark.parametrize("method", ["get", "Get"])
def test_a_method_in_lower_case_is_shown_in_upper_case(method: str) -> None:
    """Methods have case; the message has the rule as it must be."""
    with pytest.raises(ConfigurationError, match="write GET:/notes=notes:read,b"):
        load(SCOPES=f"{method}:/notes=notes:read,b")
