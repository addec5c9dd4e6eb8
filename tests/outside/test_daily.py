"""A warning while rules are only reported: nobody forgets them for long."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.outside.daily import reminding
from jwtguard.testing import FakeClock, JWTIssuer

DAY = 86400


def test_the_start_warns_of_rules_that_are_only_reported(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """At WARNING, with the kinds; without the setting there is no word of it."""
    Guard(jwt_issuer.policy())
    assert caplog.records == []
    Guard(jwt_issuer.policy(report_only=("scopes", "origins")))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "report_only kinds='scopes origins'"


def test_it_warns_again_once_a_day() -> None:
    """With the first event of the next day, and after that event."""
    told: list[str] = []
    clock = FakeClock()

    def emit(event: str, **_: Any) -> None:
        told.append(event)

    made = reminding(emit, ("scopes",), clock.monotonic)
    for wait, expected in (
        (0, ["report_only", "refused"]),
        (DAY - 1, ["refused"]),
        (1, ["refused", "report_only"]),
        (0, ["refused"]),
        (3 * DAY, ["refused", "report_only"]),
        (DAY - 1, ["refused"]),
    ):
        clock.advance(wait)
        made("refused")
        assert told == expected
        told.clear()


def test_a_reload_warns_too(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Rules that were enforced may be only reported from then on."""
    guard = Guard(jwt_issuer.policy())
    guard.reload(jwt_issuer.policy(report_only=("scopes", "acr")))
    told = [r for r in caplog.records if r.getMessage().startswith("report_only")]
    (record,) = told
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "report_only kinds='scopes acr'"
