"""Settings that tests begin with, and the problems in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jwtguard import (
    ConfigurationError,
    load_policy,
)

BASE = {
    "JWTGUARD_ISSUER": "https://id.example.com",
    "JWTGUARD_AUDIENCE": "https://api.example.com",
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """Return what is wrong with *environ*."""
    with pytest.raises(ConfigurationError) as caught:
        load_policy(environ)
    return caught.value.problems


def problem(**settings: str) -> str:
    """Return the one thing that is wrong with the base settings and these."""
    found = problems(BASE | {f"JWTGUARD_{k}": v for k, v in settings.items()})
    assert len(found) == 1, found
    return found[0]


def written(tmp_path: Path, text: str) -> dict[str, str]:
    """Return an environment that names a TOML file with *text*."""
    path = tmp_path / "jwtguard.toml"
    path.write_text(text)
    return {"JWTGUARD_CONFIG": str(path)}
