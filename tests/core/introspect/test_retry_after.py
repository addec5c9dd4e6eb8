"""RFC 9110 section 10.2.3: seconds, or a date."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.introspect.retry_after import seconds_of

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("17", 17.0),
        (" 0 ", 0.0),
        ("86400", 60.0),
        ("9" * 400, 60.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:59:30 GMT", 0.0),
        ("Fri, 15 Jan 2027 08:00:30 -0000", None),
        ("Fri, 15 anF 2027 08:00:30 GMT", None),
        ("Fri, 15 Jan 2100 08:00:30 GMT", 60.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_obeyed_for_a_minute(
    field: str | None, seconds: float | None
) -> None:
    """RFC 9110 section 10.2.3: a number or a date; a day would lock everybody out."""
    assert seconds_of(field, NOW) == seconds


@given(st.integers(0, 7_000_000_000), st.integers(0, 60))
def test_every_date_is_read(now: int, wait: int) -> None:
    """Leap years and the ends of months included."""
    assert time.gmtime(now)
    assert seconds_of(formatdate(now + wait, usegmt=True), now) == wait
