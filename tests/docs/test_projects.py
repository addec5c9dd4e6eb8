"""Pages whose blocks are the files of a project: saved, and run in a new process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jwtguard.testing import JWTIssuer
from tests.docs.test_code import OPTIONAL, PAGES, PROJECTS, ROOT, blocks, by_name
from tests.docs.test_code import environ as environ  # noqa: PLC0414  # a fixture
from tests.docs.test_code import issuer as issuer  # noqa: PLC0414
from tests.waiting import HANG

NAMED = re.compile(r"`([\w.]+\.py)`:\n\n```python\n")
HEADED = re.compile(r"```python\n# [\w/]+\.py\n")
ELSEWHERE = {
    "README.md",  # test_readme.py
    "docs/dpop.md",  # test_dpop_page.py
    "docs/tutorial.md",  # test_tutorial.py
    "docs/how-to/containers.md",  # test_container.py
    "docs/how-to/gunicorn.md",  # test_deployed.py
}
"""Pages with named files that other tests save and run."""
LAUNCH = """
import sys
sys.path.insert(0, "")
from jwtguard.testing import JWTIssuer
issuer = JWTIssuer(audience="https://api.example.com")
with issuer.served() as url:
    import os
    os.environ["JWTGUARD_ISSUER"] = url
    exec(compile(open("_page.py").read(), sys.argv[1], "exec"))
"""


def save(page: Path, folder: Path) -> None:
    """Write each file of the page, and what readers do not see as ``_page.py``."""
    text = page.read_text("utf-8")
    names = NAMED.findall(text)
    shown = [block for block in blocks(page) if block.kind == "python"]
    for name, block in zip(names, shown[: len(names)], strict=True):
        (folder / name).write_text(block.text, "utf-8")
    (hidden,) = shown[len(names) :]
    (folder / "_page.py").write_text("\n" * hidden.line + hidden.text, "utf-8")


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_the_project_of_a_page_runs(
    name: str, environ: dict[str, str], issuer: JWTIssuer, tmp_path: Path
) -> None:
    """The project starts from its own files, and does what the page says."""
    save(ROOT / name, tmp_path)
    command = [sys.executable, "-W", "error", "-c", LAUNCH, name]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=HANG
    )
    lacks = re.search(r"ModuleNotFoundError: No module named '(\w+)", done.stderr)
    if lacks is not None and lacks[1] in OPTIONAL:
        pytest.skip(f"{lacks[1]} is not installed")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_a_named_file_is_run_under_its_name(page: Path) -> None:
    """A block that a page names as a file works together with its other files."""
    text = page.read_text("utf-8")
    assert not HEADED.search(text), "name the file in front of the block: `name.py`:"
    if NAMED.search(text):
        assert by_name(page) in PROJECTS | ELSEWHERE
