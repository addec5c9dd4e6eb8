"""Somebody who follows the tutorial: saves files, starts servers, looks at answers."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tests.ports import free_port
from tests.waiting import HANG, until

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ELSEWHERE = "9."
"""The section about a token server that is not on this machine."""
INSTALLS = ("python3 -m venv", ". .venv", "pip install")
PORTS = ("8000", "8001", "9000")
MARK = "__done__"
SIGN_IN = """
<script type="module">
  const form = document.querySelector("form");
  form.username.value = "alice";
  form.password.value = "wonderland";
  form.requestSubmit();
</script>
"""

_BLOCK = re.compile(
    r"(?P<before>[^\n]+)\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_COMMAND = re.compile(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", re.DOTALL)
_NAME = re.compile(r"(?:.*[Ss]ave this program as )?`([\w.]+)`:")


class Reader:
    """Somebody who does what the page says, with other ports."""

    def __init__(self, desk: Path) -> None:
        self.desk = desk
        self.ports = {port: str(free_port()) for port in PORTS}
        own = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
        self.environ = {**own, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self.later: list[str] = []
        """What a later section adds to the variables of each server."""
        self.shell = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=desk,
            env=self.environ,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.terminate()
            server.wait(timeout=HANG)
        self.shell.terminate()
        self.shell.communicate(timeout=HANG)

    def follow(self, section: str) -> None:
        """Do every block of *section*, in order."""
        for port, own in self.ports.items():
            section = section.replace(port, own)
        for block in _BLOCK.finditer(section):
            name = _NAME.fullmatch(block["before"])
            if name:
                (self.desk / name[1]).write_text(block["text"], "utf-8")
            elif block["before"].rstrip(":").endswith("separate terminal"):
                self.serve(block["text"])
            else:
                self.run(block["text"])

    def serve(self, text: str) -> None:
        """Start a server in a separate terminal, in place of an older one."""
        *exports, command = [line.removeprefix("$ ") for line in text.splitlines()]
        program = command.split()[0]
        if program == "jwtguard":
            command += f" --port {self.ports['9000']}"
        if program in self.servers:
            old = self.servers.pop(program)
            old.terminate()
            old.wait(timeout=HANG)
        script = "\n".join([*exports, *self.later, f"exec {command}"])
        with (self.desk / f"{program}.log").open("ab") as log:
            self.servers[program] = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.desk,
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        port = command.rpartition(" ")[2]
        self.wait_for(int(port), self.desk / f"{program}.log")

    def wait_for(self, port: int, log: Path) -> None:
        """Wait until something listens."""

        def listens() -> bool:
            with socket.socket() as own:
                return own.connect_ex(("127.0.0.1", port)) == 0

        assert until(listens), log.read_text("utf-8")

    def run(self, text: str) -> None:
        """Type each command, and compare what it prints with what the page shows."""
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, shown = re.fullmatch(_COMMAND, part).groups()  # type: ignore[union-attr]
            if command.startswith(INSTALLS):
                continue
            printed = self.type(command)
            pattern = ".*".join(re.escape(one) for one in shown.strip().split("..."))
            if "..." not in shown:
                pattern = re.escape(shown.strip())
            alike = (
                re.fullmatch(pattern, printed, re.DOTALL) or shown.strip() == printed
            )
            assert alike, f"$ {command}\n{printed}\n--- and not:\n{shown}"

    def sign_in(self, host: str) -> str:
        """Sign in as alice on the page that *host* serves, and return what it shows."""
        page = self.desk / "spa.html"
        text = page.read_text("utf-8").replace(SIGN_IN, "")
        page.write_text(text + SIGN_IN, "utf-8")
        url = f"http://{host}:{self.ports['8001']}/spa"
        return dom(url, self.desk / f"profile-{host}")

    def type(self, command: str) -> str:
        """Return what *command* prints in the one shell that keeps its variables."""
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f"{command}\necho; echo {MARK}\n")
        self.shell.stdin.flush()
        lines = iter(self.shell.stdout.readline, f"{MARK}\n")
        return "".join(lines).strip()


def section(number: int) -> str:
    """Return one section of the page."""
    return TUTORIAL.read_text("utf-8").split("\n## ")[number]


def sections() -> Iterator[str]:
    """Yield the sections up to that about Keycloak; what precedes the first is one."""
    for section in TUTORIAL.read_text("utf-8").split("\n## "):
        if section.startswith(ELSEWHERE):
            return
        yield section


def dom(url: str, profile: Path) -> str:
    """Return the page as it is once everything that it fetches has come."""
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--virtual-time-budget=10000 --dump-dom"
    )
    for attempt in ("first", "second"):
        own = f"--user-data-dir={profile / attempt}"
        done = subprocess.run(
            [str(CHROMIUM), *options.split(), own, url],
            capture_output=True,
            text=True,
            timeout=120,
        )
        # A signal ended it: a browser that crashes says nothing about the page.
        if done.returncode >= 0:
            break
    assert done.returncode == 0, done.stderr
    return done.stdout
