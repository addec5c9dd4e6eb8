"""``jwtguard check`` compares the clocks, and names a public URL over plain http."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from jwtguard import Guard
from jwtguard.inspect.check_clock import clock_findings
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.explain_token import Dated
from jwtguard.testing import JWTIssuer

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(-60, "s behind"), (-30, ""), (0, ""), (29, ""), (3600, "s ahead of")],
)
def test_a_clock_that_is_further_off_than_the_leeway(ahead: int, said: str) -> None:
    """Tokens would be refused as expired, or as issued in the future."""
    date = {"date": formatdate(NOW + ahead, usegmt=True)}
    clock = Dated(lambda *_: (200, date, b""), lambda: NOW)
    assert not [*clock_findings(clock, 30)]
    clock("https://id.example.com", {}, 1.0)
    found = [*clock_findings(clock, 30)]
    assert [one.level for one in found] == ["weak"] * bool(said)
    for one in found:
        assert said in one.text
        assert "leeway of 30 s" in one.text


@pytest.mark.parametrize(
    ("url", "settings", "count"),
    [
        ("http://api.example", {}, 1),
        ("http://api.example", {"require_https": False}, 0),
        ("http://localhost:8000", {}, 0),
        ("https://api.example", {}, 0),
    ],
)
def test_a_public_url_over_plain_http_is_weak(
    jwt_issuer: JWTIssuer, url: str, settings: dict[str, bool], count: int
) -> None:
    """Every token that is sent there is refused, or it is on this machine."""
    policy = jwt_issuer.policy(public_url=url, **settings)
    guard = Guard(policy, clock=jwt_issuer.clock, transport=jwt_issuer.transport)
    found = [one for one in check(guard) if one.what == "public url"]
    assert [one.level for one in found] == ["weak"] * count
