"""Standard input and output of the command line, whatever their encoding is."""

from __future__ import annotations

import os
import sys


def tolerate() -> None:
    """Escape what the terminal cannot show, and read bytes that are not text.

    A token with such bytes is malformed, and the command says so.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a test may have put something else there
            reconfigure(errors="backslashreplace")


def leave_stdout() -> None:
    """Stop writing, because the reader has closed the output, as ``head`` does."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
