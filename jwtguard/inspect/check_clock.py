"""``jwtguard check`` by the environment, and the clocks of issuer and machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ..guard import Guard
from ..outside.http import HTTPClient
from ..settings import load_policy
from .check_policy import check
from .explain_token import Dated
from .hints import clock_words
from .routes import Finding


def check_here(*, probe: bool = False) -> Iterator[Finding]:
    """Yield what is found in the environment; raise ``ConfigurationError``."""
    clock = Dated(HTTPClient().get, time.time)
    guard = Guard(load_policy(os.environ), transport=clock)
    guard.follow_files(os.environ)
    yield from check(guard, probe=probe)
    yield from clock_findings(clock, guard.policy.leeway)


def clock_findings(clock: Dated, leeway: float) -> Iterator[Finding]:
    """Warn if the issuer's clock, as the last answer shows it, is too far from ours."""
    if clock.ahead is None or abs(clock.ahead) <= leeway:
        return
    text = f"{clock_words(clock.ahead)}, more than the leeway of {leeway:g} s"
    yield Finding("weak", "clock", f"{text}: correct the wrong one (NTP)")
