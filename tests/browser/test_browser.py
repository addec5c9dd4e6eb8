"""A real Chromium with the real ``oidc-client-ts``: what pages can do, and cannot."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.browser import servers

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
SUITE = servers.HERE / "suite.mjs"

missing = [
    name
    for name, there in (
        ("Node", NODE),
        ("Chromium", CHROMIUM),
        ("npm install in tests/browser", servers.LIBRARY.exists()),
    )
    if not there
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


def _names(group: str) -> list[str]:
    """Read the names of the cases from the suite itself: none can be forgotten."""
    text = SUITE.read_text()
    body = text[text.index(f"const {group} = {{") :]
    body = body[: body.index("\n};")]
    return re.findall(r'^  async "(.+)"\(\)', body, re.MULTILINE)


def run(
    place: servers.Place,
    group: str,
    *,
    relay: bool = False,
    only: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Run the cases of *group*; return what each had to say, None if it passed."""
    settings = {
        **asdict(place),
        "log": None,
        "group": group,
        "only": only,
        "chromium": CHROMIUM,
        "lifetime": servers.LIFETIME,
        "tokenUrl": f"{place.api}/oauth/token" if relay else None,
    }
    done = subprocess.run(
        [str(NODE), str(SUITE), json.dumps(settings)],
        cwd=servers.HERE,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = {line["name"]: line["problem"] for line in lines if "name" in line}
    marks = [line["mark"] for line in lines if "mark" in line]
    return {**found, "marks": marks}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Place]:
    """Everything running, with the rules as they should be."""
    with servers.everything(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def direct(place: servers.Place) -> dict[str, Any]:
    """The API's cases, with the page asking the issuer for tokens."""
    return run(place, "api")


@pytest.fixture(scope="module")
def relayed(place: servers.Place) -> dict[str, Any]:
    """The API's cases, with the relay in front of the issuer."""
    return run(place, "api", relay=True)


@pytest.fixture(scope="module")
def site(place: servers.Place) -> dict[str, Any]:
    """The cases of the site that keeps the token in a cookie."""
    return run(place, "site")


@pytest.mark.parametrize("name", _names("api"))
def test_api_under_gunicorn(direct: dict[str, Any], name: str) -> None:
    """The Flask example, called across origins with tokens of the issuer."""
    assert direct[name] is None, direct[name]


@pytest.mark.parametrize("name", _names("api"))
def test_api_with_the_relay(relayed: dict[str, Any], name: str) -> None:
    """The same, where the token endpoint is on the API's own origin."""
    assert relayed[name] is None, relayed[name]


@pytest.mark.parametrize("name", _names("site"))
def test_site_under_uvicorn(site: dict[str, Any], name: str) -> None:
    """The Starlette example: cookies, and what other pages try with them."""
    assert site[name] is None, site[name]


def test_one_preflight_for_three_calls(
    place: servers.Place, direct: dict[str, Any]
) -> None:
    """Browsers cache the preflight for as long as ``max_age`` says."""
    (mark,) = direct["marks"]
    asked = [line for line in place.log.read_text().splitlines() if mark in line]
    assert sum('"OPTIONS ' in line for line in asked) == 1
    assert sum('"GET ' in line for line in asked) == 3


ALL_MAY = "spa={own},{other},{stranger} other={other}"
BROKEN = {
    "a foreign page": (
        {"JWTGUARD_CLIENTS": ALL_MAY},
        {},
        "api",
        [
            "a refresh from a stranger's page: refused, and nothing is spent",
            "a login from a stranger's page brings no token",
            "a token of client A on client B's page: refused and unreadable",
            "a stranger's page: stopped at the preflight",
        ],
    ),
    "the client's own page": (
        {"JWTGUARD_CLIENTS": "spa other={other}"},
        {},
        "api",
        ["login and API call", "a 401 is readable: status and challenge"],
    ),
    "cookie and login CSRF": (
        {},
        {"JWTGUARD_PUBLIC_URL": "{stranger}"},
        "site",
        [
            "CSRF by form, fetch, image and WebSocket from the stranger's page",
            "login CSRF: the stranger's page cannot sign the visitor in",
            "logout: by the site's own page, and not by the stranger's",
        ],
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(rule: str, tmp_path: Path) -> None:
    """With the rule switched off by a setting, its cases fail: they can."""
    api_settings, www_settings, group, only = BROKEN[rule]
    with servers.everything(
        tmp_path, api_settings=api_settings, www_settings=www_settings
    ) as place:
        found = run(place, group, relay=group == "api", only=only)
    assert [name for name in only if found[name] is None] == []
