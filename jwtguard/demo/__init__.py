"""The demo: four servers on loopback, real HTTP, and a check of each promise."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console
from rich.text import Text

from . import bound, sign_out, steps, trouble
from .place import (
    USERS,
    Place,
    api_command,
    environment,
    issuer_command,
    uvicorn_command,
)
from .servers import Servers, StartError
from .show import show
from .walk import Walk

STEPS = (*steps.STEPS, *bound.STEPS, *trouble.STEPS, *sign_out.STEPS)
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line may say about the demo."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--stay",
        action="store_true",
        default=None,
        help="keep the servers running afterwards (the default on a terminal)",
    )
    group.add_argument(
        "--no-wait",
        dest="stay",
        action="store_false",
        help="stop the servers afterwards, even on a terminal",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0 only if every step passed."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a check mark must not end the walk
    console = Console(highlight=False, soft_wrap=True)
    stay = args.stay
    if stay is None:
        stay = sys.stdin.isatty() and sys.stdout.isatty()
    with tempfile.TemporaryDirectory(prefix="jwtguard-demo-") as name, _interruptible():
        try:
            return _demo(console, Path(name), stay=stay)
        except StartError as error:
            console.print(str(error), style="red", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("\nStopped.")
            return INTERRUPTED


def _demo(console: Console, folder: Path, *, stay: bool) -> int:
    place = Place.on_free_ports()
    with Servers(folder) as servers, httpx.Client(trust_env=False, timeout=15) as http:
        start(console, servers, place, http)
        failed = _walk(console, Walk(place, http))
        if failed:
            _logs(console, servers)
        _summary(console, failed)
        if stay:
            _stay(console, servers, place)
    return 1 if failed else 0


def start(console: Console, servers: Servers, place: Place, http: httpx.Client) -> None:
    """Start the four servers, and wait until they answer."""
    issuer, api, www, stranger = (
        url.rpartition(":")[2]
        for url in (place.issuer, place.api, place.www, place.stranger)
    )
    own = place.api_environment(servers.folder)
    servers.start(
        "issuer",
        issuer_command(issuer, place, servers.folder),
        environment({}),
        f"{place.issuer}/.well-known/openid-configuration",
    )
    servers.start("api", api_command(api), environment(own), f"{place.api}/healthz")
    servers.start(
        "www",
        uvicorn_command(":app", www),
        environment(place.www_environment()),
        f"{place.www}/healthz",
    )
    servers.start(
        "stranger",
        uvicorn_command(".stranger:app", stranger),
        environment(place.stranger_environment()),
        f"{place.stranger}/",
    )
    with console.status("Starting four servers on loopback"):
        servers.wait(http)
    _urls(console, place)


def _urls(console: Console, place: Place) -> None:
    for name, url, what in (
        ("issuer", place.issuer, "development token server"),
        ("api", place.api, "Flask API, with the token path in front of the issuer"),
        ("www", f"{place.www}/", "Starlette site, a page made by the server"),
        ("", f"{place.www}/spa", "its page that calls the API from the browser"),
        ("stranger", f"{place.stranger}/", "an origin that no client lists"),
    ):
        line = Text.assemble((f"  {name:<9}", "bold"), (f"{url:<28}", "cyan"), what)
        console.print(line)


def _walk(console: Console, walk: Walk) -> int:
    """Take every step and show it; return how many failed."""
    failed = 0
    for number, step in enumerate(STEPS, start=1):
        outcome = walk.take(step)
        show(console, number, outcome)
        failed += not outcome.good
    return failed


def _logs(console: Console, servers: Servers) -> None:
    for server in servers.running:
        console.print(f"\n--- {server.name} ---", style="bold")
        console.print(server.tail(), style="dim", markup=False)


def _summary(console: Console, failed: int) -> None:
    style = "bold red" if failed else "bold green"
    kept = len(STEPS) - failed
    line = f"\n{kept} of {len(STEPS)} steps passed."
    console.print(line, style=style)


def _stay(console: Console, servers: Servers, place: Place) -> None:
    """Leave the servers up for a person, until Ctrl-C or until one of them ends."""
    people = " or ".join(f"{name} / {word}" for name, word in USERS.items())
    console.print("\nThe servers keep running:")
    _urls(console, place)
    console.print(f"Sign in as {people}. Press Ctrl-C to stop.")
    try:
        while (dead := servers.dead()) is None:
            time.sleep(0.3)
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return
    raise StartError(f"{dead.name} stopped unexpectedly.\n{dead.tail()}")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let every polite signal end the demo as Ctrl-C does: children are stopped first.

    Ctrl-C too is set, as a shell starts background jobs with it switched off.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
