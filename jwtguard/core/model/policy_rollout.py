"""Settings for introducing rules: what is only reported, and a second policy."""

from __future__ import annotations

from dataclasses import fields

from .policy_fields import REPORT_ONLY, SHADOWED, PolicyFields
from .validation import Problems


def check_rollout(policy: PolicyFields, problems: Problems) -> None:
    """Refuse to report only what protects every request, like signatures."""
    for word in policy.report_only:
        text = f"{word!r} is always enforced; expected some of {' '.join(REPORT_ONLY)}"
        problems.check(word in REPORT_ONLY, ("report_only",), text)
    problems.check_flag(("report_header",), policy.report_header)


def check_shadow(
    policy: PolicyFields, shadow: PolicyFields | None, problems: Problems
) -> None:
    """Refuse a second policy that differs in more than rules.

    Tokens are verified once, so both need the same issuers and keys.
    """
    if shadow is None:
        return
    where = ("shadow",)
    if not isinstance(shadow, PolicyFields):
        problems.add(where, f"must be a policy, not {type(shadow).__name__}")
        return
    for one in fields(PolicyFields):
        name = one.name
        same = name in SHADOWED or getattr(shadow, name) == getattr(policy, name)
        text = f"{name} differs; only these may: {' '.join(SHADOWED)}"
        problems.check(same, where, text)
    if getattr(shadow, "shadow", None) is not None:
        problems.add(where, "must not have a shadow itself")
