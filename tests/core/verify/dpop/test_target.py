"""RFC 9449 section 4.3, check 9: which spellings of ``htu`` are this request's URL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.model.request import Request
from jwtguard.core.verify.dpop.target import Targets, target_of

HOST = "https://api.example"


def same(
    htu: str,
    path: str = "/a/b",
    *,
    public: tuple[str, ...] = (HOST,),
    scheme: str = "https",
    **fields: Any,
) -> bool:
    """Whether *htu* is where a request to *path* was sent."""
    headers = {"host": (fields.pop("host", "api.example"),)}
    asked = Request("GET", path, headers, **fields)
    return target_of(htu, asked.raw_path) in Targets(public).of(asked, scheme)


@pytest.mark.parametrize(
    "htu",
    [
        "https://api.example/a/b",
        "HTTPS://API.EXAMPLE/a/b",
        "https://Api.Example/a/b",
        "https://api.example:443/a/b",
        "https://api.example:/a/b",
        "https://api.example/a/b?x=1&y",
        "https://api.example/a/b?",
        "https://api.example/a/b#part",
        "https://api.example/a/b?x#part",
        "https://api.example/%61/b",
        "https://api.example/a/%62",
        "https://api.example/./a/b",
        "https://api.example/a/./b",
        "https://api.example/a/c/../b",
        "https://api.example/../a/b",
        "https://api.example/a/c/%2E%2e/b",
        "wss://api.example/a/b",
        "WSS://api.example:443/a/b",
    ],
)
def test_other_spellings_of_one_url_are_the_same(htu: str) -> None:
    """RFC 3986 sections 6.2.2 and 6.2.3, and no more than that."""
    assert same(htu)


@pytest.mark.parametrize(
    "htu",
    [
        "http://api.example/a/b",
        "ws://api.example/a/b",
        "ftp://api.example/a/b",
        "capacitor://api.example/a/b",
        "https://api.example",
        "https://api.example/",
        "https://api.example/a/b/",
        "https://api.example/a/b/.",
        "https://api.example/a/b/..",
        "https://api.example/a//b",
        "https://api.example//a/b",
        "https://api.example/A/b",
        "https://api.example/a/b;v=1",
        "https://api.example/a/b;",
        "https://api.example/a%2Fb",
        "https://api.example/a%2fb",
        "https://api.example/a%5Cb",
        "https://api.example/a\\b",
        "https:\\\\api.example\\a\\b",
        "https://api.example/a/%",
        "https://api.example/a/%6",
        "https://api.example/a/b%00",
        "https://api.example/a/b%20",
        "https://api.example/a/b ",
        " https://api.example/a/b",
        "https://api.example/a/\tb",
        "https://api.example/a/b\n",
        "https://api.example./a/b",
        "https://api.example:8443/a/b",
        "https://api.example:0443x/a/b",
        "https://api.example:99999/a/b",
        "https://evil.example/a/b",
        "https://api.example.evil.example/a/b",
        "https://alice@api.example/a/b",
        "https://alice:pw@api.example/a/b",
        "https://@api.example/a/b",
        "https://api.example@evil.example/a/b",
        "https://[::1]/a/b",
        "https://[api.example/a/b",
        "https://\u0430pi.example/a/b",
        "//api.example/a/b",
        "/a/b",
        "a/b",
        "api.example/a/b",
        "https:/api.example/a/b",
        "https:api.example/a/b",
        "https://",
        "https:///a/b",
        "",
        "about:blank",
    ],
)
def test_any_other_url_is_another_one(htu: str) -> None:
    """No tolerance for slashes, case, parameters, user info or look-alikes."""
    assert not same(htu)


@pytest.mark.parametrize(
    ("path", "htu", "good"),
    [
        ("/", "https://api.example", True),
        ("/", "https://api.example/", True),
        ("/", "https://api.example?x", True),
        ("/", "https://api.example/..", True),
        ("/a/", "https://api.example/a/", True),
        ("/a/", "https://api.example/a", False),
        ("/a/", "https://api.example/a/b/..", True),
        ("/a b", "https://api.example/a%20b", True),
        ("/a b", "https://api.example/a b", False),
        ("/\u00fc", "https://api.example/%C3%BC", True),
        ("/\u00fc", "https://api.example/%c3%bc", True),
        ("/\u00fc", "https://api.example/\u00fc", True),
        ("/\u00fc", "https://api.example/%FC", False),
        ("/a;v=1", "https://api.example/a;v=1", True),
        ("/a;v=1", "https://api.example/a%3Bv=1", True),
        ("/a;v=1", "https://api.example/a", False),
        ("/a@b", "https://api.example/a%40b", True),
        ("/a?b", "https://api.example/a%3Fb", True),
        ("/a%41", "https://api.example/a%2541", True),
        ("/a%41", "https://api.example/aA", False),
        ("/a%41", "https://api.example/a%41", False),
        ("/%", "https://api.example/%25", True),
        ("/../a", "https://api.example/a", False),
        ("/../a", "https://api.example/../a", False),
        ("/x/../a", "https://api.example/a", False),
        ("/\ud800", "https://api.example/?", False),
    ],
)
def test_paths_are_compared_decoded(path: str, htu: str, good: bool) -> None:
    """Once, as servers decode them; a request's own dot segments never match."""
    assert same(htu, path) is good


@pytest.mark.parametrize(
    ("raw_path", "htu", "good"),
    [
        ("/a%2Fb", "https://api.example/a%2Fb", True),
        ("/a%2fb", "https://api.example/a%2Fb", True),
        ("/a%2Fb?x=%2F", "https://api.example/a%2Fb", True),
        ("/a%2Fb", "https://api.example/a/b", False),
        ("/a/b", "https://api.example/a%2Fb", False),
        ("/a/b?x=%2F", "https://api.example/a/b", True),
        ("/a/b?x=%2F", "https://api.example/a%2Fb", False),
        ("/a%5Cb", "https://api.example/a%5cb", True),
        ("/a%5Cb", "https://api.example/a%2Fb", False),
        ("/a%5Cb", "https://api.example/a\\b", False),
        (None, "https://api.example/a%2Fb", False),
        ("https://api.example/a/b", "https://api.example/a/b", True),
        ("https://evil.example/a%2Fb", "https://api.example/a%2Fb", False),
    ],
)
def test_an_escaped_slash_counts_only_where_the_request_has_it(
    raw_path: str | None, htu: str, good: bool
) -> None:
    """Where the server does not show it, it is refused."""
    assert same(htu, "/a/b", raw_path=raw_path) is good


@pytest.mark.parametrize(
    ("public", "root", "htu", "good"),
    [
        ("https://api.example/v2", "", "https://api.example/v2/a/b", True),
        ("https://api.example/v2", "", "https://api.example/a/b", False),
        ("https://api.example/v2", "", "https://api.example/V2/a/b", False),
        ("https://api.example/v2", "", "https://api.example/v2/../a/b", False),
        ("https://api.example", "/v2", "https://api.example/v2/a/b", True),
        ("https://api.example", "/v2", "https://api.example/a/b", False),
        ("https://api.example/x", "/v2", "https://api.example/x/v2/a/b", True),
        ("https://api.example/x/y", "", "https://api.example/x/y/a/b", True),
        ("https://api.example:8443", "", "https://api.example:8443/a/b", True),
        ("http://localhost:8000", "", "http://localhost:8000/a/b", True),
        ("http://localhost:8000", "", "ws://localhost:8000/a/b", True),
    ],
)
def test_prefix_and_root_come_before_the_path(
    public: str, root: str, htu: str, good: bool
) -> None:
    """The prefix that a proxy takes off, then ``root_path`` or ``SCRIPT_NAME``."""
    assert same(htu, public=(public,), root=root) is good


def test_each_public_url_counts_and_host_does_not() -> None:
    """Whoever sends the request writes ``Host``."""
    both = ("https://api.example", "https://www.example/api")
    for htu in ("https://api.example/a/b", "https://www.example/api/a/b"):
        assert same(htu, public=both, host="evil.example")
    assert not same("https://evil.example/a/b", public=both, host="evil.example")


def test_without_public_url_host_decides() -> None:
    """And the scheme of the connection; a request without a usable Host has no URL."""
    assert same("https://b.example:8443/a/b", public=(), host="b.example:8443")
    assert same("http://localhost/a/b", public=(), host="localhost", scheme="http")
    assert not same("http://b.example/a/b", public=(), host="b.example")
    for host in ("", "a b", "user@b.example", "b.example/x"):
        assert not same("https://b.example/a/b", public=(), host=host)
    nowhere = Request("GET", "/a/b", {})
    assert Targets(()).of(nowhere, "https") == []


@pytest.mark.parametrize(
    "name", ["x-forwarded-host", "x-forwarded-prefix", "forwarded", "x-original-url"]
)
def test_what_proxies_forward_is_not_read(name: str) -> None:
    """Their leftmost value is the client's own."""
    headers = {"host": ("api.example",), name: ("evil.example",)}
    asked = Request("GET", "/a", headers)
    for public in ((), (HOST,)):
        (target,) = Targets(public).of(asked, "https")
        assert target.origin == HOST


@given(st.text(), st.one_of(st.none(), st.text()))
def test_any_text_is_compared(htu: str, raw_path: str | None) -> None:
    """Nothing raises, and what is found is an http origin."""
    found = target_of(htu, raw_path)
    assert found is None or found.origin.startswith(("http://", "https://"))
