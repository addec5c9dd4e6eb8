"""Settings for introducing rules: which refusals are only reported."""

from __future__ import annotations

from .policy_fields import REPORT_ONLY, PolicyFields
from .validation import Problems


def check_rollout(policy: PolicyFields, problems: Problems) -> None:
    """Refuse to report only what protects every request, like signatures."""
    for word in policy.report_only:
        text = f"{word!r} is always enforced; expected some of {' '.join(REPORT_ONLY)}"
        problems.check(word in REPORT_ONLY, ("report_only",), text)
    problems.check_flag(("report_header",), policy.report_header)
