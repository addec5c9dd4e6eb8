"""Where processes share state: what the settings may say."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ConfigurationError
from jwtguard.testing import JWTIssuer


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "redis://cache",
        "redis://user:hunter2@cache.internal:6379/0",
        "redis://[::1]:6379",
        "rediss://cache:6380?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_a_store_is_named_by_its_url(url: str) -> None:
    """Nothing connects to it yet."""
    assert JWTIssuer().policy(state=url).state == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "expected memory://"),
        ("memory", "expected memory://"),
        ("memory://hunter2", "expected memory://"),
        ("redis:hunter2", "expected memory://"),
        ("redis:///hunter2", "expected memory://"),
        ("REDIS://hunter2", "expected memory://"),
        ("redis+cluster://hunter2", "expected memory://"),
        ("unix://hunter2", "expected memory://"),
        ("http://hunter2", "expected memory://"),
        ("valkey://hunter2", "write redis://"),
        ("valkeys://hunter2", "write rediss://"),
        (None, "expected memory://"),
        (["redis://hunter2"], "expected memory://"),
    ],
)
def test_any_other_url_is_refused_and_not_repeated(url: Any, problem: str) -> None:
    """It may hold a password."""
    with pytest.raises(ConfigurationError) as found:
        JWTIssuer().policy(state=url)
    (text,) = found.value.problems
    assert text.startswith("state: ")
    assert problem in text
    assert "hunter2" not in text


@pytest.mark.parametrize("prefix", ["", "a b", "{a}", "é", "x" * 65, None])
def test_a_prefix_is_short_and_plain(prefix: Any) -> None:
    """A brace in it would gather all keys on one node of a cluster."""
    with pytest.raises(ConfigurationError, match="state_prefix: "):
        JWTIssuer().policy(state_prefix=prefix)


@pytest.mark.parametrize("timeout", [0, -1, "1", float("inf"), True])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    """None at all would never wait for an answer."""
    with pytest.raises(ConfigurationError, match="state_timeout: "):
        JWTIssuer().policy(state_timeout=timeout)
