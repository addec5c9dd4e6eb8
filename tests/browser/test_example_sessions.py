"""A real Chromium and the Starlette example: an expiry, signing out, strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import servers
from tests.browser.test_browser import _names, missing, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
LIFETIME = 10
"""Seconds: a page is loaded twice in less, and the end can be waited for."""
SETTINGS = {
    "www:JWTGUARD_SESSION_PATH": "/session",
    "www:JWTGUARD_SESSION_REFRESH_BEFORE": "1",
}
SERVING = ("api", "www")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str | None]]:
    """What each case had to say, with the rules as they should be."""
    folder = tmp_path_factory.mktemp("browser")
    with servers.everything(
        folder, settings=SETTINGS, serving=SERVING, lifetime=LIFETIME
    ) as place:
        yield run(place, "session")


@pytest.mark.parametrize("name", _names("session"))
def test_sessions_of_the_site(said: dict[str, str | None], name: str) -> None:
    """The Starlette example with its own form, and the guard's session path."""
    assert said[name] is None, said[name]


BROKEN: dict[str, dict[str, str]] = {
    "two tabs through an expiry: both stay signed in, and one refresh is enough": {
        "www:BREAK": "forgetful",
        "www:JWTGUARD_SESSION_GRACE": "1",
    },
    "a tab that is open past the end of its token still shows when it is signed out": {
        "www:BREAK": "signout",
    },
    "the back button after signing out shows nothing private": {
        "www:BREAK": "stored",
    },
    "a bookmark to a deep page: to the form, and back there after signing in": {
        "www:JWTGUARD_LOGIN_URL": "",
        "www:JWTGUARD_PUBLIC_PATHS": "/healthz /login /spa /static/*",
    },
    "a stranger's page that posts login, logout, refresh is refused": {
        "www:JWTGUARD_PUBLIC_URL": "{www} {stranger}",
    },
}


def test_every_case_is_broken_once() -> None:
    """Each case fails with one of the broken rules."""
    assert list(BROKEN) == _names("session")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_noticed(name: str, tmp_path: Path) -> None:
    """With the rule switched off, outside the product, its case fails: it can."""
    settings = {**SETTINGS, **BROKEN[name]}
    with servers.everything(
        tmp_path, settings=settings, serving=SERVING, lifetime=LIFETIME
    ) as place:
        assert run(place, "session", only=[name])[name] is not None
