"""``jwtguard learn``: standard input, and the settings of the environment."""

from __future__ import annotations

import argparse
import os
import sys

from ..settings import load_policy
from .learn import learn


def run(_: argparse.Namespace) -> int:
    """Read a log from standard input, and print what it proposes."""
    policy = None
    if any(name.startswith("JWTGUARD_") for name in os.environ):
        policy = load_policy(os.environ)
    else:
        print("# the present settings are not known: add these lines to them")
    if sys.stdin.isatty():
        print("reading a log; end with Ctrl-D", file=sys.stderr)
    for line in learn(sys.stdin, policy):
        print(line)
    return 0
