"""The test kit's token endpoint: a login form is tested with the guard's own code."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from flask import Flask, redirect, request

from jwtguard import Guard, load_policy
from jwtguard.adapters import Request
from jwtguard.flask import JWTGuard, current_principal, log_in, log_out
from jwtguard.relay import TokenRelay
from jwtguard.testing import FakeClock, PasswordIssuer
from tests.session_support import SECRET

SESSIONS: dict[str, Any] = {
    "session_client": "www",
    "session_scope": "notes:read",
    "secrets": [SECRET],
    "public_paths": ["/login"],
}
FORM = {"username": "alice", "password": "wonderland"}
CLIENT = {"client_id": "www"}


@pytest.fixture
def issuer(jwt_clock: FakeClock) -> PasswordIssuer:
    """An issuer where alice may sign in."""
    made = PasswordIssuer(clock=jwt_clock)
    made.add_user("alice", "wonderland", roles=["admin"])
    return made


def browser(issuer: PasswordIssuer, **settings: Any) -> httpx.Client:
    """Return a browser in front of a site with a login form."""
    app = Flask(__name__)
    JWTGuard(app, issuer.guard(**{**SESSIONS, **settings}))

    @app.post("/login")
    def login() -> Any:
        log_in(request, request.form["username"], request.form["password"])
        return redirect("/", 303)

    @app.post("/logout")
    def logout() -> Any:
        log_out(request)
        return redirect("/login", 303)

    @app.get("/")
    def home() -> Any:
        who = current_principal
        about = {"scopes": sorted(who.scopes), "roles": sorted(who.roles)}
        return {"subject": who.subject, "client": who.client_id, **about}

    return httpx.Client(
        transport=httpx.WSGITransport(app=app),
        base_url="https://www.example",
        headers={"Origin": "https://www.example"},
    )


@pytest.mark.parametrize("secret", [None, "of the site"])
def test_a_form_signs_in_and_out(issuer: PasswordIssuer, secret: str | None) -> None:
    """With a client secret or without; the requested scope is granted."""
    with browser(issuer, session_client_secret=secret) as http:
        assert http.get("/").status_code == 401
        assert http.post("/login", data=FORM).status_code == 303
        assert http.get("/").json() == {
            "subject": "alice",
            "client": "www",
            "scopes": ["notes:read"],
            "roles": ["admin"],
        }
        assert http.post("/logout").status_code == 303
        assert http.get("/").status_code == 401
    assert issuer.grants == ["password"]


@pytest.mark.parametrize(
    "wrong", [{"password": "x"}, {"username": "bob"}, {"password": ""}]
)
def test_a_wrong_password_is_refused(
    issuer: PasswordIssuer, wrong: dict[str, str]
) -> None:
    """As a token server does it: 401 of the site, and no session."""
    with browser(issuer) as http:
        assert http.post("/login", data={**FORM, **wrong}).status_code == 401
        assert http.get("/").status_code == 401


def test_an_outage_is_not_a_wrong_password(issuer: PasswordIssuer) -> None:
    """The form gets 503 while the issuer is down."""
    with browser(issuer) as http:
        issuer.down()
        assert http.post("/login", data=FORM).status_code == 503
        issuer.up()
        issuer.clock.advance(5)
        assert http.post("/login", data=FORM).status_code == 303


def test_a_session_is_refreshed(issuer: PasswordIssuer) -> None:
    """The refresh token is good once; a user who was removed is signed out."""
    with browser(issuer) as http:
        assert http.post("/login", data=FORM).status_code == 303
        issuer.clock.advance(280)
        assert http.get("/").status_code == 200
        issuer.clock.advance(280)
        assert http.get("/").status_code == 200
        assert issuer.grants == ["password", "refresh_token", "refresh_token"]
        issuer.remove_user("alice")
        issuer.clock.advance(400)
        assert http.get("/").status_code == 401
        assert http.post("/login", data=FORM).status_code == 401


def ask(issuer: PasswordIssuer, path: str = "/token", **form: str) -> tuple[int, Any]:
    """Return status and JSON of one request to the issuer."""
    asked = httpx.Request("POST", issuer.url + path, data=form)
    got = issuer.handle_request(asked)
    return got.status_code, got.json() if got.content else None


def test_the_endpoint_answers_as_the_specification_says(issuer: PasswordIssuer) -> None:
    """RFC 6749 section 5.2, for whatever else may be sent; RFC 7009 section 2.2."""
    login = {"grant_type": "password", **FORM}
    assert ask(issuer, **login) == (401, {"error": "invalid_client"})
    unknown = (400, {"error": "unsupported_grant_type"})
    assert ask(issuer, **CLIENT) == unknown
    assert ask(issuer, grant_type="client_credentials", **CLIENT) == unknown
    status, first = ask(issuer, **login, **CLIENT)
    assert (status, first["token_type"], first["expires_in"]) == (200, "Bearer", 300)
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    status, second = ask(issuer, **again, **CLIENT)
    assert status == 200
    denied = (400, {"error": "invalid_grant"})
    assert ask(issuer, **again, **CLIENT) == denied  # used
    again["refresh_token"] = second["refresh_token"]
    assert ask(issuer, "/revoke", token=second["refresh_token"], **CLIENT)[0] == 200
    assert ask(issuer, "/revoke", token="unknown", **CLIENT)[0] == 200
    assert ask(issuer, **again, **CLIENT) == denied  # revoked
    _, third = ask(issuer, **login, **CLIENT)
    again["refresh_token"] = third["refresh_token"]
    assert ask(issuer, **again, client_id="other") == denied


@pytest.mark.parametrize("given", ["Basic !", "Basic", "Bearer x", "Basic //8=", ""])
def test_any_client_authentication_is_answered(
    issuer: PasswordIssuer, given: str
) -> None:
    """Broken credentials are a refusal, never an exception."""
    form = {"grant_type": "password", **FORM}
    headers = {"Authorization": given}
    asked = httpx.Request("POST", f"{issuer.url}/token", data=form, headers=headers)
    assert issuer.handle_request(asked).status_code in (200, 401)


def test_a_relay_sends_its_forms_here(issuer: PasswordIssuer) -> None:
    """With the issuer as its transport; a wrong password comes back as it is."""
    relay = TokenRelay(issuer.guard(), transport=issuer)
    transport = httpx.WSGITransport(app=relay.wsgi)
    form = {"grant_type": "password", "client_id": "spa", **FORM}
    with httpx.Client(transport=transport, base_url="https://www.example") as http:
        good = http.post("/token", data=form)
        assert issuer.guard().verify(good.json()["access_token"]).subject == "alice"
        bad = http.post("/token", data={**form, "password": "x"})
    assert (bad.status_code, bad.json()["error"]) == (400, "invalid_grant")


def test_it_can_be_served_over_a_socket(
    issuer: PasswordIssuer, jwt_clock: FakeClock
) -> None:
    """A guard with settings of an environment signs in there, as in production."""
    with issuer.served() as url:
        environ = {
            "ISSUER": url,
            "AUDIENCE": issuer.audience,
            "SESSION_CLIENT": "www",
            "SECRETS": SECRET,
        }
        policy = load_policy({f"JWTGUARD_{k}": v for k, v in environ.items()})
        guard = Guard(policy, clock=jwt_clock)
        page = {"host": ["www.example"], "origin": ["https://www.example"]}
        asked = Request("POST", "/login", page, scheme="https")
        found = guard.log_in(asked, "alice", "wonderland")
        assert found.principal.subject == "alice"
        assert len(found.cookies) == 1


def test_options_of_the_token_belong_to_the_user(issuer: PasswordIssuer) -> None:
    """Subject, scope and lifetime may be another user's than the form says."""
    issuer.add_user("b", "b", subject="u-7", scope="x y", expires_in=60)
    form = {"grant_type": "password", "username": "b", "password": "b", "scope": "z"}
    _, told = ask(issuer, **form, **CLIENT)
    found = issuer.guard().verify(told["access_token"])
    assert found.subject == "u-7"
    assert found.scopes == {"x", "y"}
    assert told["expires_in"] == 60
    assert "wonderland" not in repr(vars(issuer))


def test_another_client_does_not_use_up_a_refresh_token(issuer: PasswordIssuer) -> None:
    """RFC 6749 section 10.4: it belongs to the client that it was issued to."""

    def asked(**form: str) -> httpx.Response:
        request = httpx.Request("POST", f"{issuer.url}/token", data=form)
        return issuer.handle_request(request)

    issuer.add_user("bob", "pw")
    first = asked(grant_type="password", username="bob", password="pw", client_id="a")
    refresh = first.json()["refresh_token"]
    again = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert asked(**again, client_id="b").status_code == 400
    assert asked(**again, client_id="a").status_code == 200
    assert asked(**again, client_id="a").status_code == 400
