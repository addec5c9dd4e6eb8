"""The issuer as a process: which signal rotates, and which ones end it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.waiting import HANG, ask

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="sends signals"),
]

ISSUER = """
import signal, sys
from jwtguard.cli import main
# nohup and a shell's background jobs switch these off for their children.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


@pytest.fixture
def issuer() -> Iterator[subprocess.Popen[str]]:
    """An issuer on a port of its own, with its output to be read."""
    command = [sys.executable, "-c", ISSUER, "issuer", "--port", "0"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield process
        process.kill()


def line_with(issuer: subprocess.Popen[str], pattern: str) -> str:
    """Read on until a line matches *pattern*; return its first group."""
    assert issuer.stdout is not None
    for line in issuer.stdout:
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(f"the issuer ended without a word like {pattern}")


def test_sigusr1_rotates_the_key(issuer: subprocess.Popen[str]) -> None:
    """What the banner promises: a new key signs, and the old one stays published."""
    url = line_with(issuer, r"Listening at (http://[\d.:]+);")
    assert line_with(issuer, r"\(or send (\w+)\)") == "SIGUSR1"
    for count in (2, 3):
        issuer.send_signal(signal.SIGUSR1)
        kid = line_with(issuer, r"The signing key is now (\w+)")
        keys = ask("GET", f"{url}/jwks").json()["keys"]
        assert [key["kid"] for key in keys][-1] == kid
        assert len(keys) == count


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_a_closed_terminal_ends_it(issuer: subprocess.Popen[str], name: str) -> None:
    """A hangup means the end, as for any program; no issuer is left on its port."""
    url = line_with(issuer, r"Listening at (http://[\d.:]+);")
    issuer.send_signal(getattr(signal, name))
    issuer.wait(HANG)
    with pytest.raises(httpx.ConnectError):
        ask("GET", f"{url}/jwks")
