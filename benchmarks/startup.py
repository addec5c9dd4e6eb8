"""Start-up: processor time of the imports and of the first token, in new processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from jwtguard.testing import JWTIssuer

from .site import Site, token

TIMES = 7
ROOT = Path(__file__).parents[1]
_SCRIPT = """
import json, sys, time
steps, settings, token = {}, json.loads(sys.argv[1]), sys.argv[2]

def done(name):
    global began
    steps[name] = [(time.process_time() - began) * 1e3, len(sys.modules) - modules]
    began = time.process_time()

modules, began = len(sys.modules), time.process_time()
import jwt.algorithms
done("import jwt, with cryptography")
import jwtguard
done("then import jwtguard")
import jwtguard.asgi
done("then import jwtguard.asgi")
guard = jwtguard.Guard(jwtguard.load_policy(settings))
done("then the guard is made from its settings")
guard.verify(token)
done("then the first token is verified")
print(json.dumps(steps))
"""

Steps = dict[str, list[list[float]]]
"""Milliseconds and modules, process by process."""


def steps() -> Steps:
    """Return what each step of a start takes: milliseconds, and modules so far."""
    issuer = JWTIssuer()
    given = json.dumps(Site.of(issuer).environ())
    command = [sys.executable, "-W", "ignore", "-c", _SCRIPT, given, token(issuer)]
    found: Steps = {}
    for number in range(TIMES + 1):
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120,
        )  # fmt: skip
        for name, step in json.loads(done.stdout).items():
            if number:  # the first one compiles
                found.setdefault(name, []).append(step)
    return found
