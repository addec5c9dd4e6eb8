"""A real Chromium: who is signed out in one tab, or elsewhere, is out in all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import servers
from tests.browser.test_browser import Found, _names, missing, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
LIFETIME = 300
"""Seconds: no token expires while these tests run."""
NEEDED = {
    "signedOut": ["api"],
    "signedOutSocket": ["asgi"],
    "signedOutSite": ["api", "www"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Place]:
    """Everything running, with the rules as they should be."""
    folder = tmp_path_factory.mktemp("browser")
    with servers.everything(folder, lifetime=LIFETIME) as found:
        yield found


@pytest.fixture(scope="module")
def found(place: servers.Place) -> Found:
    """Run each group once, when it is first asked for."""
    known = {}

    def find(group: str) -> dict[str, str | None]:
        if group not in known:
            known[group] = run(place, group, asgi=group == "signedOutSocket")
        return known[group]

    return find


@pytest.mark.parametrize("name", _names("signedOut"))
def test_pages_with_oidc_client_ts(found: Found, name: str) -> None:
    """The Flask example, whose tokens a page, another page, or the issuer ends."""
    assert found("signedOut")[name] is None, found("signedOut")[name]


@pytest.mark.parametrize("name", _names("signedOutSocket"))
def test_sockets(found: Found, name: str) -> None:
    """WebSockets under uvicorn."""
    assert found("signedOutSocket")[name] is None, found("signedOutSocket")[name]


@pytest.mark.parametrize("name", _names("signedOutSite"))
def test_site(found: Found, name: str) -> None:
    """The Starlette example: its buttons, its admin page, and its other tabs."""
    assert found("signedOutSite")[name] is None, found("signedOutSite")[name]


@pytest.mark.parametrize("group", NEEDED)
def test_a_broken_sign_out_is_noticed(group: str, tmp_path: Path) -> None:
    """If sign-outs are switched off, outside the product, each case fails."""
    with servers.everything(
        tmp_path,
        settings={"BREAK": "signout"},
        serving=NEEDED[group],
        lifetime=LIFETIME,
    ) as place:
        said = run(place, group, asgi=group == "signedOutSocket")
    assert [name for name in _names(group) if said[name] is None] == []
