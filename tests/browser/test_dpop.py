"""A real Chromium whose tokens are bound to a key: two libraries, two issuers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser import servers
from tests.browser.test_browser import CHROMIUM, NODE
from tests.browser.test_browser import missing as missing_here
from tests.issuers import test_oidc_provider as op
from tests.issuers.examples import AUDIENCE
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.ports import free_ports
from tests.session_support import SECRET
from tests.waiting import HANG

OAUTH4WEBAPI = servers.LIBRARIES["oauth4webapi.js"]
SUITE = servers.HERE / "dpop.mjs"
missing = [
    *missing_here,
    *([] if OAUTH4WEBAPI.exists() else ["npm install in tests/browser"]),
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """An issuer that runs, and what an API has to know of it."""

    url: str
    settings: Mapping[str, str]
    nonces: bool
    """Whether it asks for nonces itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The page's origin, a stranger's, the issuer and one API."""

    own: str
    stranger: str
    issuer: str
    api: str
    nonces: bool


def names(group: str) -> list[str]:
    """Read the names of the cases from the suite itself: none can be forgotten."""
    text = SUITE.read_text()
    body = text[text.index(f"const {group} = {{") :]
    body = body[: body.index("\n};")]
    return re.findall(r'^  async "(.+)"\(\)', body, re.MULTILINE)


def run(place: Place, group: str, only: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the cases of *group*; return what each had to say, None if it passed."""
    settings = {
        "own": place.own,
        "stranger": place.stranger,
        "issuer": place.issuer,
        "api": place.api,
        "nonceAtIssuer": place.nonces,
        "group": group,
        "only": only,
        "chromium": CHROMIUM,
    }
    done = subprocess.run(
        [str(NODE), str(SUITE), json.dumps(settings)],
        cwd=servers.HERE,
        capture_output=True,
        text=True,
        timeout=4 * HANG,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["problem"] for line in lines}


@contextmanager
def keycloak(folder: Path, own: str) -> Iterator[Trusted]:
    """Keycloak, whose client spa is used from *own*."""
    server = Keycloak(folder)
    try:
        server.import_realm("main")
        server.change(server.client_path("spa"), webOrigins=[own])
        settings = {"JWTGUARD_PROFILE": "keycloak"}
        yield Trusted(url=server.issuer(), settings=settings, nonces=False)
    finally:
        server.close()


@contextmanager
def oidc_provider(folder: Path, own: str) -> Iterator[Trusted]:
    """oidc-provider, which asks for nonces."""
    clients = {"spa": {"alg": "RS256", "origins": [own], "resource": AUDIENCE}}
    server = op.Provider(folder, clients, word="nonce")
    try:
        yield Trusted(url=server.url, settings={}, nonces=True)
    finally:
        server.stop()


ISSUERS: Mapping[str, Callable[[Path, str], Any]] = {
    "keycloak": keycloak,
    "oidc-provider": oidc_provider,
}
LACKING = {
    "keycloak": dist.missing(),
    "oidc-provider": op.missing,
}


@contextmanager
def api(
    folder: Path, trusted: Trusted, own: str, environ: Mapping[str, str]
) -> Iterator[str]:
    """The Flask example under gunicorn."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    log = folder / "api.log"
    log.touch()
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}",
        "--threads", "4", "examples.flask_app:app",
    ]  # fmt: skip
    settings = {
        "JWTGUARD_ISSUER": trusted.url,
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_CLIENTS": f"spa={own}",
        "JWTGUARD_SECRETS": SECRET,
        "NOTES_DB": str(folder / "notes.sqlite"),
        **trusted.settings,
        **environ,
    }
    with servers.process(command, settings, log):
        servers.wait_for(f"{url}/healthz", log)
        yield url


@pytest.fixture(scope="module", params=ISSUERS)
def at(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Place]]:
    """One issuer, and an API for each setting of nonces."""
    if lacking := LACKING[request.param]:
        pytest.skip(f"missing: {', '.join(lacking)}")
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("dpop")
        pages = [running.enter_context(servers.pages(p)) for p in free_ports(2)]
        make = ISSUERS[request.param]
        trusted = running.enter_context(make(folder, pages[0]))
        known: dict[str, Place] = {}

        def find(nonce: str) -> Place:
            if nonce not in known:
                environ = {"JWTGUARD_DPOP_NONCE": nonce}
                url = running.enter_context(api(folder, trusted, pages[0], environ))
                known[nonce] = Place(
                    own=pages[0],
                    stranger=pages[1],
                    issuer=trusted.url,
                    api=url,
                    nonces=trusted.nonces,
                )
            return known[nonce]

        yield find


@pytest.fixture(scope="module")
def found(at: Callable[[str], Place]) -> Callable[[str, str], dict[str, Any]]:
    """Run each group once, when it is first asked for."""
    known: dict[str, dict[str, Any]] = {}

    def find(group: str, nonce: str) -> dict[str, Any]:
        if group not in known:
            known[group] = run(at(nonce), group)
        return known[group]

    return find


@pytest.mark.parametrize("name", names("cases"))
def test_pages_with_a_nonce(found: Callable[..., Any], name: str) -> None:
    """Bound tokens work from the client's page alone, and a thief's requests fail."""
    problem = found("cases", "require")[name]
    assert problem is None, problem


@pytest.mark.parametrize("name", names("auto"))
def test_pages_whose_clock_is_wrong(found: Callable[..., Any], name: str) -> None:
    """With ``auto``, only a wrong clock needs a nonce, and one retry heals it."""
    problem = found("auto", "auto")[name]
    assert problem is None, problem


BROKEN: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "nonces": (
        "cases",
        {"JWTGUARD_DPOP_NONCE": "off"},
        [
            "oidc-client-ts: a bound token, and the nonce in one retry",
            "oauth4webapi: a bound token, and the nonce in one retry",
        ],
    ),
    "proofs are good once": (
        "cases",
        {"JWTGUARD_DPOP_NONCE": "require", "JWTGUARD_DPOP_REPLAYS": "0"},
        ["a stolen token is useless: as bearer, with another key, with an old proof"],
    ),
    "the client's own page": (
        "cases",
        {"JWTGUARD_DPOP_NONCE": "require", "JWTGUARD_CLIENTS": "spa={own},{stranger}"},
        ["a foreign page cannot send even a good proof"],
    ),
    "the URL": (
        "cases",
        {"JWTGUARD_PUBLIC_URL": "http://localhost:1"},
        ["oidc-client-ts: the query is part of the URL it signs, and does not matter"],
    ),
    "the scheme": (
        "cases",
        {"JWTGUARD_DPOP": "off"},
        ["oauth4webapi: a refused proof names the fault in one challenge"],
    ),
    "no nonce for a right clock": (
        "auto",
        {"JWTGUARD_DPOP_NONCE": "require"},
        ["a right clock needs no nonce"],
    ),
    "a nonce for a wrong clock": (
        "auto",
        {"JWTGUARD_DPOP_NONCE": "off"},
        [
            "oauth4webapi: a clock that is wrong by an hour heals in one retry",
            "oidc-client-ts: a clock that is wrong by an hour heals in one retry",
        ],
    ),
}


@pytest.mark.skipif(bool(op.missing), reason=f"missing: {', '.join(op.missing)}")
@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(rule: str, tmp_path: Path) -> None:
    """With the rule switched off, its cases fail: they can."""
    group, environ, only = BROKEN[rule]
    with ExitStack() as running:
        own, stranger = (running.enter_context(servers.pages(p)) for p in free_ports(2))
        trusted = running.enter_context(oidc_provider(tmp_path, own))
        named = {k: v.format(own=own, stranger=stranger) for k, v in environ.items()}
        url = running.enter_context(api(tmp_path, trusted, own, named))
        place = Place(
            own=own, stranger=stranger, issuer=trusted.url, api=url, nonces=True
        )
        problems = run(place, group, only)
    assert [name for name in only if problems[name] is None] == []


def test_every_case_is_broken_once() -> None:
    """Each case fails with one of the broken rules."""
    seen = {name for _, _, only in BROKEN.values() for name in only}
    assert seen == {*names("cases"), *names("auto")}
