"""The settings of bound tokens: what cannot hold, and the sentence about it."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer

ISSUER = TrustedIssuer(url="https://issuer.example", audience="api")


def problems(**settings: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Policy(issuers=[ISSUER], **settings)
    return caught.value.problems


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"dpop": "on"},
            "dpop: 'on' is not valid; expected one of accept require off",
        ),
        ({"dpop": None}, "dpop: None is not valid; expected one of accept require off"),
    ],
)
def test_a_wrong_setting_is_told_in_one_sentence(
    settings: dict[str, Any], sentence: str
) -> None:
    """With the value, and what to write."""
    assert problems(**settings) == (sentence,)


def test_a_flag_of_a_client_is_true_or_false() -> None:
    """As its other flags are."""
    with pytest.raises(ConfigurationError, match="dpop: must be true or false"):
        Client(id="spa", dpop="yes")  # type: ignore[arg-type]
