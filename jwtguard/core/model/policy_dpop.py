"""Checking the settings of bound tokens (RFC 9449)."""

from __future__ import annotations

from typing import Any

from .issuers import ALGORITHMS
from .policy_fields import DPOP, NONCES, REPLAY_OUTAGES, PolicyFields
from .validation import Problems, check_number, set_frozen, strings


def settle_dpop(policy: PolicyFields, problems: Problems) -> None:
    """Check the settings of bound tokens, and settle what depends on others."""
    where = ("dpop_algorithms",)
    algorithms = strings(policy.dpop_algorithms, where, problems)
    for name in algorithms:
        text = f"{name!r} is not valid; expected one of {' '.join(ALGORITHMS)}"
        problems.check(name in ALGORITHMS, where, text)
    given = algorithms or any(problem.where == where for problem in problems)
    problems.check(given, where, "at least one is needed")
    set_frozen(policy, dpop_algorithms=tuple(dict.fromkeys(algorithms)))
    _check_choice(problems, "dpop", policy.dpop, DPOP)
    outage = policy.dpop_replay_outage
    _check_choice(problems, "dpop_replay_outage", outage, REPLAY_OUTAGES)
    check_number(problems, ("dpop_max_age",), policy.dpop_max_age, 1)
    check_number(problems, ("dpop_replays",), policy.dpop_replays, 0, whole=True)
    _settle_nonce(policy, problems)


def _settle_nonce(policy: PolicyFields, problems: Problems) -> None:
    """Nonces that two processes make with different secrets would lead in circles."""
    if policy.dpop_nonce is None:
        set_frozen(policy, dpop_nonce="auto" if policy.secrets else "off")
        return
    where = ("dpop_nonce",)
    _check_choice(problems, "dpop_nonce", policy.dpop_nonce, NONCES)
    # What is wrong with the secrets is told by itself.
    wrong = any(problem.where in (where, ("secrets",)) for problem in problems)
    text = f"{policy.dpop_nonce!r} needs secrets; make one with `jwtguard secret`"
    good = policy.dpop_nonce == "off" or policy.secrets or wrong
    problems.check(good, where, text)


def _check_choice(
    problems: Problems, name: str, value: Any, known: tuple[str, ...]
) -> None:
    text = f"{value!r} is not valid; expected one of {' '.join(known)}"
    problems.check(isinstance(value, str) and value in known, (name,), text)
