"""A real Chromium with the real ``oidc-client-ts``: what pages can do, and cannot."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.browser import servers

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
SUITE = servers.HERE / "suite.mjs"

Found = Callable[..., dict[str, Any]]

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
    asgi: bool = False,
    only: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Run the cases of *group*; return what each had to say, None if it passed."""
    if asgi:
        place = replace(place, api=place.asgi)
    settings = {
        **asdict(place),
        "log": str(place.log),
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
def found(place: servers.Place) -> Found:
    """Run each group once, when it is first asked for."""
    known: dict[tuple[str, bool, bool], dict[str, Any]] = {}

    def find(group: str, *, relay: bool = False, asgi: bool = False) -> dict[str, Any]:
        key = (group, relay, asgi)
        if key not in known:
            known[key] = run(place, group, relay=relay, asgi=asgi)
        return known[key]

    return find


@pytest.mark.parametrize("name", _names("api"))
def test_api_under_gunicorn(found: Found, name: str) -> None:
    """The Flask example, called across origins with tokens of the issuer."""
    assert found("api")[name] is None, found("api")[name]


@pytest.mark.parametrize("name", [*_names("api"), *_names("relay")])
@pytest.mark.parametrize("asgi", [False, True], ids=["gunicorn", "uvicorn"])
def test_api_with_the_relay(found: Found, name: str, asgi: bool) -> None:
    """The same, where the token endpoint is on the API's own origin; WSGI and ASGI."""
    group = "api" if name in _names("api") else "relay"
    problem = found(group, relay=True, asgi=asgi)[name]
    assert problem is None, problem


@pytest.mark.parametrize("name", _names("sockets"))
def test_sockets_under_uvicorn(found: Found, name: str) -> None:
    """WebSockets of pages, with the token as a subprotocol."""
    problem = found("sockets", asgi=True)[name]
    assert problem is None, problem


@pytest.mark.parametrize("name", _names("site"))
def test_site_under_uvicorn(found: Found, name: str) -> None:
    """The Starlette example: cookies, and what other pages try with them."""
    assert found("site")[name] is None, found("site")[name]


def asked(place: servers.Place, marks: Sequence[str]) -> tuple[int, int]:
    """Return how many preflights and how many requests bore the mark."""
    (mark,) = marks
    lines = [line for line in place.log.read_text().splitlines() if mark in line]
    return sum('"OPTIONS ' in x for x in lines), sum('"GET ' in x for x in lines)


def test_one_preflight_for_three_calls(place: servers.Place, found: Found) -> None:
    """Browsers cache the preflight for as long as ``max_age`` says."""
    assert asked(place, found("api")["marks"]) == (1, 3)


ALL_MAY = "spa={own},{other},{stranger} other={other}"
EXPIRED = "an expired token, then a refresh"
BROKEN: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "a foreign page gets nothing": (
        "api",
        {"api:JWTGUARD_CLIENTS": ALL_MAY},
        [
            "a refresh from a stranger's page: refused, and nothing is spent",
            "a login from a stranger's page brings no token",
            "a token of client A on client B's page: refused and unreadable",
            "a stranger's page: stopped at the preflight",
        ],
    ),
    "the client's own page gets all": (
        "api",
        {"api:JWTGUARD_CLIENTS": "spa other={other}"},
        ["login and API call", "a preflight is cached"],
    ),
    "refusals are readable, and a token ends": (
        "api",
        {"api:BREAK": "exposed", "api:JWTGUARD_LEEWAY": "60"},
        [
            "a 401 is readable: status and challenge",
            "a scope refusal is readable",
            EXPIRED,
        ],
    ),
    "a refresh where it is on": (
        "api",
        {"api:JWTGUARD_REFRESH_CLIENTS": ""},
        [EXPIRED],
    ),
    "no refresh where it is off": (
        "relay",
        {"api:JWTGUARD_REFRESH_CLIENTS": "spa other"},
        ["a refresh that is off: the page reads that it has to sign in again"],
    ),
    "the issuer's refusal is readable": (
        "relay",
        {"api:JWTGUARD_CLIENTS": "spa other={other}"},
        ["a wrong password: the page reads the issuer's own words"],
    ),
    "sockets of foreign pages": (
        "sockets",
        {"api:JWTGUARD_CLIENTS": ALL_MAY, "api:JWTGUARD_LEEWAY": "60"},
        [
            "a socket of another page is refused before it opens",
            "a socket ends with its token",
        ],
    ),
    "sockets of the client's own page": (
        "sockets",
        {"api:JWTGUARD_CLIENTS": "spa"},
        ["a socket of the client's own page"],
    ),
    "sockets need a token": (
        "sockets",
        {"api:JWTGUARD_PUBLIC_PATHS": "/*"},
        ["a socket without a token, or with a bad one, is refused before it opens"],
    ),
    "cookie and login CSRF": (
        "site",
        {"www:JWTGUARD_PUBLIC_URL": "{stranger}"},
        [
            "CSRF by form, fetch, image and WebSocket from the stranger's page",
            "login CSRF: the stranger's page cannot sign the visitor in",
            "logout: by the site's own page, and not by the stranger's",
        ],
    ),
    "the cookie is out of reach": (
        "site",
        {"www:BREAK": "httponly"},
        ["login by form: an HttpOnly cookie, and a page made with it"],
    ),
    "an ended token is refreshed": (
        "site",
        {"www:BREAK": "forgetful"},
        ["an ended token is refreshed without a password"],
    ),
}

NEEDED = {
    "api": ["api"], "relay": ["api"], "sockets": ["asgi"], "site": ["api", "www"],
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(rule: str, tmp_path: Path) -> None:
    """With the rule switched off, outside the product, its cases fail: they can."""
    group, settings, only = BROKEN[rule]
    needed = NEEDED[group]
    with servers.everything(tmp_path, settings=settings, serving=needed) as place:
        problems = run(
            place, group, relay=group != "site", asgi=group == "sockets", only=only
        )
    assert [name for name in only if problems[name] is None] == []


def test_a_preflight_that_may_not_be_cached_is_noticed(tmp_path: Path) -> None:
    """With ``max_age`` taken away there are more than one: the count can fail."""
    only = ["a preflight is cached"]
    settings = {"api:BREAK": "cached"}
    with servers.everything(tmp_path, settings=settings, serving=["api"]) as place:
        marks = run(place, "api", relay=True, only=only)["marks"]
        assert asked(place, marks) == (3, 3)


def test_every_case_is_broken_once() -> None:
    """Each case fails with one of the broken rules."""
    seen = {name for _, _, only in BROKEN.values() for name in only}
    groups = ("api", "relay", "sockets", "site")
    assert seen == {name for group in groups for name in _names(group)}
