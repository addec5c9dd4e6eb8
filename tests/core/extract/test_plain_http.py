"""What the log says of a token on plain HTTP: peer, fields, remedy."""

from __future__ import annotations

import ipaddress

import pytest

from jwtguard.core.extract.plain_http import plain_http
from jwtguard.core.model.request import Request
from jwtguard.core.model.validation import quoted

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), "unix")


def described(peer: str, **fields: str) -> str:
    headers = {name.replace("_", "-"): (value,) for name, value in fields.items()}
    return plain_http(Request("GET", "/", headers, "http", peer), PROXIES)


def test_a_stranger_is_named_with_each_remedy() -> None:
    """The proxy to trust, the middleware to move, the test client to change."""
    text = described("203.0.113.9", host="api.example")
    assert text.startswith("plain HTTP from '203.0.113.9'; behind a proxy")
    for remedy in (
        "JWTGUARD_TRUSTED_PROXIES", "in Flask, apply werkzeug's ProxyFix",
        'base_url="https://testserver"', "jwtguard.testing",
    ):  # fmt: skip
        assert remedy in text
    assert described("").startswith("plain HTTP from no peer; ")


def test_what_shows_a_proxy_is_named() -> None:
    """On loopback it is the reason of the refusal."""
    text = described("127.0.0.1", host="localhost", x_real_ip="192.0.2.1")
    assert "from '127.0.0.1', forwarded by a proxy (X-Real-Ip); " in text


@pytest.mark.parametrize("peer", ["10.0.0.5", "unix"])
def test_a_trusted_proxy_is_told_which_field_is_read(peer: str) -> None:
    """Forwarded and its like are never read: the log says so, and names what is."""
    for name in ("forwarded", "x_forwarded_ssl", "front_end_https"):
        text = described(peer, **{name: "proto=https", "via": "1.1 a"})
        shown = name.replace("_", "-").title()
        assert f"which sent no X-Forwarded-Proto; {shown} was sent" in text
        assert text.endswith("let the proxy set X-Forwarded-Proto")
    assert "was sent" not in described(peer, via="1.1 a", x_forwarded_for="192.0.2.1")
    text = described(peer, x_forwarded_proto="http")
    assert text.endswith("whose X-Forwarded-Proto is 'http', not https")


def test_what_strangers_send_is_cut_and_escaped() -> None:
    """A server may put what a client sent in the place of the peer."""
    text = described("1\n2\x1b" + "x" * 500, x_forwarded_proto="\r\n")
    assert text.isprintable()
    assert len(text) < 500
    assert quoted("é\n" * 50, 4) == r"'\xe9\n\xe9\n'"
