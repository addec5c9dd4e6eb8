"""The tutorial is followed to the letter: files, servers, and what they answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.follower import CHROMIUM, Reader, sections

pytestmark = pytest.mark.slow


def test_the_tutorial_works_to_its_end(tmp_path: Path) -> None:
    """Whoever types what stands there sees what stands there."""
    with Reader(tmp_path) as reader:
        for section in sections():
            reader.follow(section)
        assert set(reader.servers) == {"flask", "jwtguard", "uvicorn"}


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_works_in_a_browser(tmp_path: Path) -> None:
    """Notes appear at the listed origin, and nowhere else."""
    with Reader(tmp_path) as reader:
        for section in sections():
            reader.follow(section)
            if section.startswith("6."):
                break
        assert '{"notes":["buy milk"]}' in reader.sign_in("localhost")
        foreign = reader.sign_in("127.0.0.1")
        assert "refused: " in foreign
        assert "buy milk" not in foreign
