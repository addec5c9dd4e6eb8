"""The command line on terminals and pipes of every kind: no traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.attacks.attacker import b64

HEADER, CLAIMS = '{"alg":"ES256"}', '{"iss":"Жук"}'
CYRILLIC = f"{b64(HEADER)}.{b64(CLAIMS)}.AAAA".encode()


def run(
    *argv: str, stdin: bytes = b"", stdout: int = subprocess.PIPE, **environ: str
) -> tuple[int, bytes, bytes]:
    """Run the command in a process of its own."""
    settings = {
        "JWTGUARD_ISSUER": "https://id.example",
        "JWTGUARD_AUDIENCE": "https://api.example",
        "JWTGUARD_JWKS_URL": "http://127.0.0.1:1/keys",
    }
    done = subprocess.run(
        [sys.executable, "-m", "jwtguard.cli", *argv],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, **settings, **environ},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_a_terminal_cannot_show_is_escaped(encoding: str) -> None:
    """A claim in another script is shown, or its code points are."""
    code, out, err = run("explain", stdin=CYRILLIC, PYTHONIOENCODING=encoding)
    assert (code, err) == (1, b"")
    shown = "Жук".encode() if encoding == "utf-8" else b"\\u0416\\u0443\\u043a"
    assert shown in out


@pytest.mark.slow
def test_a_token_that_is_not_text_is_malformed() -> None:
    """Whatever bytes come in."""
    code, out, err = run("explain", stdin=b"a.b.\xff", PYTHONIOENCODING="utf-8")
    assert (code, err) == (1, b"")
    assert b"malformed" in out


@pytest.mark.slow
def test_a_reader_may_stop_early() -> None:
    """As ``head`` does."""
    reading, writing = os.pipe()
    os.close(reading)
    code, _, err = run("check", stdout=writing)
    os.close(writing)
    assert (code, err) == (1, b"")
