"""A warning while rules are only reported: nobody forgets them for long."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.adapters import Request
from jwtguard.outside.daily import reminding, warn_of
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

    warn_of(["scopes"], emit)
    made = reminding(emit, ["scopes"], clock.monotonic)
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


def test_a_reload_starts_and_ends_the_daily_warning(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """By the kinds of the policy that is in force, once a day from the reload on."""
    told: list[str] = []

    def note(event: str, fields: Any) -> None:
        if event == "report_only":
            told.append(fields["kinds"])

    guard = Guard(jwt_issuer.policy(), clock=jwt_clock, on_event=note)
    guard.decide(Request("GET", "/", {}))
    assert told == []
    for words in (["scopes"], ["acr", "rules"], []):
        jwt_clock.advance(DAY - 1)
        guard.reload(jwt_issuer.policy(report_only=words))
        kinds = [" ".join(words)] if words else []
        assert told == kinds
        for wait, expected in ((DAY - 1, []), (1, kinds), (1, []), (DAY, kinds)):
            told.clear()
            jwt_clock.advance(wait)
            guard.decide(Request("GET", "/", {}))
            assert told == expected
        told.clear()
