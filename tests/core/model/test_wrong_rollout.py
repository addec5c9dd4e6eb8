"""Settings for introducing rules that cannot be, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ConfigurationError
from jwtguard.core.model.policy_fields import REPORT_ONLY
from jwtguard.reasons import REASONS
from jwtguard.testing import JWTIssuer

ISSUER = JWTIssuer(alg="ES256")
NO_KIND = "is always enforced; expected some of scopes origins clients acr rules"
EMPTY = "must be a non-empty string"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"report_only": ("",)}, f"report_only: '': {EMPTY}"),
        ({"report_only": "signature"}, f"report_only: 'signature' {NO_KIND}"),
        ({"report_only": ("acr", "Scopes")}, f"report_only: 'Scopes' {NO_KIND}"),
        ({"report_header": 1}, "report_header: must be true or false"),
    ],
)
def test_a_wrong_value_is_named(wrong: dict[str, Any], message: str) -> None:
    """With the setting, and what may stand there."""
    with pytest.raises(ConfigurationError) as caught:
        ISSUER.policy(**wrong)
    assert [str(problem) for problem in caught.value.problems] == [message]


@pytest.mark.parametrize(
    "word",
    [
        "all", "tokens", "times", "issuer", "audience", "type", "transport", "paths",
        "token_paths", "revocation", "dpop", "cookies", "sessions", *REASONS,
    ],
)  # fmt: skip
def test_nothing_else_can_be_reported_only(word: str) -> None:
    """What protects every request is enforced, by whatever name it is called."""
    assert word not in REPORT_ONLY
    with pytest.raises(ConfigurationError):
        ISSUER.policy(report_only=("scopes", word))


def test_every_kind_may_be_reported_only() -> None:
    """One by one, and all of them."""
    for word in REPORT_ONLY:
        assert ISSUER.policy(report_only=word).report_only == (word,)
    assert ISSUER.policy(report_only=REPORT_ONLY).report_only == REPORT_ONLY
