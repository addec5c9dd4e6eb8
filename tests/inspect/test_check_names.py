"""``jwtguard check`` finds variables that nothing reads because of their name."""

from __future__ import annotations

import pytest

from jwtguard.cli import main
from jwtguard.inspect.check_names import misnamed


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("JWTGAURD_CLIENTS_ONLY", "JWTGUARD_CLIENTS_ONLY"),
        ("JWTGUARDS_CLIENTS_ONLY", "JWTGUARD_CLIENTS_ONLY"),
        ("JWT_GUARD_AUDIENCE", "JWTGUARD_AUDIENCE"),
        ("jwtguard_issuer", "JWTGUARD_ISSUER"),
        ("JTWGUARD_SCOPE", "JWTGUARD_SCOPES"),
        ("JWTGURD_SECRETS_FILE", "JWTGUARD_SECRETS"),
        ("JWGUARD_CONFIG", "JWTGUARD_CONFIG"),
    ],
)
def test_a_name_that_is_almost_one_of_ours(name: str, meant: str) -> None:
    """A misspelt prefix would silently turn a check off."""
    (found,) = misnamed([name])
    assert (found.level, found.what) == ("weak", "environment")
    assert found.text == f"{name} is not read: its name is almost {meant}"


@pytest.mark.parametrize(
    "name",
    [
        "JWTGUARD_ISSUER", "JWTGUARD_UNKNOWN", "PATH", "JWT_ISSUER", "JWT_SECRET_KEY",
        "AUTH0_AUDIENCE", "WIREGUARD_KEYS", "JWTGUARDIAN", "", "_", "SAFEGUARD_ISSUER",
    ],
)  # fmt: skip
def test_names_of_other_programs(name: str) -> None:
    """They are nobody's mistake; unknown names with our prefix are an error anyway."""
    assert not [*misnamed([name])]


def test_a_missing_setting_names_the_misspelt_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the error that a required setting is missing."""
    monkeypatch.setenv("JWTGAURD_ISSUER", "https://id.example.com")
    monkeypatch.delenv("JWTGUARD_ISSUER", raising=False)
    assert main(["check"]) == 1
    err = capsys.readouterr().err
    assert "JWTGUARD_ISSUER: required" in err
    assert "JWTGAURD_ISSUER is not read" in err
