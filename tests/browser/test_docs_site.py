"""The documentation in a real Chromium: readable on a phone, and searchable."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_browser import CHROMIUM, NODE, missing

DOCS = Path(__file__).parents[2] / "docs"
SUITE = Path(__file__).with_name("docs_site.mjs")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Keep test output clean."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser found on the pages of the site."""
    out = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(DOCS), str(out)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    pages = [str(page.relative_to(out)) for page in sorted(out.rglob("*.html"))]
    with served(out) as url:
        asked = {"url": url, "pages": pages, "words": ["401", "403", "CORS"]}
        command = [str(NODE), str(SUITE), json.dumps({**asked, "chromium": CHROMIUM})]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_page_fits_a_phone(seen: dict[str, Any]) -> None:
    """No page, table or plot is wider than a phone, nor is the first drawing."""
    assert seen["wide"] == {}


@pytest.mark.parametrize("word", ["401", "403", "CORS"])
def test_the_search_finds_a_symptom(seen: dict[str, Any], word: str) -> None:
    """Somebody who types what the console says finds the page that helps."""
    assert "Troubleshooting" in " ".join(seen["searched"][word])
