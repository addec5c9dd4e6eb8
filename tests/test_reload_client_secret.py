"""A client secret that was replaced: its file is read once the issuer refuses it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.errors import InvalidCredentialsError, IssuerUnavailableError
from jwtguard.relay import TokenRelay
from jwtguard.testing import JWTIssuer
from tests.relay_support import LOGIN, OWN, by_asgi, by_wsgi
from tests.session_support import SECRET, Browser, TokenServer
from tests.waiting import HANG

OLD, NEW = "the one before", "the one after"
NAMES = ("client_secret_denied", "reloaded", "reload_failed", "session_refresh_failed")


class Confidential(TokenServer):
    """A token server whose clients have a secret."""

    secret = OLD
    error = "invalid_client"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Refuse any other secret, in the form or in HTTP Basic."""
        if request.method == "GET" or self._accepts(request):
            return super().handle_request(request)
        return httpx.Response(401, json={"error": self.error})

    def _accepts(self, request: httpx.Request) -> bool:
        for client in ("www", "spa"):
            pair = f"{client}:{self.secret.replace(' ', '+')}".encode()
            if request.headers.get("authorization") == (
                "Basic " + b64encode(pair).decode()
            ):
                return True
        return False


class Replaced:
    """A guard whose client secret comes from a file, and its token server."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.issuer = JWTIssuer()
        self.server = Confidential(self.issuer)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.file = folder / "secret"
        self.file.write_text(OLD)
        environ = {
            "ISSUER": self.issuer.url, "AUDIENCE": self.issuer.audience,
            "RELOAD": "3600", "RELAY_TIMEOUT": str(HANG), **settings,
        }  # fmt: skip
        variables = {f"JWTGUARD_{name}": value for name, value in environ.items()}
        self.guard = Guard(
            load_policy(variables), clock=self.issuer.clock, transport=self.server,
            on_event=lambda event, fields: self.told.append((event, dict(fields))),
        )  # fmt: skip
        self.guard.follow_files(variables)

    def replace(self) -> None:
        """Give the client another secret, at the issuer and then in the file."""
        self.server.secret = NEW
        self.file.write_text(NEW)

    def events(self) -> list[str]:
        """Return the events that are about this, once nothing loads any more."""
        files = self.guard._files
        if files is not None and files.loading is not None:
            files.loading.join(HANG)
            assert not files.loading.is_alive()
        assert OLD not in str(self.told)
        assert NEW not in str(self.told)
        return [name for name, _ in self.told if name in NAMES]


def site(folder: Path) -> Replaced:
    """Return a site with sessions whose client has a secret."""
    return Replaced(
        folder, SECRETS=SECRET, SESSION_CLIENT="www", PUBLIC_PATHS="/login /logout",
        SESSION_CLIENT_SECRET_FILE=str(folder / "secret"),
    )  # fmt: skip


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_sign_in_reads_the_file_early(tmp_path: Path, error: str) -> None:
    """The first one fails with a 503, and the next has the new secret."""
    at = site(tmp_path)
    at.replace()
    at.server.error = error
    with pytest.raises(IssuerUnavailableError):
        Browser(at.guard).log_in()
    assert at.events() == ["client_secret_denied", "reloaded"]
    assert at.told[0][1]["problem"].endswith(f": status 401, {error}")
    assert Browser(at.guard).log_in().subject == "alice"


def test_a_refresh_reads_the_file_early(tmp_path: Path) -> None:
    """The session goes on meanwhile."""
    at = site(tmp_path)
    browser = Browser(at.guard)
    browser.log_in()
    at.replace()
    at.issuer.clock.advance(290)
    assert browser.subject() == "alice"
    found = at.events()
    assert found[:1] == ["client_secret_denied"]
    assert sorted(found[1:]) == ["reloaded", "session_refresh_failed"]
    at.issuer.clock.advance(5)
    assert browser.subject() == "alice"
    assert at.server.refreshes == 1


def test_a_sign_out_reads_the_file_early(tmp_path: Path) -> None:
    """The refresh token could not be revoked; that of the next visitor can."""
    at = site(tmp_path)
    first, second = Browser(at.guard), Browser(at.guard)
    first.log_in()
    second.log_in()
    at.replace()
    first.log_out()
    assert at.events() == ["client_secret_denied", "reloaded"]
    second.log_out()
    assert len(at.server.revoked) == 1


def test_a_wrong_password_says_nothing_about_the_secret(tmp_path: Path) -> None:
    """The file is not read."""
    at = site(tmp_path)
    at.file.write_text(NEW)
    at.server.answer = lambda _: httpx.Response(401, json={"error": "invalid_grant"})
    with pytest.raises(InvalidCredentialsError):
        Browser(at.guard).log_in()
    assert at.events() == []


def relay(folder: Path, **settings: str) -> tuple[Replaced, TokenRelay]:
    """Return a relay that adds the secret of its client."""
    at = Replaced(
        folder, CLIENTS="spa=http://localhost:8000", REFRESH_CLIENTS="spa",
        RELAY_CLIENT_SECRET_FILE=str(folder / "secret"), **settings,
    )  # fmt: skip
    return at, TokenRelay(at.guard, transport=at.server)


FORMS = {
    "password": LOGIN,
    "refresh": {
        "grant_type": "refresh_token", "client_id": "spa", "refresh_token": "held",
    },
    "revocation": {"client_id": "spa", "token": "held"},
}  # fmt: skip


@pytest.mark.parametrize("send", [by_wsgi, by_asgi])
@pytest.mark.parametrize("form", FORMS)
def test_the_relay_reads_the_file_early(
    tmp_path: Path, form: str, send: Callable[..., httpx.Response]
) -> None:
    """The issuer's refusal comes back once, and then the new secret is sent."""
    at, app = relay(tmp_path)
    at.server.valid["held"] = "alice"
    at.replace()
    path = "/oauth/revoke" if form == "revocation" else "/oauth/token"
    answer = send(app, "POST", path, data=FORMS[form], headers=OWN)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    assert at.events() == ["client_secret_denied", "reloaded"]
    assert send(app, "POST", path, data=FORMS[form], headers=OWN).status_code == 200


@pytest.mark.parametrize("way", ["form", "basic"])
def test_a_secret_of_the_caller_is_not_ours(tmp_path: Path, way: str) -> None:
    """A program may send a wrong one as often as it likes."""
    at, app = relay(tmp_path)
    at.file.write_text(NEW)
    basic = "Basic " + b64encode(b"spa:guessed").decode()
    form = LOGIN | ({"client_secret": "guessed"} if way == "form" else {})
    headers = OWN | ({"Authorization": basic} if way == "basic" else {})
    answer = by_wsgi(app, "POST", "/oauth/token", data=form, headers=headers)
    assert answer.status_code == 401
    assert at.events() == []


def test_without_a_secret_nothing_is_reported(tmp_path: Path) -> None:
    """A public client that the issuer does not know is another mistake."""
    at = Replaced(
        tmp_path, SECRETS=SECRET, SESSION_CLIENT="www",
        CLIENTS="spa=http://localhost:8000", PUBLIC_PATHS="/login",
    )  # fmt: skip
    with pytest.raises(IssuerUnavailableError):
        Browser(at.guard).log_in()
    app = TokenRelay(at.guard, transport=at.server)
    answer = by_wsgi(app, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert answer.status_code == 401
    assert at.events() == []
