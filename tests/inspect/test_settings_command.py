"""``jwtguard settings`` prints what the documentation has in its tables."""

from __future__ import annotations

import json
import re

import pytest

from jwtguard.cli import main
from jwtguard.options import CONFIG, SETTINGS

Capture = pytest.CaptureFixture[str]


def test_every_setting_is_listed(capsys: Capture) -> None:
    """With the form of its value, its default and its meaning."""
    assert main(["settings"]) == 0
    out = capsys.readouterr().out
    listed = re.findall(r"^JWTGUARD_\w+", out, re.MULTILINE)
    assert listed == [*(setting.variable for setting in SETTINGS), CONFIG]
    for setting in SETTINGS:
        assert setting.meaning in out
        assert f"default: {setting.default})" in out


@pytest.mark.parametrize("name", ["JWTGUARD_LEEWAY", "leeway", "jwtguard_leeway"])
def test_one_setting_by_either_name(capsys: Capture, name: str) -> None:
    """The variable, or the key of the TOML file, in any case."""
    assert main(["settings", name]) == 0
    expected = "JWTGUARD_LEEWAY  (seconds; default: 30)\n    clock skew\n"
    assert capsys.readouterr().out == expected


def test_json_says_which_values_are_secret(capsys: Capture) -> None:
    """For scripts."""
    assert main(["settings", "--json", "secrets", "config"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["variable"], first["secret"]) == ("JWTGUARD_SECRETS", True)
    assert (second["variable"], second["secret"]) == (CONFIG, False)


def test_an_unknown_name_is_a_usage_error(capsys: Capture) -> None:
    """The nearest name is given, if there is one."""
    assert main(["settings", "leewy"]) == 2
    assert capsys.readouterr().err == (
        "leewy: unknown setting; did you mean JWTGUARD_LEEWAY?\n"
    )
    assert main(["settings", "JWTGUARD_CORS_ORIGINS"]) == 2
    assert "; JWTGUARD_CLIENTS lists origins" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("JWTGUARD_NOSUCH", ""),
        ("JWTGUARD_CLOCK_SKEW", ""),
        ("JWTGUARD_", ""),
        ("aud", "; did you mean JWTGUARD_AUDIENCE?"),
        ("scope", "; did you mean JWTGUARD_SCOPES?"),
        ("JWTGUARD_JWKS_URI", "; did you mean JWTGUARD_JWKS_URL?"),
    ],
)
def test_only_a_similar_name_is_suggested(
    capsys: Capture, name: str, hint: str
) -> None:
    """The prefix that all names share does not make two of them similar."""
    assert main(["settings", name]) == 2
    assert capsys.readouterr().err == f"{name}: unknown setting{hint}\n"
