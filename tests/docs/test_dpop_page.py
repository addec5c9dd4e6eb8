"""The DPoP page shows how to try a bound token with curl."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jwtguard.issuer import Config
from jwtguard.issuer.banner import banner
from tests.docs.follower import Reader

PAGE = Path(__file__).parents[2] / "docs" / "dpop.md"


@pytest.mark.parametrize("needed", [True, False])
def test_the_issuer_names_the_page(needed: bool) -> None:
    """Its start text says where to read how to send a proof."""
    lines = banner(Config(dpop_nonce=needed), "http://x").splitlines()
    (line,) = (one for one in lines if one.startswith("Bound tokens: "))
    assert ("nonce" in line) is needed
    assert "docs/dpop.md" in line


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="missing: curl")
def test_a_bound_token_can_be_tried_with_curl(tmp_path: Path) -> None:
    """Each command prints what stands below it: accepted once, and refused after."""
    section = PAGE.read_text("utf-8").partition("\n## Try it with curl\n")[2]
    section = section.partition("\n## ")[0]
    assert section.count("curl -s") == 4
    with Reader(tmp_path) as reader:
        reader.follow(section)
