"""The whole demo, with real servers."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from jwtguard.demo import STEPS, add_arguments, run
from tests.waiting import HANG, ask, until

DEMO = """
import argparse, sys
from jwtguard import demo
parser = argparse.ArgumentParser()
demo.add_arguments(parser)
sys.exit(demo.run(parser.parse_args()))
"""


def arguments(*line: str) -> argparse.Namespace:
    """Parse a command line as ``jwtguard demo`` does."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(line)


@pytest.mark.parametrize(
    ("line", "stay"), [((), None), (("--stay",), True), (("--no-wait",), False)]
)
def test_the_flags_say_whether_it_stays(line: tuple[str, ...], stay: object) -> None:
    """Without a flag, the terminal decides; with one, the flag does."""
    assert arguments(*line).stay is stay


@pytest.mark.slow
def test_every_step_comes_out_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo ends with 0, every step ticked, and no whole token in its output."""
    result = run(arguments("--no-wait"))
    text = capsys.readouterr().out
    assert f"{len(STEPS)} of {len(STEPS)} steps passed." in text
    assert result == 0
    assert "✗" not in text
    assert not re.search(r"eyJ[\w-]{10,}\.", text)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    """It stays up when asked to; Ctrl-C or SIGTERM leaves no server behind."""
    output = tmp_path / "out"
    with output.open("wb") as stream:
        command = [sys.executable, "-c", DEMO, "--stay"]
        demo = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        found = _urls(output)
        last = output.read_text().splitlines()[-7:]
        assert all(any(url in line for line in last) for url in found)
        assert len(found) == 4
        for url in found:
            assert ask("GET", url).status_code < 500
        demo.send_signal(number)
        demo.wait(HANG)
    finally:
        demo.kill()
        demo.wait()
    for url in found:
        with pytest.raises(httpx.ConnectError):
            ask("GET", url)


def _urls(output: Path) -> list[str]:
    """Wait until the demo invites a person; return the URLs of its servers."""
    assert until(lambda: "Press Ctrl-C to stop." in output.read_text())
    return sorted(set(re.findall(r"http://[a-z0-9.]+:\d+", output.read_text())))
