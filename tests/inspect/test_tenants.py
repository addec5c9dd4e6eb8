"""What ``check`` and ``explain`` say about issuers with tenants."""

from __future__ import annotations

from pathlib import Path

import pytest

from jwtguard import ConfigurationError, load_policy
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.explain_token import explain
from jwtguard.testing import FakeClock
from tests.core.verify.test_tenants import URL, Server


@pytest.fixture
def server(jwt_clock: FakeClock) -> Server:
    return Server(jwt_clock)


def test_check_fetches_the_keys_of_listed_tenants(server: Server) -> None:
    """Of ten at most; a tenant that does not exist is wrong."""
    for n in range(12):
        server.realm(f"t{n:02}")
    findings = list(check(server.guard([*server.realms, "zz"])))
    assert [one.text for one in findings if one.what == f"tenants of {URL}"] == [
        f"13: {' '.join(f't{n:02}' for n in range(10))}",
        "the keys of the first 10 were fetched, the others were not",
    ]
    assert sum(one.what == "keys" and one.level == "ok" for one in findings) == 10
    few = list(check(server.guard(["t00", "missing"])))
    (wrong,) = [one for one in few if one.level == "wrong"]
    assert wrong.what == "keys"
    assert "status 404" in wrong.text


def test_check_finds_any_tenant_weak(server: Server) -> None:
    """Nothing is fetched, as no name is known."""
    findings = list(check(server.guard()))
    (weak,) = [one for one in findings if one.what == f"tenants of {URL}"]
    assert weak.level == "weak"
    assert not server.asked


def test_explain_names_the_tenant_that_is_missing(server: Server) -> None:
    """Where to write it stands in the hint; a listed one passes."""
    guard = server.guard(["acme"])
    found = list(explain(guard, server.realm("acme").token()))
    assert all(one.passed for one in found)
    rows = {one.name: one for one in explain(guard, server.realm("beta").token())}
    assert rows["issuer"].expected == URL
    assert rows["issuer"].hint == (
        f"beta is not one of the tenants of {URL}; list it there"
    )
    other = server.realm("acme").token(claims={"iss": "https://other.example"})
    rows = {one.name: one for one in explain(guard, other)}
    assert "another issuer" in rows["issuer"].hint


TOML = """
audience = "https://api.example"
[[issuers]]
url = "https://id.example/realms/{realm}"
"""


def load(folder: Path, text: str) -> object:
    path = folder / "jwtguard.toml"
    path.write_text(TOML + text)
    return load_policy({"JWTGUARD_CONFIG": str(path)}).issuers[0].tenants


def test_tenants_stand_in_the_file_or_in_one_of_their_own(tmp_path: Path) -> None:
    """One a line, or with spaces between."""
    names = tmp_path / "tenants"
    names.write_text("acme\nbeta  gamma\n\n")
    listed = {"acme", "beta", "gamma"}
    assert load(tmp_path, 'tenants = ["acme", "beta", "gamma"]') == listed
    assert load(tmp_path, f'tenants_file = "{names}"') == listed
    assert load(tmp_path, 'tenants = "any"') == "any"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('tenants_file = "/nowhere"', "tenants_file: cannot be read: No such file"),
        ('tenants_file = "EMPTY"', "names no tenant"),
        ("tenants_file = 5", "tenants_file: 5: must be a path"),
        ('tenants = ["a"]\ntenants_file = "x"', "tenants is set too; keep one"),
        ('tenants = ["a b"]', "'a b' is not valid; expected a path segment"),
        ("", 'tenants: required: the names of the tenants, or "any"'),
        ("tenants = 5", "tenants: must be a list of strings, not 5"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(
    text: str, problem: str, tmp_path: Path
) -> None:
    """The message names the file, the issuer and the member."""
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text.replace("EMPTY", str(empty)))
    (only,) = caught.value.problems
    assert problem in only
    assert str(tmp_path / "jwtguard.toml") in only


def test_a_placeholder_in_the_wrong_place_is_told_with_all_else(tmp_path: Path) -> None:
    """Every problem of the file comes in one error."""
    path = tmp_path / "jwtguard.toml"
    path.write_text(TOML.replace("/realms/{realm}", "?r={realm}") + "tenants = ['a']")
    with pytest.raises(ConfigurationError) as caught:
        load_policy({"JWTGUARD_CONFIG": str(path), "JWTGUARD_LEEWAY": "soon"})
    text = str(caught.value)
    assert "one whole segment of the path" in text
    assert "JWTGUARD_LEEWAY" in text
