"""``JWTGUARD_DEBUG``: the log explains each refusal, and no answer does."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from jwtguard import Client, Guard, Policy, ScopeRule, TrustedIssuer
from jwtguard.adapters import Request, Respond
from jwtguard.core.model.facts import Facts
from jwtguard.core.respond.debugging import Debugging
from jwtguard.errors import (
    AuthError,
    InvalidOriginError,
    InvalidTokenError,
    MissingTokenError,
)
from jwtguard.flask import JWTGuard, require_scope
from jwtguard.inspect.check_policy import check
from jwtguard.reasons import REASONS
from jwtguard.testing import ISSUER, JWTIssuer

OWN: Mapping[str, Any] = {
    "public_paths": ("/open",),
    "optional_paths": ("/maybe",),
    "token_paths": ("/oauth/token",),
    "scopes": (
        ScopeRule(path="/notes", require=("notes:read", "b")),
        ScopeRule(path="/any"),
    ),
    "cookie": "token",
}


class World:
    """A guard with these settings; *told* is what its hook heard."""

    def __init__(self, issuer: JWTIssuer, caplog: pytest.LogCaptureFixture) -> None:
        self.issuer = issuer
        self.caplog = caplog
        self.told: list[Mapping[str, Any]] = []
        caplog.set_level(logging.INFO, "jwtguard")

    def guard(self, **settings: Any) -> Guard:
        return Guard(
            self.issuer.policy(**{**OWN, "debug": True, **settings}),
            clock=self.issuer.clock,
            transport=self.issuer.transport,
            on_event=lambda _, fields: self.told.append(dict(fields)),
        )

    def refused(self, request: Request, **settings: Any) -> logging.LogRecord:
        """Return the record of the refusal of *request*."""
        answer = self.guard(**settings).decide(request)
        assert isinstance(answer, Respond)
        for word in ("hint", "seen", "docs/"):
            assert word not in f"{answer.headers}{answer.body!r}"
        return self.caplog.records[-1]


@pytest.fixture
def world(jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture) -> World:
    """A developer who looks at the log."""
    return World(jwt_issuer, caplog)


def request_with(token: str | None, path: str = "/any", **fields: str) -> Request:
    headers = {name: (value,) for name, value in fields.items()}
    if token is not None:
        headers["authorization"] = (f"Bearer {token}",)
    return Request("GET", path, headers)


def test_a_token_in_a_field_of_its_own_is_seen(world: World) -> None:
    """Where a trusted proxy has set it; a stranger's is not looked at."""
    token = world.issuer.token(claims={"aud": "https://other.example"})
    fields = {"x-token": token, "x-forwarded-proto": "https"}
    settings = {"token_header": "X-Token", "trusted_proxies": ("10.0.0.1",)}
    for peer, seen in [
        ("10.0.0.1", "unverified, by header: alg="),
        ("192.0.2.1", "no token"),
    ]:
        request = request_with(None, **fields)._replace(peer=peer)
        record = world.refused(request, **settings)
        assert record.__dict__["seen"].startswith(seen)
        assert token not in record.getMessage()


def test_the_log_says_what_was_seen_and_what_to_do(world: World) -> None:
    """As a warning, with the page of the reason; the hook hears what it always did."""
    token = world.issuer.token(claims={"aud": "https://other.example"})
    record = world.refused(request_with(token))
    said = vars(record)
    assert record.levelno == logging.WARNING
    assert (said["reason"], said["path"]) == ("wrong_audience", "/any")
    assert said["rule"] == "any token"
    assert "aud='https://other.example'" in said["seen"]
    assert f"iss={world.issuer.url!r}" in said["seen"]
    assert said["hint"].startswith("jwtguard explain")
    assert said["see"] == "docs/errors.md#wrong_audience"
    for name in ("path", "rule", "seen", "hint", "see"):
        assert f"{name}=" in record.getMessage()
        assert name not in world.told[-1]
    assert world.told[-1]["reason"] == "wrong_audience"


def test_a_handler_beside_the_metadata_may_refuse(world: World) -> None:
    """The path is open, and what a handler asks for there is refused, not a failure."""
    guard = world.guard(resource="https://api.example")
    app = Flask(__name__)
    JWTGuard(app, guard)
    path = "/.well-known/oauth-authorization-server"
    app.add_url_rule(path, "own", require_scope("a")(lambda: "in"))
    answer = app.test_client().get(path, base_url="https://api.example")
    assert answer.status_code == 401
    assert vars(world.caplog.records[-1])["rule"] == "metadata path"


def test_the_hint_of_a_reason_is_that_of_explain(world: World) -> None:
    """Where it has one."""
    said = vars(world.refused(request_with(world.issuer.token(typ="dpop+jwt"))))
    assert said["hint"] == REASONS[said["reason"]].hint


def test_without_it_there_is_one_line_at_info(world: World) -> None:
    """As before: no path, no claims."""
    record = world.refused(request_with(world.issuer.expired()), debug=False)
    assert record.levelno == logging.INFO
    added = {"path", "rule", "needed", "seen", "hint", "see", "debug"}
    assert not added & set(vars(record))
    assert not added & set(re.findall(r"(\w+)=", record.getMessage()))


@pytest.mark.parametrize(
    ("request_", "rule", "seen"),
    [
        (request_with(None), "any token", "no token"),
        (request_with("x.y"), "any token", "no token that can be read"),
        (request_with(None, "/notes"), "scope notes:read and b", "no token"),
        (
            request_with("rubbish", "/maybe"),
            "optional path",
            "no token that can be read",
        ),
        (request_with(None, "/elsewhere"), "none: no rule names the path", "no token"),
        (request_with(None, "/a/../b"), "none: the path is ambiguous", "no token"),
        (
            request_with(None, "/oauth/token")._replace(method="PUT"),
            "token path",
            "no token",
        ),
    ],
)
def test_the_rule_of_the_path_is_named(
    world: World, request_: Request, rule: str, seen: str
) -> None:
    """Whatever kind of path it is, and whatever came instead of a token."""
    said = vars(world.refused(request_))
    assert (said["rule"], said["seen"]) == (rule, seen)


def test_a_public_path_is_named_too(world: World) -> None:
    """A foreign form may not post there if a cookie is at stake."""
    fields = {"origin": "https://evil.example", "host": "api.example"}
    request = request_with(None, "/open", **fields)._replace(method="POST")
    assert vars(world.refused(request))["rule"] == "public path"


def test_a_verified_token_shows_what_it_grants(world: World) -> None:
    """The scopes that are needed, and those that the token has."""
    token = world.issuer.token(scope="b c", roles=["admin"])
    said = vars(world.refused(request_with(token, "/notes")))
    assert said["needed"] == "notes:read b"
    assert said["seen"] == "client='spa' scopes='b c' roles='admin'"


def test_neither_token_nor_query_nor_subject_is_logged(world: World) -> None:
    """Nor anything that could forge a line."""
    token = world.issuer.expired(subject="alice@example.com")
    request = request_with(token, "/any\nINFO forged")._replace(query="secret=1")
    record = world.refused(request)
    text = f"{record.getMessage()} {vars(record)['seen']}"
    for part in (*token.split("."), "alice", "secret"):
        assert part not in text
    assert "\n" not in record.getMessage()
    long = world.issuer.token(claims={"aud": ["x" * 3000]})
    record = world.refused(request_with(long, "/any/" + "y" * 3000))
    assert len(record.getMessage()) < 2500


def test_a_reason_of_the_application_has_no_hint(world: World) -> None:
    """It is not on our page."""
    from jwtguard.errors import AccessDeniedError

    request = request_with(world.issuer.token())
    world.guard().report(AccessDeniedError("mine"), request, None)
    assert vars(world.caplog.records[-1])["hint"] == ""


def test_refusals_of_decorators_are_explained_too(world: World) -> None:
    """With what the token grants."""
    app = Flask("debug")
    JWTGuard(app, world.guard(scopes=()))
    app.add_url_rule("/x", "x", require_scope("a")(lambda: "in"))
    headers = world.issuer.headers(scope="b")
    answer = app.test_client().get("/x", headers=headers)
    said = vars(world.caplog.records[-1])
    assert (said["path"], said["needed"], said["rule"]) == ("/x", "a", "any token")
    assert "scopes='b'" in said["seen"]
    assert said["hint"] not in answer.text


def test_the_page_has_an_anchor_for_each_reason() -> None:
    """``docs/conf.py`` makes one of each name in the first column."""
    page = (Path(__file__).parent.parent / "docs/errors.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(REASONS) <= set(listed)


def levels(policy: Policy) -> list[tuple[str, str]]:
    guard = Guard(policy, transport=lambda *_: (404, {}, b""))
    return [(one.level, one.text) for one in check(guard) if one.what == "debug"]


@pytest.mark.parametrize(
    ("url", "settings", "level"),
    [
        ("https://id.example.com", {}, "weak"),
        ("https://id.example.com", {"require_https": False}, "note"),
        ("http://127.0.0.1:9000", {}, "note"),
        ("http://keycloak:8080", {"http_hosts": ("keycloak",)}, "note"),
    ],
)
def test_check_warns_where_it_looks_like_production(
    url: str, settings: Mapping[str, Any], level: str
) -> None:
    """Behind TLS, with an issuer that is not on this machine."""
    own: Any = {"issuers": [TrustedIssuer(url=url)], "audience": "unchecked"}
    own |= settings
    ((found, text),) = levels(Policy(debug=True, **own))
    assert found == level
    assert ("production" in text) is (level == "weak")
    assert levels(Policy(**own)) == []


# What only the command line can do, and what is true on some paths only.
_ELSEWHERE = ("--", "add -", "every request is refused", "public path")


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_each_reason_has_a_hint_that_fits_every_case(world: World, reason: str) -> None:
    """In the log of a request; hints of the command line stay with the command."""
    known = REASONS[reason]
    error: AuthError = InvalidTokenError(reason)
    if known.code not in ("invalid_token", "invalid_dpop_proof"):
        error = AuthError(reason)
        assert known.hint
    hint = debug_hint(world.guard(), error, "/any")
    assert hint
    assert not [word for word in _ELSEWHERE if word in hint]


def debug_hint(
    guard: Guard, error: AuthError, path: str, *, origin: str = "", client: str = ""
) -> str:
    """Return the hint of the log for *error*, raised on *path*."""
    fields = {"origin": origin} if origin else {}
    facts = Facts("u", ISSUER, client) if client else None
    debugging = Debugging(guard.policy, guard._flow.paths)
    return debugging.fields(error, request_with(None, path, **fields), facts)["hint"]


def test_a_request_without_a_token_is_told_to_send_one(world: World) -> None:
    """The hint of a public path is not given on a path where tokens are read."""
    for path in ("/any", "/maybe"):
        hint = debug_hint(world.guard(), MissingTokenError("no_credentials"), path)
        assert hint.startswith("the request has no access token")
    for path in ("/open", "/oauth/token"):
        hint = debug_hint(world.guard(), MissingTokenError("no_credentials"), path)
        assert (
            hint
            == "no token is read on this path, so its handler refuses every request"
        )


@pytest.mark.parametrize(
    ("origin", "client", "expected"),
    [
        (
            "https://www.example:444",
            "spa",
            "client spa lists https://www.example: another",
        ),
        ("https://www.example", "batch", "but the token was issued to batch"),
        ("https://new.example", "spa", "JWTGUARD_CLIENTS=spa=https://new.example"),
        ("https://www.example", "", "needs `credentials = true` of client spa"),
        ("https://new.example", "", "no client lists it; see JWTGUARD_CLIENTS; a page"),
        ("", "spa", "list the page's origin for the client"),
    ],
)
def test_a_foreign_origin_is_compared_with_the_listed_ones(
    world: World, origin: str, client: str, expected: str
) -> None:
    """As ``jwtguard explain`` does; without a token, a cookie was at stake."""
    guard = world.guard(clients=(Client(id="spa", origins="https://www.example"),))
    error = InvalidOriginError("foreign_origin")
    assert expected in debug_hint(guard, error, "/any", origin=origin, client=client)


def test_a_long_origin_is_cut_in_the_hint(world: World) -> None:
    """Strangers choose it."""
    error = InvalidOriginError("foreign_origin")
    origin = f"https://{'x' * 5000}.example"
    hint = debug_hint(world.guard(), error, "/any", origin=origin, client="spa")
    assert len(hint) < 400


def test_a_path_that_its_handler_opens_is_shown_as_open(world: World) -> None:
    """The rule is the one that decided, not only that of the settings."""
    request = request_with(None)._replace(opened="public")
    world.guard().report(MissingTokenError("no_credentials"), request, None)
    said = vars(world.caplog.records[-1])
    assert said["rule"] == "public path"
    assert said["hint"].startswith("no token is read on this path")
