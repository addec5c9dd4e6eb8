"""The command line: what it prints, what it never prints, and its exit codes."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jwtguard.cli import main
from jwtguard.testing import FakeClock, JWTIssuer
from tests.session_support import SECRET


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
    told = json.loads(terminal.out)
    row = {"level": "ok", "what": "audience", "text": terminal.issuer.audience}
    assert row in told["findings"]
    assert told["routes"] == []


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
        ("CLOSE_STREAMS", "false"),
        ("ORIGINS_CLAIM", "allowed-origins"),
        ("SCOPES", "GET:/notes/*=notes:read"),
        ("PUBLIC_PATHS", "/healthz"),
    ):
        terminal.monkeypatch.setenv(f"JWTGUARD_{name}", value)
    assert terminal.run("check") == 0
    for word in ("not checked", "__Host-", "PUBLIC_URL", "plain http", "keycloak"):
        assert word in terminal.out
    assert "every address" in terminal.out
    assert "event streams" in terminal.out


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
        ("wrong_audience", "wrong_audience", "unchecked"),
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
        ("a.b.c", "malformed", "truncated or quoted"),
        ("x" * 20000, "token_too_long", ""),
    ],
)
def test_explain_text_that_is_not_a_token(
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
    assert f"write JWTGUARD_ISSUER={terminal.issuer.url}/\n" in terminal.out
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


@pytest.mark.parametrize("words", [("GET", "/notes"), ("TOKEN", "get", "/notes")])
def test_explain_takes_method_and_path_as_words(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    """After the token, or alone where that comes from standard input."""
    token = terminal.issuer.token()
    told = [token if word == "TOKEN" else word for word in words]
    assert terminal.run("explain", *told, stdin=token) == 0
    assert "passed  path       /notes" in terminal.out
    assert "--app" in terminal.out


@pytest.mark.parametrize(
    "words",
    [
        ("GET", "notes"),
        ("a.b.c", "GET", "/notes", "more"),
        ("GET", "/notes", "--path", "/notes"),
        ("--app", "app:app"),
        ("--app", "no_such_module:app", "GET", "/"),
    ],
)
def test_explain_names_what_to_write(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    """A usage error, and no traceback."""
    assert terminal.run("explain", *words) == 2
    assert len(terminal.err.splitlines()) == 1


def test_explain_asks_an_application(terminal: Terminal, tmp_path: Path) -> None:
    """Its guard, its path rules and its decorators; the settings are the guard's."""
    (tmp_path / "guarded_app.py").write_text(
        "from flask import Flask\n"
        "from jwtguard.flask import JWTGuard, require_scope\n"
        "app = Flask(__name__)\n"
        "JWTGuard(app)\n"
        "@app.get('/notes')\n"
        "@require_scope('notes:read')\n"
        "def notes():\n"
        "    return 'notes'\n"
    )
    terminal.monkeypatch.chdir(tmp_path)
    asked = ("--app", "guarded_app:app", "GET", "/notes")
    token = terminal.issuer.token(scope="notes:read")
    assert terminal.run("explain", *asked, stdin=token) == 0
    assert "GET /notes is answered by notes" in terminal.out
    poor = terminal.issuer.token(scope="other")
    assert terminal.run("explain", *asked, stdin=poor) == 1
    assert "scope_missing" in terminal.out


def test_explain_reads_a_token_response(terminal: Terminal) -> None:
    """What ``curl`` got from the token endpoint can be piped in as it is."""
    answer = json.dumps({"access_token": terminal.issuer.token(), "expires_in": 300})
    assert terminal.run("explain", stdin=answer) == 0


def test_explain_measures_the_issuer_s_clock(terminal: Terminal) -> None:
    """By the Date of its answers, over a real socket."""
    terminal.issuer.skew(500)
    assert terminal.run("explain", terminal.issuer.token()) == 1
    assert "failed  clock      the issuer's clock is" in terminal.out
    assert "ahead of this one" in terminal.out
    assert "NTP" in terminal.out
    old = terminal.issuer.token(claims={"iat": None, "nbf": None})
    assert terminal.run("explain", old) == 0
    assert "passed  clock" in terminal.out  # no rule refuses for a clock alone


def test_explain_a_cookie_needs_a_setting(terminal: Terminal) -> None:
    """Which cookie it would be is for the settings to say."""
    token = terminal.issuer.token()
    assert terminal.run("explain", token, "--cookie") == 2
    assert "JWTGUARD_COOKIE" in terminal.err
    terminal.monkeypatch.setenv("JWTGUARD_COOKIE", "__Host-t")
    assert terminal.run("explain", token, "--cookie", "--method", "post") == 1
    assert "origin_missing" in terminal.out


def test_explain_asks_for_the_token_on_a_terminal(terminal: Terminal) -> None:
    """Nobody sits before a prompt that is not there."""
    stdin = io.StringIO(terminal.issuer.token())
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    terminal.monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["explain"]) == 0
    assert "Ctrl-D" in terminal.capsys.readouterr().err


FLASK_TABLE = """\
       method  path                     needs                     handler
ok     GET     /admin/report            role admin                notes.report
ok     POST    /admin/sign-out          role admin                notes.sign_out_somebody
note   GET     /healthz                 nothing: public           notes.healthz
ok     GET     /notes                   scope notes:read          notes.list_notes
ok     POST    /notes                   scope notes:write         notes.add_note
ok     DELETE  /notes/<int:note_id>     scope notes:write         notes.delete_note
ok     any     /oauth/*                 the rules of token paths  TokenRelay.wsgi
ok     POST    /sign-out                any token                 notes.sign_out
ok     POST    /sign-out-everywhere     any token                 notes.sign_out_everywhere
ok     GET     /static/<path:filename>  any token                 static
ok     GET     /whoami                  any token                 notes.whoami
"""  # noqa: E501
STARLETTE_TABLE = """\
       method     path         needs                                    handler
ok     GET        /            any token                                home
ok     GET POST   /admin       role admin                               admin
note   GET        /healthz     nothing: public                          healthz
ok     WEBSOCKET  /live        any token                                live
note   GET POST   /login       nothing: public                          login
note   POST       /logout      nothing: a token is read if one is sent  logout
note   POST       /logout-all  nothing: a token is read if one is sent  logout_all
ok     POST       /notes       any token                                add_note
note   GET        /spa         nothing: public                          spa
note   GET        /static/*    nothing: public                          StaticFiles
"""


@pytest.mark.parametrize(
    ("app", "table"),
    [
        ("examples.flask_app:app", FLASK_TABLE),
        ("examples.flask_app:create_app()", FLASK_TABLE),
        ("examples.starlette_app:app", STARLETTE_TABLE),
    ],
)
def test_check_lists_the_routes_of_the_examples(
    terminal: Terminal, app: str, table: str, tmp_path: Path
) -> None:
    """A table that a reviewer can sign off: every route, and what it needs."""
    terminal.monkeypatch.setenv("NOTES_DB", str(tmp_path / "notes.sqlite"))
    terminal.monkeypatch.setenv("JWTGUARD_SECRETS", SECRET)
    for name in ("RELAY_URL", "RELAY_REVOCATION_URL"):  # this issuer has neither
        terminal.monkeypatch.setenv(f"JWTGUARD_{name}", "https://id.example/oauth")
    module = importlib.import_module(app.partition(":")[0])
    vars(module).pop("app", None)  # made once, of the settings of that time
    assert terminal.run("check", app) == 0
    assert table in terminal.out
    assert terminal.run("check", app, "--json") == 0
    routes = json.loads(terminal.out)["routes"]
    assert len(routes) >= len(table.splitlines()) - 1
    names = {"level", "methods", "path", "requirements", "handler", "example"}
    assert names == set(routes[0])


def test_the_page_shows_the_table_that_is_printed() -> None:
    """Whoever reads the documentation sees what they will get."""
    page = Path(__file__).parents[1] / "docs" / "cli.md"
    assert FLASK_TABLE in page.read_text("utf-8")


def test_check_fails_for_an_open_route(terminal: Terminal, tmp_path: Path) -> None:
    """An application without a guard is wrong, so that CI stops it."""
    (tmp_path / "open_app.py").write_text(
        "import flask\napp = flask.Flask(__name__)\napp.get('/x')(lambda: '')\n"
    )
    terminal.monkeypatch.chdir(tmp_path)
    terminal.monkeypatch.setattr(sys, "path", list(sys.path))
    assert terminal.run("check", "open_app:app") == 1
    assert "wrong  GET     /x" in terminal.out
    assert "JWTGuard(app)" in terminal.out


BROKEN = """\
import os
def needs(one): return one
class App:
    def __call__(self): ...
async def later(): ...
def failing():
    raise ValueError("no \\x1b[31mdatabase\\nhere")
def leaving():
    raise SystemExit("bye")
nothing = None
class Odd:
    @property
    def app(self):
        raise RuntimeError("not now")
    def __call__(self): ...
odd = Odd()
"""
FILES = {
    "broken.py": BROKEN,
    "unwritten.py": "def x(:\n",
    "unready.py": "\nimport os\nos.environ['NOT_SET']\n",
    "lacking.py": "import not_installed_here\n",
    "leaving.py": "raise SystemExit(3)\n",
}


@pytest.mark.parametrize(
    ("app", "message"),
    [
        ("examples.flask_app", "write module:app"),
        ("examples.no_such_app:app", "no_such_app"),
        ("examples.flask_app:nothing", "has no attribute 'nothing'"),
        ("examples.flask_app:create_app", "write examples.flask_app:create_app()"),
        ("os:sep", "is not an application; it is of type str"),
        ("unwritten:app", "cannot be imported: SyntaxError: invalid syntax"),
        ("unwritten:app", "unwritten.py, line 1)"),
        ("unready:app", "KeyError: 'NOT_SET' ("),
        ("unready:app", "unready.py, line 3)"),
        ("lacking:app", "No module named 'not_installed_here'"),
        ("lacking:app", "lacking.py, line 1)"),
        ("leaving:app", "SystemExit: 3"),
        ("broken:nothing", "of type NoneType"),
        ("broken:failing()", "ValueError: no \\x1b[31mdatabase here"),
        ("broken:failing()", "broken.py, line 7)"),
        ("broken:leaving()", "SystemExit: bye"),
        ("broken:needs()", "TypeError"),
        ("broken:App", "write broken:App()"),
        ("broken:later()", "asynchronous"),
        ("broken:odd", "cannot be checked: RuntimeError: not now"),
    ],
)
def test_check_names_an_object_that_is_not_an_application(
    terminal: Terminal, app: str, message: str, tmp_path: Path
) -> None:
    """A wrong call, or an application that fails, is told in one sentence."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        terminal.monkeypatch.delitem(sys.modules, name[:-3], raising=False)
    terminal.monkeypatch.syspath_prepend(str(tmp_path))
    terminal.monkeypatch.setattr(sys, "path", list(sys.path))
    assert terminal.run("check", app) == 2
    assert message in terminal.err
    assert len(terminal.err.splitlines()) == 1


def test_colour_is_for_terminals(terminal: Terminal) -> None:
    """Green and red on a terminal, unless NO_COLOR says otherwise."""
    token = terminal.issuer.token()
    terminal.monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal.run("explain", token)
    assert "\x1b[32m" in terminal.out
    terminal.monkeypatch.setenv("NO_COLOR", "1")
    terminal.run("explain", token)
    assert "\x1b[" not in terminal.out


def test_the_issuer_refuses_what_is_wrong(terminal: Terminal) -> None:
    """A bad option is told in one line, and nothing is served."""
    assert terminal.run("issuer", "--host", "192.0.2.1") == 2
    assert "--public" in terminal.err
    assert terminal.run("issuer", "--origin", "spa") == 2
    assert terminal.run("issuer", "--config", "absent.toml") == 2
    assert "absent.toml" in terminal.err


@pytest.mark.slow
def test_the_command_is_installed() -> None:
    """``python -m jwtguard.cli`` runs as a program."""
    done = subprocess.run(
        [sys.executable, "-m", "jwtguard.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip()


def test_secret_prints_a_new_one_each_time(terminal: Terminal) -> None:
    """It can be pasted as JWTGUARD_SECRETS, and is all there is on standard output."""
    made = []
    for _ in range(2):
        assert terminal.run("secret") == 0
        made.append(terminal.out)
    assert made[0] != made[1]
    terminal.monkeypatch.setenv("JWTGUARD_SECRETS", "".join(made))
    assert terminal.run("check") == 0
    assert "2; new values use the first, all are accepted" in terminal.out
    assert made[0].strip() not in terminal.out


def test_secrets_come_from_a_file(terminal: Terminal, tmp_path: Path) -> None:
    """One a line; a weak one is refused without being shown."""
    file = tmp_path / "secrets"
    assert terminal.run("secret") == 0
    file.write_text(f"{terminal.out}hunter2\n", "utf-8")
    terminal.monkeypatch.setenv("JWTGUARD_SECRETS_FILE", str(file))
    assert terminal.run("check") == 1
    assert "JWTGUARD_SECRETS_FILE: (secret) number 2: 5 bytes" in terminal.err
    assert "hunter2" not in terminal.err + terminal.out
