"""What a developer is told by the issuer: who is unknown, and how that is changed."""

from __future__ import annotations

import argparse

import httpx
import pytest

from jwtguard import ConfigurationError
from jwtguard.issuer import Client, Config, _config, add_arguments

from .test_issuer import FOREIGN, LOGIN, OWN, serving

FORM = {name: value for name, value in LOGIN.items() if name != "client_id"}


def configured(*line: str) -> Config:
    """Return what a command line makes of the sample configuration."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return _config(parser.parse_args(line))


def ask(
    http: httpx.Client, headers: dict[str, str], basic: str, path: str = "token"
) -> httpx.Response:
    """Ask for a token as client *basic* with an empty secret, as Swagger UI does."""
    auth = httpx.BasicAuth(basic, "")
    form = {**FORM, "token": "x"}
    return http.post(f"/oauth/{path}", data=form, headers=headers, auth=auth)


@pytest.mark.parametrize("headers", [{}, OWN], ids=["a program", "a page"])
@pytest.mark.parametrize("path", ["token", "revoke"])
def test_a_public_client_may_use_basic_without_a_secret(
    headers: dict[str, str], path: str
) -> None:
    """RFC 6749 section 2.3.1: an empty secret is none; Swagger UI sends it so."""
    with serving(Config()) as http:
        assert ask(http, headers, "spa", path).status_code == 200
        form = {**LOGIN, "client_secret": "", "token": "x"}
        answer = http.post(f"/oauth/{path}", data=form, headers=headers)
        assert answer.status_code == 200


def test_an_empty_secret_opens_no_confidential_client() -> None:
    """Neither Basic nor the form lets a client in whose secret is missing or wrong."""
    with serving(Config(clients=(Client(id="spa", secret="hush"),))) as http:
        assert ask(http, {}, "spa").status_code == 401
        form = {**LOGIN, "client_secret": ""}
        assert http.post("/oauth/token", data=form).status_code == 401


def test_a_public_client_authenticates_once_or_not_at_all() -> None:
    """A secret that it does not have, or two names at once, is refused."""
    with serving(Config()) as http:
        wrong = httpx.BasicAuth("spa", "guess")
        assert http.post("/oauth/token", data=FORM, auth=wrong).status_code == 401
        two = {**LOGIN, "client_id": "www"}
        basic = httpx.BasicAuth("spa", "")
        assert http.post("/oauth/token", data=two, auth=basic).status_code == 401
        secret = {**LOGIN, "client_secret": "guess"}
        assert http.post("/oauth/token", data=secret, auth=basic).status_code == 401


@pytest.mark.parametrize("headers", [{}, OWN, FOREIGN])
@pytest.mark.parametrize("basic", ["nobody", "", None])
@pytest.mark.parametrize("path", ["token", "revoke"])
def test_an_unknown_client_is_told_how_to_be_added(
    capsys: pytest.CaptureFixture[str],
    headers: dict[str, str],
    basic: str | None,
    path: str,
) -> None:
    """The answer, which any page may read, and the log name the option."""
    with serving(Config()) as http:
        if basic is None:
            form = {**LOGIN, "client_id": "nobody", "token": "x"}
            answer = http.post(f"/oauth/{path}", data=form, headers=headers)
        else:
            answer = ask(http, headers, basic, path)
    assert answer.status_code == (400 if basic is None else 401)
    assert answer.json()["error"] == "invalid_client"
    assert "jwtguard issuer --client ID=URL" in answer.json()["error_description"]
    assert answer.headers["access-control-allow-origin"] == "*"
    log = capsys.readouterr().err
    assert "--client ID=URL (there are: spa www other)" in log
    assert "wonderland" not in log + answer.text


def test_a_client_is_added_on_the_command_line() -> None:
    """The option that the answer names does what the answer says."""
    added = configured("--client", "nobody=http://localhost:3000").clients[-1]
    assert added.origins == ("http://localhost:3000",)
    assert added.refresh
    config = configured("--client", "nobody", "--origin", "nobody=https://a.example")
    assert config.clients[-1].origins == ("https://a.example",)
    with serving(config) as http:
        form = {**LOGIN, "client_id": "nobody"}
        page = {"Origin": "https://a.example"}
        answer = http.post("/oauth/token", data=form, headers=page)
        assert answer.json()["refresh_token"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (("--client", "spa"), "'spa' exists already"),
        (("--client", "www=http://a.example"), "--origin www=http://a.example"),
        (("--client", "=http://localhost:3000"), "write ID"),
        (("--client", "new=localhost"), "is not a valid origin"),
        (("--origin", "new=http://localhost:3000"), "--client new=http://localhost"),
    ],
)
def test_a_wrong_client_option_is_explained(
    line: tuple[str, ...], problem: str
) -> None:
    """What cannot be a client ends the start, with what would be right."""
    with pytest.raises(ConfigurationError) as caught:
        configured(*line)
    assert problem in str(caught.value)


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_a_refused_page_is_named_in_the_log(
    capsys: pytest.CaptureFixture[str], method: str
) -> None:
    """The log holds the option for a page that is not on the list of its client."""
    headers = {**FOREIGN, "Access-Control-Request-Method": "POST"}
    with serving(Config()) as http:
        form = LOGIN if method == "POST" else None
        answer = http.request(method, "/oauth/token", data=form, headers=headers)
        odd = {**headers, "Origin": "https://evil.example\x1b[2J"}
        http.request(method, "/oauth/token", data=form, headers=odd)
    assert answer.status_code == 403
    log = capsys.readouterr().err
    assert "--origin CLIENT=https://evil.example\n" in log
    assert "\x1b" not in log


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/userinfo"])
def test_pages_may_send_x_requested_with(path: str) -> None:
    """Swagger UI sends it with each token request, so browsers ask for it first."""
    asked = {
        **OWN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-requested-with",
    }
    with serving(Config()) as http:
        answer = http.options(path, headers=asked)
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "x-requested-with"} <= set(allowed)


def test_a_long_body_is_not_read() -> None:
    """A token request has a few hundred bytes; more than 64 KiB is 413."""
    with serving(Config()) as http:
        answer = http.post("/oauth/token", data={**LOGIN, "scope": "x" * 70_000})
        assert answer.status_code == 413
