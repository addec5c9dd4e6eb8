"""A real Chromium and the Node.js example: a front end that has no code for tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import servers
from tests.browser.test_browser import _names, missing, run
from tests.session_support import SECRET

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
LIFETIME = 10
"""Seconds: a page is loaded twice in less, and the end can be waited for."""
SETTINGS = {
    "api:JWTGUARD_PUBLIC_URL": "{front}",
    "api:JWTGUARD_SECRETS": SECRET,
    "api:JWTGUARD_SESSION_CLIENT": "www",
    "api:JWTGUARD_SESSION_SCOPE": "openid notes:read notes:write",
    "api:JWTGUARD_SESSION_PATH": "/session",
    "api:JWTGUARD_SESSION_REFRESH_BEFORE": "1",
    "api:JWTGUARD_LOGIN_URL": "/login",
}
SERVING = ("api", "front")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str | None]]:
    """What each case had to say, with the rules as they should be."""
    folder = tmp_path_factory.mktemp("browser")
    with servers.everything(
        folder, settings=SETTINGS, serving=SERVING, lifetime=LIFETIME
    ) as place:
        yield run(place, "front")


@pytest.mark.parametrize("name", _names("front"))
def test_pages_made_by_node(said: dict[str, str | None], name: str) -> None:
    """The front end passes cookies on; the Flask example's guard does the rest."""
    assert said[name] is None, said[name]


NAME = "a front end in another language"
BROKEN: dict[str, dict[str, str]] = {
    f"{NAME}: sign in, add a note, sign out": {
        "api:JWTGUARD_SESSION_SCOPE": "openid notes:read",
    },
    f"{NAME}: its pages bring the refreshed cookie": {
        "api:JWTGUARD_SESSION_MAX_AGE": str(LIFETIME),
    },
    f"{NAME}: forms of a stranger's page are refused": {
        "api:JWTGUARD_PUBLIC_URL": "{front} {stranger}",
    },
}


def test_every_case_is_broken_once() -> None:
    """Each case fails with one of the broken rules."""
    assert list(BROKEN) == _names("front")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_noticed(name: str, tmp_path: Path) -> None:
    """With the rule switched off, outside the product, its case fails: it can."""
    settings = {**SETTINGS, **BROKEN[name]}
    with servers.everything(
        tmp_path, settings=settings, serving=SERVING, lifetime=LIFETIME
    ) as place:
        assert run(place, "front", only=[name])[name] is not None
