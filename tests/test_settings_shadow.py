"""``JWTGUARD_SHADOW_CONFIG``: a file with other rules, or an error that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from jwtguard import Client, load_policy
from tests.settings_support import BASE, problems

NEXT = """
clients_only = true
[[clients]]
id = "spa"
origins = ["https://new.example.com"]
[[scopes]]
path = "/notes/*"
require = ["notes:read"]
"""


def with_shadow(tmp_path: Path, text: str, **settings: str) -> dict[str, str]:
    """Return settings that name a second file with *text*."""
    path = tmp_path / "next.toml"
    path.write_text(text)
    named = {f"JWTGUARD_{name}": value for name, value in settings.items()}
    return {**BASE, **named, "JWTGUARD_SHADOW_CONFIG": str(path)}


def test_the_rules_of_the_file_are_those_of_the_second_policy(tmp_path: Path) -> None:
    """Variables of the first do not win over it; everything else is the same."""
    environ = with_shadow(
        tmp_path, NEXT, CLIENTS="old=https://old.example.com", REFRESH_CLIENTS="old",
        PUBLIC_PATHS="/healthz", LEEWAY="5",
    )  # fmt: skip
    policy = load_policy(environ)
    second = policy.shadow
    assert second is not None
    assert [client.id for client in policy.clients] == ["old"]
    assert policy.clients[0].refresh
    assert second.clients == (Client(id="spa", origins="https://new.example.com"),)
    assert (second.clients_only, policy.clients_only) == (True, False)
    assert [rule.path for rule in second.scopes] == ["/notes/*"]
    assert second.public_paths == policy.public_paths == ("/healthz",)
    assert (second.leeway, second.shadow) == (5, None)


def test_a_copy_of_the_present_file_may_be_changed(tmp_path: Path) -> None:
    """What is no rule may stand there, as long as it is the same."""
    first = tmp_path / "jwtguard.toml"
    first.write_text(
        'issuer = ["https://id.example.com"]\naudience = ["api"]\nleeway = 5\n'
    )
    second = tmp_path / "next.toml"
    second.write_text(first.read_text() + "clients_only = true\n")
    environ = {
        "JWTGUARD_CONFIG": str(first), "JWTGUARD_SHADOW_CONFIG": str(second)
    }  # fmt: skip
    found = load_policy(environ)
    assert found.shadow is not None
    assert found.shadow.clients_only
    first.write_text(first.read_text() + f'shadow_config = "{second}"\n')
    assert load_policy({"JWTGUARD_CONFIG": str(first)}) == found


def test_tables_of_issuers_may_be_copied_too(tmp_path: Path) -> None:
    """The same tables are the same issuers."""
    table = '[[issuers]]\nurl = "https://id.example.com"\naudience = ["api"]\n'
    first, second = tmp_path / "jwtguard.toml", tmp_path / "next.toml"
    first.write_text(table)
    second.write_text(table + '[[scopes]]\npath = "/x"\n')
    environ = {
        "JWTGUARD_CONFIG": str(first), "JWTGUARD_SHADOW_CONFIG": str(second)
    }  # fmt: skip
    found = load_policy(environ)
    assert found.shadow is not None
    assert found.shadow.issuers == found.issuers
    second.write_text(table.replace("api", "other"))
    (problem,) = problems(environ)
    assert problem.startswith(f"{second}: [[issuers]]: differs from the first policy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leeway = 1", "leeway: differs from the first policy"),
        ('audience = ["other"]', "audience: differs from the first policy"),
        ('shadow_config = "x"', "shadow_config: differs from the first policy"),
        ("no_such = 1", "no_such: unknown setting"),
        ("clients_only = 1", "clients_only: 1: must be true or false"),
        ('[[clients]]\nid = "a"\norigins = ["x"]', "[[clients]]: a: origins: 'x' is"),
        ('[[scopes]]\npath = "x"', "[[scopes]]: path 'x': must begin with /"),
        ("[[scopes]]", "[[scopes]]: number 1: path: a member is missing"),
        ('public_paths = ["x"]', "public_paths: path 'x': must begin with /"),
    ],
)
def test_a_bad_file_is_a_configuration_error(
    text: str, message: str, tmp_path: Path
) -> None:
    """With the file and the key, as for the first one."""
    (problem,) = problems(with_shadow(tmp_path, text))
    assert problem.startswith(f"{tmp_path / 'next.toml'}: {message}")


@pytest.mark.parametrize("text", ["=", "[[", "a = "])
def test_a_file_that_is_not_toml_is_an_error(text: str, tmp_path: Path) -> None:
    """Named by the variable."""
    (problem,) = problems(with_shadow(tmp_path, text))
    path = str(tmp_path / "next.toml")
    assert problem.startswith(f"JWTGUARD_SHADOW_CONFIG: {path!r}: cannot be read")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Nothing starts without the rules that were asked for."""
    environ = {**BASE, "JWTGUARD_SHADOW_CONFIG": str(tmp_path / "none.toml")}
    (problem,) = problems(environ)
    assert "JWTGUARD_SHADOW_CONFIG" in problem
    assert "No such file" in problem


def test_problems_of_the_first_policy_come_first(tmp_path: Path) -> None:
    """The second is built on it, so it is looked at afterwards."""
    environ = with_shadow(tmp_path, "leeway = 1", LEEWAY="x")
    (problem,) = problems(environ)
    assert problem.startswith("JWTGUARD_LEEWAY")
