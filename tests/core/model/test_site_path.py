"""Paths of this site: what a browser reads as another host is refused."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Guard
from jwtguard.core.model.site_path import LONGEST, is_site_path

SITE = "https://www.example.com"


@pytest.mark.parametrize(
    "path",
    ["/", "/notes", "/notes?q=1&next=//x", "/a%20b", "/%C3%BC?x=%2F", "/a#b", "/a//b"],
)
def test_a_path_of_this_site(path: str) -> None:
    """A path of this site is accepted unchanged."""
    assert is_site_path(path)
    assert Guard.next_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "notes", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/x",
        "/\n/x", "/%2Fevil.example", "/%2fevil.example", "/%5Cevil.example", "/%5c",
        "/%09/evil.example", "/a%00", "/ /x", "/%20/evil.example", "https://evil.example",
        "javascript:alert(1)", "/a\\b", "/ü", "/" + "a" * LONGEST, " /x", "/\x7f",
    ],
)  # fmt: skip
def test_everything_else_is_none(path: str) -> None:
    """A browser could leave the site, or a second decoding could."""
    assert not is_site_path(path)
    assert Guard.next_path(path) == "/"
    assert Guard.next_path(path, "/home") == "/home"
    assert Guard.next_path(None) == "/"


@given(st.text(alphabet="/\\.%25fFcC09aA:@?# \t\n", max_size=12))
def test_no_path_leads_to_another_host(text: str) -> None:
    """As browsers read a redirect: backslashes are slashes, tabs are dropped."""
    if is_site_path(text):
        read = text.replace("\\", "/").replace("\t", "").replace("\n", "")
        there = urlsplit(urljoin(SITE + "/login", read))
        assert f"{there.scheme}://{there.netloc}" == SITE
