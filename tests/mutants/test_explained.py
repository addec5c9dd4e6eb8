"""What is explained here is about code that still stands."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import jwtguard.core

CORE = Path(jwtguard.core.__file__).parent
EXPLAINED = [
    (path.stem, group["why"], change)
    for path in sorted(Path(__file__).parent.glob("*.toml"))
    for group in tomllib.loads(path.read_text("utf-8"))["kept"]
    for change in group["changes"]
]


@pytest.mark.parametrize(("module", "why", "change"), EXPLAINED)
def test_an_explanation_is_about_code_that_is_there(
    module: str, why: str, change: str
) -> None:
    """A line that is gone needs no excuse; a reason is a sentence."""
    assert why.strip().endswith(".")
    where, _, what = change.partition(": ")
    old, arrow, new = what.partition(" => ")
    assert arrow
    assert old != new
    assert where.split(".")[0] == module
    code = " ".join((CORE / f"{module}.py").read_text("utf-8").split())
    assert old in code
    assert f"def {where.rpartition('.')[2]}(" in code
