"""Type checkers see through every decorator: a user's handlers, read by mypy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_a_users_handlers_keep_their_types(tmp_path: Path) -> None:
    """Strictly, errors included: an ignore that is not needed is one too."""
    users = sorted(map(str, HERE.glob("user_*.py")))
    assert len(users) > 2
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            f"--cache-dir={HERE.parent.parent / '.mypy_cache' / 'users'}",
            *users,
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
