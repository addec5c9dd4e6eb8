"""What is published: the wheel, the source, and that the base install stands alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.waiting import HANG

ROOT = Path(__file__).parents[1]
EXTRAS = (
    "flask", "werkzeug", "starlette", "fastapi", "limits", "authlib", "joserfc", "rich",
    "jinja2", "uvicorn", "gunicorn", "pytest", "django", "litestar",
)  # fmt: skip
pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source distribution and wheel, the wheel built from the source distribution."""
    out = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out))
    done = run(*build)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    """The wheel, to look into."""
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_index_would_take_both(dist: Path) -> None:
    """Metadata are complete, and the long description can be shown."""
    files = map(str, sorted(dist.iterdir()))
    done = run(sys.executable, "-m", "twine", "check", "--strict", *files)
    assert done.returncode == 0, done.stdout


def test_the_wheel_has_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Every module, the mark of typed packages, the licence; no tests, no leftovers."""
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = ROOT / "jwtguard"
    own = {str(p.relative_to(ROOT)) for p in package.rglob("*.py")} | {
        "jwtguard/py.typed"
    }
    assert own <= names
    examples = {name for name in names if name.startswith("jwtguard/_examples/")}
    assert names - own == examples
    assert "jwtguard/_examples/starlette_app/templates/base.html" in examples
    kinds = {Path(name).suffix for name in names}
    assert kinds == {".py", ".typed", ".md", ".html", ".css", ".js", ".mjs", ".svg"}


def test_the_wheel_has_its_entry_points(wheel: zipfile.ZipFile) -> None:
    """The command, and the pytest plugin."""
    (name,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    assert "jwtguard = jwtguard.cli:main" in text
    assert "[pytest11]\njwtguard = jwtguard.testing" in text
    assert any(n.endswith("licenses/LICENSE") for n in wheel.namelist())


def test_the_source_has_what_its_tests_need(dist: Path) -> None:
    """And nothing that a run has left behind."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("Makefile", "tests/conftest.py", "docs/conf.py", "CHANGELOG.md"):
        assert name in names
    left = (".pyc", ".sqlite", ".log", ".whl")
    assert not [name for name in names if name.endswith(left)]
    assert not [name for name in names if name.startswith((".venv", "dist", "docs/_b"))]


def test_the_base_install_needs_no_extra(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """With none of the frameworks there, the package and its command line work."""
    wheel.extractall(tmp_path)
    code = f"""
import sys
for name in {EXTRAS!r}:
    sys.modules[name] = None
import jwtguard, jwtguard.wsgi, jwtguard.asgi, jwtguard.forward
assert jwtguard.__file__.startswith({str(tmp_path)!r})
from jwtguard.cli import main
assert main(["explain", "no.token"]) == 1
assert main(["check", "jwtguard.wsgi:GuardMiddleware"]) == 1
for words in (
    ["issuer"], ["issuer", "--port", "9000"], ["demo"], ["demo", "--no-wait", "x"]
):
    assert main(words) == 2
"""
    environ = {
        "PYTHONPATH": str(tmp_path),
        "JWTGUARD_ISSUER": "https://id.example",
        "JWTGUARD_AUDIENCE": "https://api.example",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pip install 'jwtguard-middleware[issuer]'") == 2
    assert done.stderr.count("pip install 'jwtguard-middleware[demo]'") == 2
    assert "unrecognized" not in done.stderr
    assert "opaque token" in done.stdout
