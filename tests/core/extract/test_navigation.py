"""Whether a person waits for a page."""

from __future__ import annotations

import pytest

from jwtguard.core.extract.navigation import wants_page
from jwtguard.core.model.request import Request


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({"sec-fetch-mode": ("navigate",)}, True),
        ({"sec-fetch-mode": ("cors",), "accept": ("text/html",)}, False),
        ({"accept": ("text/html",)}, True),
        ({"accept": ("TEXT/HTML ; q=1.0 , */*",)}, True),
        ({"accept": ("application/xhtml+xml;level=1;q=0.2",)}, True),
        ({"accept": ("application/json, text/html;q=0.9",)}, False),
        ({"accept": ("text/html;q=0",)}, False),
        ({"accept": ("text/html;q=-1",)}, False),
        ({"accept": ("text/html;q=0.12345",)}, False),
        ({"accept": ("*/*",)}, False),
        ({}, False),
    ],
)
def test_pages_are_told_from_data(
    headers: dict[str, tuple[str, ...]], page: bool
) -> None:
    """Fetch metadata decides; without it, ``Accept``."""
    assert wants_page(Request("GET", "/", headers)) is page


def test_a_websocket_is_not_a_page() -> None:
    """Whatever its handshake says."""
    handshake = Request("GET", "/", {"accept": ("text/html",)}, websocket=True)
    assert not wants_page(handshake)
