"""Guards in processes of their own, asked line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from jwtguard.testing import JWTIssuer

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from jwtguard import AuthError, Guard, Policy, TrustedIssuer
told = []
said = json.loads(sys.argv[1])
url, keys = said.pop("url"), said.pop("keys")
issuer = TrustedIssuer(url=url, audience="unchecked", keys=keys)
guard = Guard(
    Policy(issuers=[issuer], **said), on_event=lambda event, fields: told.append(event)
)
def answer(verb, value):
    if verb == "events":
        return " ".join(told)
    if verb == "revoke":
        guard.revoke(guard.verify(value))
    elif verb == "subject":
        guard.revoke_tokens(issuer=url, subject=value)
    else:
        guard.verify(value)
    return "good"
for line in sys.stdin:
    try:
        print(answer(*line.split()), flush=True)
    except AuthError as error:
        print(error.reason, flush=True)
"""


class Worker:
    """One process with a guard of its own."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __call__(self, verb: str, value: str = "-") -> str:
        """Ask, and wait for the answer: ``good``, or why a token is refused."""
        self.send(verb, value)
        return self.answer()

    def send(self, verb: str, value: str) -> None:
        """Ask without waiting."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{verb} {value}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """Wait for the answer to what was asked first."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        """End it as SIGKILL does: nothing is said or sent."""
        self._process.kill()
        self._process.communicate()


class Workers:
    """Starts workers that trust *issuer*, and ends them."""

    def __init__(self, issuer: JWTIssuer, state: str) -> None:
        self._settings = {"url": issuer.url, "keys": issuer.jwks(), "state": state}
        self._started: list[Worker] = []

    def __call__(self, **settings: Any) -> Worker:
        """Start one; *settings* are fields of its policy."""
        worker = Worker({**self._settings, **settings})
        self._started.append(worker)
        return worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._started:
            worker.kill()
