"""What a check of claims is, and what it says if it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .jose import Compact
from .token_rules import TokenRules


class Problem(NamedTuple):
    """Why a check fails; ``detail`` names claims and never holds a value of one."""

    reason: str
    detail: str = ""


class Check(NamedTuple):
    """One check of the claims.

    ``reads`` names what it looks at under the given rules: claims, or ``header typ``;
    nothing if the rules do not ask for the check. ``problem`` returns why the token
    fails, or None. Each check can be run without the others.
    """

    name: str
    reads: Callable[[TokenRules], tuple[str, ...]]
    problem: Callable[[TokenRules, Compact, float], Problem | None]
