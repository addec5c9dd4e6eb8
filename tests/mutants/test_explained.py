"""What is explained here is about functions that are there."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

EXPLAINED = [
    (path.stem, group)
    for path in sorted(Path(__file__).parent.glob("*.toml"))
    for group in tomllib.loads(path.read_text("utf-8"))["kept"]
]


@pytest.mark.parametrize(("module", "group"), EXPLAINED)
def test_an_explanation_is_about_a_function_that_is_there(
    module: str, group: dict[str, Any]
) -> None:
    """A function that is gone needs no excuse; a reason is a sentence."""
    assert set(group) == {"function", "changes", "why"}
    assert group["why"].strip().endswith(".")
    assert group["changes"] > 0
    room, first, *names = group["function"].split(".")
    assert first == module
    found = importlib.import_module(f"jwtguard.core.{room}.{module}")
    for name in names:
        found = getattr(found, name)
    assert callable(found)


def test_each_function_is_explained_once_for_each_reason() -> None:
    """The numbers of one function add up, and no reason stands there twice."""
    reasons = [(group["function"], group["why"]) for _, group in EXPLAINED]
    assert len(reasons) == len(set(reasons))
