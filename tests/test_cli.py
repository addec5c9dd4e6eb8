"""The command line: what it prints, what it never prints, and its exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jwtguard.cli import main
from jwtguard.testing import FakeClock, JWTIssuer


@dataclass
class Terminal:
    """Runs commands, and keeps what they printed."""

    issuer: JWTIssuer
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    out: str = ""
    err: str = ""

    def run(self, *argv: str, stdin: str = "") -> int:
        """Run one command in this process; return its exit code."""
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(argv)
        self.out, self.err = self.capsys.readouterr()
        return code


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """A shell whose environment trusts an issuer on loopback."""
    issuer = JWTIssuer(clock=FakeClock())
    with issuer.served() as url:
        monkeypatch.setenv("JWTGUARD_ISSUER", url)
        monkeypatch.setenv("JWTGUARD_AUDIENCE", issuer.audience)
        monkeypatch.setenv("JWTGUARD_CLIENTS", "spa=https://www.example")
        yield Terminal(issuer, capsys, monkeypatch)


def test_check_says_what_is_enforced(terminal: Terminal) -> None:
    """Issuer, audience, keys and clients are named; a sound policy exits with 0."""
    assert terminal.run("check") == 0
    for word in (terminal.issuer.url, terminal.issuer.audience, "RS256", "spa"):
        assert word in terminal.out
    assert "\x1b[" not in terminal.out


def test_check_as_json(terminal: Terminal) -> None:
    """Scripts read the same findings as JSON."""
    assert terminal.run("check", "--json") == 0
    rows = json.loads(terminal.out)
    assert {"level": "ok", "what": "audience", "text": terminal.issuer.audience} in rows


def test_check_fails_where_the_keys_cannot_be_had(terminal: Terminal) -> None:
    """An issuer out of reach is a failure, with the reason."""
    terminal.issuer.down()
    assert terminal.run("check") == 1
    assert "status 503" in terminal.out


def test_check_names_what_is_weak(terminal: Terminal) -> None:
    """What works but should not stay so is told, and is no failure."""
    for name, value in (
        ("AUDIENCE", "unchecked"),
        ("COOKIE", "token"),
        ("REQUIRE_HTTPS", "false"),
        ("HTTP_HOSTS", "keycloak"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("ORIGINS_CLAIM", "allowed-origins"),
        ("SCOPES", "GET:/notes/*=notes:read"),
        ("PUBLIC_PATHS", "/healthz"),
    ):
        terminal.monkeypatch.setenv(f"JWTGUARD_{name}", value)
    assert terminal.run("check") == 0
    for word in ("not checked", "__Host-", "PUBLIC_URL", "plain http", "keycloak"):
        assert word in terminal.out
    assert "every address" in terminal.out


def test_a_wrong_configuration_is_told_line_by_line(terminal: Terminal) -> None:
    """Each problem has its line, on standard error."""
    terminal.monkeypatch.setenv("JWTGUARD_LEEWAY", "soon")
    terminal.monkeypatch.setenv("JWTGUARD_REALMS", "x")
    assert terminal.run("check") == 1
    assert len(terminal.err.splitlines()) == 2


def test_explain_passes_a_good_token(terminal: Terminal) -> None:
    """Every check is listed in order; neither token nor signature is printed."""
    token = terminal.issuer.token(scope="notes:read")
    assert terminal.run("explain", stdin=token) == 0
    names = [line.split()[1] for line in terminal.out.splitlines()]
    assert names[:6] == ["size", "form", "issuer", "algorithm", "key", "signature"]
    assert "notes:read" in terminal.out
    for part in token.split("."):
        assert part not in terminal.out


@pytest.mark.parametrize(
    ("make", "reason", "hint"),
    [
        ("expired", "expired", "clocks"),
        ("forged", "bad_signature", ""),
        ("id_token", "id_token", "access_token"),
        ("wrong_audience", "wrong_audience", "mapper"),
    ],
)
def test_explain_says_why_not(
    terminal: Terminal, make: str, reason: str, hint: str
) -> None:
    """The first failure has the reason that the guard gives, and a hint."""
    token: str = getattr(terminal.issuer, make)()
    assert terminal.run("explain", f"Bearer {token}") == 1
    assert reason in terminal.out
    assert hint in terminal.out


@pytest.mark.parametrize(
    ("token", "reason", "hint"),
    [
        ("opaque", "malformed", "opaque token"),
        ("a.b.c.d.e", "encrypted", "JWE"),
        ("a.b.c", "malformed", "cut or quoted"),
        ("x" * 20000, "token_too_long", ""),
    ],
)
def test_explain_what_is_no_token(
    terminal: Terminal, token: str, reason: str, hint: str
) -> None:
    """Opaque, encrypted, cut and endless tokens are told apart."""
    assert terminal.run("explain", token) == 1
    assert reason in terminal.out
    assert hint in terminal.out


def test_explain_a_near_miss(terminal: Terminal) -> None:
    """A trailing slash, or localhost for 127.0.0.1, is pointed out."""
    token = terminal.issuer.token(claims={"iss": terminal.issuer.url + "/"})
    assert terminal.run("explain", token) == 1
    assert "compared exactly" in terminal.out
    token = terminal.issuer.token(claims={"aud": terminal.issuer.audience + "/"})
    assert terminal.run("explain", token) == 1
    assert "compared exactly" in terminal.out


def test_explain_goes_on_without_the_keys(terminal: Terminal) -> None:
    """What can still be checked is checked: the claims."""
    terminal.issuer.down()
    assert terminal.run("explain", terminal.issuer.expired()) == 1
    assert "keys_unavailable" in terminal.out
    assert "expired" in terminal.out


def test_explain_an_algorithm_that_is_not_accepted(terminal: Terminal) -> None:
    """The accepted ones are listed."""
    terminal.monkeypatch.setenv("JWTGUARD_ALGORITHMS", "ES256")
    assert terminal.run("explain", terminal.issuer.token()) == 1
    assert "wrong_algorithm" in terminal.out


def test_explain_a_request(terminal: Terminal) -> None:
    """With an origin, the guard itself decides a request with this token."""
    token = terminal.issuer.token()
    good = ("--origin", "https://www.example", "--method", "POST", "--path", "/notes")
    assert terminal.run("explain", token, *good) == 0
    assert terminal.run("explain", token, "--origin", "https://evil.example") == 1
    assert "foreign_origin" in terminal.out
    assert terminal.run("explain", token, "--path", "/notes", "--json") == 0
    assert json.loads(terminal.out)[-1]["name"] == "request"


def test_colour_is_for_terminals(terminal: Terminal) -> None:
    """Green and red on a terminal, unless NO_COLOR says otherwise."""
    token = terminal.issuer.token()
    terminal.monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal.run("explain", token)
    assert "\x1b[32m" in terminal.out
    terminal.monkeypatch.setenv("NO_COLOR", "1")
    terminal.run("explain", token)
    assert "\x1b[" not in terminal.out


@pytest.mark.parametrize("name", ["issuer", "demo"])
def test_a_missing_extra_is_named(
    terminal: Terminal, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever installed the base package learns what to install."""
    monkeypatch.delitem(sys.modules, f"jwtguard.{name}", raising=False)

    def absent(_: str) -> None:
        raise ModuleNotFoundError(name="authlib")

    monkeypatch.setattr("importlib.import_module", absent)
    assert terminal.run(name) == 2
    assert f"jwtguard-middleware[{name}]" in terminal.err


def test_the_issuer_refuses_what_is_wrong(terminal: Terminal) -> None:
    """A bad option is told in one line, and nothing is served."""
    assert terminal.run("issuer", "--host", "192.0.2.1") == 2
    assert "--public" in terminal.err
    assert terminal.run("issuer", "--origin", "spa") == 2
    assert terminal.run("issuer", "--config", "absent.toml") == 2
    assert "absent.toml" in terminal.err


def test_the_command_is_installed() -> None:
    """``python -m jwtguard.cli`` runs as a program."""
    done = subprocess.run(
        [sys.executable, "-m", "jwtguard.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip()
