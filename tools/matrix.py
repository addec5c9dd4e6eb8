"""Run the tests with other versions: ``python tools/matrix.py lowest | pythons``.

``lowest`` installs exactly the lower bounds of ``pyproject.toml``, so that a bound is
what the tests have passed with. ``pythons`` takes the newest of everything, on each
supported Python that this machine has. What follows is handed on to pytest.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".venvs"
OLDEST = (3, 11)
APART = ("attack", "bench", "mcp-tests")
"""Extras that no test needs, or that need newer versions than the lower bounds."""
LEAKS = "ignore:Unclosed <MemoryObject:ResourceWarning"
"""The TestClient of older Starlettes leaves its streams open if start-up fails."""


def bounds() -> Iterator[str]:
    """Yield every dependency that the tests need, pinned to its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    needed = (one for name, extra in extras if name not in APART for one in extra)
    for line in (*project["dependencies"], *needed):
        if not line.startswith(project["name"]):
            yield line.replace(">=", "==")


def pythons() -> list[tuple[str, str]]:
    """Return the newest of each supported version, from PATH or pyenv, by its name."""
    found: dict[tuple[int, int], str] = {}
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"), key=_numbers)
    named = (shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], 30))
    for path in (*map(str, pyenv), *filter(None, named)):
        code = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([path, "-c", code], capture_output=True, text=True)
        if done.returncode == 0:
            major, minor = done.stdout.split()
            found[int(major), int(minor)] = path
    return [
        (f"python{major}.{minor}", path)
        for (major, minor), path in sorted(found.items())
        if (major, minor) >= OLDEST
    ]


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.parents[1].name)]


def run(name: str, python: str, wanted: Sequence[str], pytest: Sequence[str]) -> int:
    """Make an environment of its own, install *wanted*, and run the tests in it."""
    venv = VENVS / name
    own = venv / "bin" / "python"
    subprocess.run([python, "-m", "venv", "--clear", str(venv)], check=True)
    print(f"== {name}: installing ==", flush=True)
    install = [str(own), "-m", "pip", "install", "--quiet", *wanted]
    subprocess.run(install, check=True, cwd=ROOT)
    print(f"== {name}: tests ==", flush=True)
    command = [str(own), "-m", "pytest", "-q", "-p", "no:cacheprovider", *pytest]
    return subprocess.run(command, cwd=ROOT).returncode


def main(argv: Sequence[str]) -> int:
    """Run what was asked for; the exit code is that of the worst."""
    what, *pytest = argv
    if what == "lowest":
        wanted = ["-e", ".", *bounds()]
        return run("lowest", sys.executable, wanted, ["-W", LEAKS, *pytest])
    codes = [run(name, path, ["-e", ".[dev]"], pytest) for name, path in pythons()]
    return max(codes, default=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["pythons"]))
