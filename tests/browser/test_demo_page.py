"""A real Chromium and the page of the demo: badges, focus, and the stranger."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from jwtguard.demo import start
from jwtguard.demo.place import Place
from jwtguard.demo.servers import Servers
from tests.browser.test_browser import CHROMIUM, NODE, missing
from tests.waiting import NO_TLS

SUITE = Path(__file__).with_name("demo_page.mjs")
NAMES = re.findall(r'^  async "(.+)"\(\)', SUITE.read_text("utf-8"), re.MULTILINE)
LISTED = "after all were tried, each row has an answer and a badge with its status"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lax(Place):
    """A demo whose API lists the stranger's origin by mistake."""

    def api_environment(self, folder: Path) -> dict[str, str]:
        own = Place.api_environment(self, folder)
        listed = f"spa={self.www},{self.stranger}"
        clients = own["JWTGUARD_CLIENTS"].replace(f"spa={self.www}", listed)
        return {**own, "JWTGUARD_CLIENTS": clients}


@contextmanager
def demo(folder: Path, kind: type[Place] = Place) -> Iterator[Place]:
    """Run the demo's four servers, without its walk."""
    place = kind.on_free_ports()
    with Servers(folder) as servers, httpx.Client(verify=NO_TLS) as http:
        start(Console(quiet=True), servers, place, http)
        yield place


def run(place: Place, names: list[str]) -> Mapping[str, str | None]:
    """Run the cases; return what each had to say, None if it passed."""
    at = {"www": place.www, "api": place.api, "stranger": place.stranger}
    given = json.dumps({**at, "chromium": CHROMIUM, "only": names})
    done = subprocess.run(
        [str(NODE), str(SUITE), given], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str | None]:
    """What each case had to say."""
    with demo(tmp_path_factory.mktemp("demo")) as place:
        return run(place, NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_the_demo(found: Mapping[str, str | None], name: str) -> None:
    """What the page shows and announces is what was answered."""
    assert found[name] is None, found[name]


def test_a_badge_shows_what_was_answered(tmp_path: Path) -> None:
    """With a wrong setting of the API, the badge of the stranger's row is crossed."""
    with demo(tmp_path, Lax) as place:
        said = run(place, [LISTED])[LISTED]
    assert said is not None
    assert "✗ refused, " in said
