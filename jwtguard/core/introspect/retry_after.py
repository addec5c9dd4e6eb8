"""RFC 9110 section 10.2.3: how long an endpoint wants to be left alone."""

from __future__ import annotations

import re

LONGEST_WAIT = 60.0
"""Seconds: more would keep everybody out for longer than that."""
_DATE = re.compile(
    r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """Return the wait as far as it is obeyed; None: the field says nothing."""
    text = (retry_after or "").strip(" \t")
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    found = _DATE.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    month = _MONTHS.index(found[2]) // 3 + 1
    at = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return min(max(at - now, 0.0), LONGEST_WAIT)


def _days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01, in the Gregorian calendar."""
    # The year begins in March: so the day that is added in some years is its last.
    years, months = (year - 1, month + 9) if month < 3 else (year, month - 3)
    leap = years // 4 - years // 100 + years // 400
    return years * 365 + leap + (months * 153 + 2) // 5 + day - 719469
