"""The step-up challenge (RFC 9470), as oauth4webapi parses it in a real Chromium."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from jwtguard.issuer import Client, Config
from tests.browser import servers
from tests.browser.test_browser import CHROMIUM, NODE
from tests.browser.test_dpop import Trusted, api, missing
from tests.ports import free_ports

SUITE = servers.HERE / "step_up.mjs"
NAMES = re.findall(r'^  async "(.+)"\(\)', SUITE.read_text("utf-8"), re.MULTILINE)
AGE = 10
RULES = """
[[scopes]]
path = "/admin/report"
acr = ["urn:example:mfa", "urn:example:otp"]
max_age = 300

[[scopes]]
path = "/notes"
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@contextmanager
def example(folder: Path, rules: str) -> Iterator[Mapping[str, str]]:
    """Run the Flask example by *rules*, with a page and the development issuer."""
    with ExitStack() as running:
        (port,) = free_ports(1)
        own = running.enter_context(servers.pages(port))
        issuer = running.enter_context(
            servers.issuing(Config(clients=(Client(id="spa", origins=(own,)),)))
        )
        (folder / "rules.toml").write_text(rules)
        environ = {"JWTGUARD_CONFIG": str(folder / "rules.toml")}
        trusted = Trusted(url=issuer, settings={}, nonces=False)
        url = running.enter_context(api(folder, trusted, own, environ))
        yield {"own": own, "issuer": issuer, "api": url}


def run(place: Mapping[str, str], names: Sequence[str]) -> Mapping[str, str | None]:
    """Run the cases; return what each had to say, None if it passed."""
    given = {**place, "chromium": CHROMIUM, "only": names, "age": AGE}
    done = subprocess.run(
        [str(NODE), str(SUITE), json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["problem"] for line in lines}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str | None]:
    """What each case had to say."""
    rules = f"{RULES}max_age = {AGE}\n"
    with example(tmp_path_factory.mktemp("step-up"), rules) as place:
        return run(place, NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_pages_learn_which_login_is_needed(
    found: Mapping[str, str | None], name: str
) -> None:
    """The client's library reads the challenge without code of ours."""
    assert found[name] is None, found[name]


def test_other_demands_are_noticed(tmp_path: Path) -> None:
    """With other values in the rules each case fails: they can."""
    rules = RULES.replace("mfa", "pin").replace("300", "400") + "max_age = 1\n"
    with example(tmp_path, rules) as place:
        problems = run(place, NAMES)
    assert [name for name in NAMES if problems[name] is None] == []
