"""What comes from elsewhere: declared, bounded below, open above, and consistent.

An advisory service is asked by ``make audit`` where there is one to be reached.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())[
    "project"
]
RUNTIME: list[str] = PROJECT["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PARTS = ("flask", "starlette", "fastapi", "redis", "relay", "issuer")
SHIPPED = [*RUNTIME, *(one for part in PARTS for one in EXTRAS[part])]
_REQUIREMENT = re.compile(r"([a-z0-9-]+)(?:\[[a-z,]+\])?(.*)")


def name_of(requirement: str) -> str:
    found = _REQUIREMENT.fullmatch(requirement)
    assert found is not None, requirement
    return found[1]


@pytest.mark.parametrize("requirement", SHIPPED)
def test_a_dependency_has_a_lower_bound_and_no_other(requirement: str) -> None:
    """Old holes are kept out, and a security release never is; nothing from a URL."""
    found = _REQUIREMENT.fullmatch(requirement)
    assert found is not None
    assert re.fullmatch(r">=[0-9.]+", found[2]), requirement


def imported() -> set[str]:
    """The top-level names of other distributions that the package imports."""
    found: set[str] = set()
    for path in (ROOT / "jwtguard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"jwtguard", "examples"}


def test_what_is_imported_is_declared() -> None:
    """No module comes along by chance, in the version that somebody else wanted."""
    everything = [*SHIPPED, *EXTRAS["demo"], *EXTRAS["dev"]]
    declared = {name_of(re.split("[;@]", one)[0].strip()) for one in everything}
    distributions = packages_distributions()
    for module in imported() - {"_typeshed", "jwtguard"}:
        names = {name.lower().replace("_", "-") for name in distributions[module]}
        assert names & declared, f"{module} is not declared"


def test_core_imports_two_distributions() -> None:
    """What decides is small: signatures and keys."""
    found: set[str] = set()
    for path in (ROOT / "jwtguard" / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    assert found - set(sys.stdlib_module_names) == {"jwt", "cryptography"}


def test_the_environment_is_consistent() -> None:
    """No installed distribution lacks, or contradicts, what another one needs."""
    command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
