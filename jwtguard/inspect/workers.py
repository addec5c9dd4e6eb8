"""How many workers the environment asks for, as far as ``check`` can know."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping

NOT_SEEN = "the server's command line and configuration files are not checked"
"""Why workers may be several though no variable says so."""
_VARIABLES = (
    "WEB_CONCURRENCY", "UVICORN_WORKERS", "GRANIAN_WORKERS", "UWSGI_WORKERS",
    "UWSGI_PROCESSES",
)  # fmt: skip
"""Variables that hold nothing but a number of workers."""
_GUNICORN = "GUNICORN_CMD_ARGS"
_NUMBER = re.compile(r"\s*\+?([0-9]{1,9})[0-9]*\s*")


def several_workers(environ: Mapping[str, str]) -> str:
    """Say which variable asks for more than one worker, and for how many.

    An empty string means that this is not known, and never that there is one worker.
    """
    asked = {name: environ.get(name, "") for name in _VARIABLES}
    in_arguments = _of_gunicorn(environ.get(_GUNICORN, ""))
    if in_arguments:
        # gunicorn reads WEB_CONCURRENCY only where its arguments have no number.
        asked = {**asked, "WEB_CONCURRENCY": "", _GUNICORN: in_arguments}
    for name, text in asked.items():
        found = _NUMBER.fullmatch(text)
        if found and int(found[1]) > 1:
            words = "has --workers" if name == _GUNICORN else "is"
            return f"{name} {words} {found[1]}"
    return ""


def _of_gunicorn(arguments: str) -> str:
    """Return the number of workers in *arguments*, which gunicorn parses like this."""
    parser = argparse.ArgumentParser(
        add_help=False, exit_on_error=False, allow_abbrev=False
    )
    parser.add_argument("-w", "--workers", default="")
    try:
        known, _ = parser.parse_known_args(shlex.split(arguments))
    except (ValueError, argparse.ArgumentError):  # gunicorn does not start with them
        return ""
    return str(known.workers)
