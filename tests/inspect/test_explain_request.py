"""A request is tried step by step: path, preflight, decision; and hints for origins."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client
from jwtguard.core.model.effects import Incoming
from jwtguard.core.model.resource import Resource
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.core.respond.near_misses import of_origin
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.explain_token import Dated
from jwtguard.inspect.hints import of_issuer
from jwtguard.inspect.shown import Check
from jwtguard.testing import ISSUER, FakeClock, JWTIssuer


def tried(issuer: JWTIssuer, token: str = "", **asked: Any) -> dict[str, Check]:
    """Return what is decided about a request, by name of the check."""
    settings = asked.pop("settings", {})
    guard = issuer.guard(**settings)
    asked = {"method": "GET", "path": "/", "origin": "", "cookie": False, **asked}
    token = token or issuer.token()
    return {
        one.name: one
        for one in try_request(guard, request_of(guard, token, **asked), token)
    }


def test_a_request_is_taken_step_by_step(jwt_issuer: JWTIssuer) -> None:
    """Path rule, preflight, decision."""
    found = tried(jwt_issuer, path="/notes", origin="https://www.example")
    assert list(found) == ["path", "preflight", "request"]
    assert all(one.passed for one in found.values())
    assert "passes the guard as alice" in found["request"].found
    found = tried(jwt_issuer, path="/x", settings={"public_paths": ["/x"]})
    assert "public" in found["path"].found
    assert "nobody" in found["request"].found


@pytest.mark.parametrize("name", ["protected-resource", "authorization-server"])
def test_metadata_are_open_to_all(jwt_issuer: JWTIssuer, name: str) -> None:
    """The guard's own, and those that the application may have."""
    settings = {"resource": "https://api.example"}
    found = tried(jwt_issuer, path=f"/.well-known/oauth-{name}", settings=settings)
    assert "open to all" in found["path"].found
    assert all(one.passed for one in found.values())
    answered = "by the guard: {" if name == "protected-resource" else "the application"
    assert answered in found["metadata"].found


def test_the_metadata_of_a_path(jwt_issuer: JWTIssuer) -> None:
    """Where a refusal says that they are, and what they say."""
    mcp = Resource(url="https://api.example/mcp", scopes=("a",))
    files = Resource(url="https://api.example/files")
    settings = {"resources": (mcp, files), "public_paths": ["/x"]}
    said = tried(jwt_issuer, path="/files/1", settings=settings)["metadata"].found
    where = "https://api.example/.well-known/oauth-protected-resource/files: {"
    assert said.startswith(f"refusals name {where}")
    assert '"dpop_signing_alg_values_supported"' in said
    assert "scopes_supported" not in said
    assert "metadata" not in tried(jwt_issuer, path="/x", settings=settings)
    assert "metadata" not in tried(jwt_issuer, path="/files/1")


def test_a_foreign_page_fails_twice(jwt_issuer: JWTIssuer) -> None:
    """Its preflight, and the request; the hint names the nearest origin."""
    found = tried(jwt_issuer, origin="http://www.example")
    assert found["preflight"].reason == "preflight_refused"
    assert "http instead of https" in found["preflight"].hint
    assert found["request"].reason == "foreign_origin"
    assert "client spa lists https://www.example" in found["request"].hint


def test_another_client_s_page(jwt_issuer: JWTIssuer) -> None:
    """The browser is let ask; the token is not that client's."""
    clients = [
        Client(id="spa", origins=["https://www.example"]),
        Client(id="admin", origins=["https://admin.example"], methods=["GET"]),
    ]
    settings = {"clients": clients}
    found = tried(jwt_issuer, origin="https://admin.example", settings=settings)
    assert found["preflight"].passed
    assert "belongs to client admin" in found["request"].hint
    assert "issued to spa" in found["request"].hint
    found = tried(
        jwt_issuer, method="DELETE", origin="https://admin.example", settings=settings
    )
    assert found["preflight"].reason == "method_not_allowed_for_client"


def test_scopes_by_path_are_told(jwt_issuer: JWTIssuer) -> None:
    """What the path needs, or that no rule opens it."""
    settings = {"scopes": [ScopeRule(path="/notes/*", require=["notes:read"])]}
    found = tried(jwt_issuer, path="/notes/1", settings=settings)
    assert "notes:read" in found["path"].found
    assert found["request"].reason == "scope_missing"
    found = tried(jwt_issuer, path="/other", settings=settings)
    assert found["request"].reason == "no_rule"
    assert "JWTGUARD_SCOPES" in found["request"].hint
    found = tried(jwt_issuer, path="/a//b", settings=settings)
    assert found["path"].reason == "path_ambiguous"


def test_a_token_in_a_cookie(jwt_issuer: JWTIssuer) -> None:
    """An unsafe request needs its own origin to go with the cookie."""
    settings: dict[str, Any] = {"cookie": "__Host-t"}
    settings["public_url"] = ["https://site.example"]
    asked: dict[str, Any] = {"method": "POST", "cookie": True, "settings": settings}
    assert tried(jwt_issuer, **asked)["request"].reason == "origin_missing"
    assert "--origin" in tried(jwt_issuer, **asked)["request"].hint
    own = tried(jwt_issuer, origin="https://site.example", **asked)
    assert "own origin" in own["preflight"].found
    assert own["request"].passed
    foreign = tried(jwt_issuer, "rubbish", origin="https://evil.example", **asked)
    assert foreign["request"].reason == "foreign_origin"
    assert foreign["request"].hint.startswith("no client lists it; see")
    settings["clients"] = [Client(id="spa", origins="https://www.example")]
    listed = tried(jwt_issuer, origin="https://www.example", **asked)
    assert "`credentials = true` of client spa" in listed["request"].hint


def test_a_site_on_loopback(jwt_issuer: JWTIssuer) -> None:
    """Where the public URL is plain http on loopback, the request is so too."""
    settings = {"public_url": ["http://localhost:8000"]}
    assert tried(jwt_issuer, settings=settings)["request"].passed


def test_a_token_path_has_no_access_token(jwt_issuer: JWTIssuer) -> None:
    """There is a form to judge, and we have none."""
    settings = {"token_paths": ["/oauth/token"]}
    found = tried(jwt_issuer, method="POST", path="/oauth/token", settings=settings)
    assert list(found) == ["path"]
    assert "form" in found["path"].found


def test_hints_for_origins() -> None:
    """Another port, and what to add where nothing comes near."""
    clients = [Client(id="spa", origins=["https://www.example"])]
    assert "another port" in of_origin("https://www.example:8443", "spa", clients)
    hint = of_origin("https://new.example", "spa", clients)
    assert hint.endswith("JWTGUARD_CLIENTS=spa=https://new.example")
    for text in ("https://[::1", "http://[", "rubbish", "https://x.example:y"):
        assert of_origin(text, "spa", clients).startswith("not a valid origin")
    assert of_issuer("https://a", ["https://b"])[0].startswith(
        "the token comes from another"
    )


def test_the_clock_of_the_kit_is_told(jwt_clock: FakeClock) -> None:
    """An issuer in memory dates its answers by its own clock."""
    issuer = JWTIssuer(alg="ES256", clock=jwt_clock)
    got = issuer.transport(f"{ISSUER}/jwks", {}, 1)
    assert got.headers["date"].endswith("GMT")


@pytest.mark.parametrize("date", ["", "x", f"Mon, 01 Jan {'9' * 22} 00:00:00 GMT"])
def test_a_date_that_no_calendar_has_tells_no_time(date: str) -> None:
    """Whatever an issuer writes there; its answer is used all the same."""
    clock = Dated(lambda *_: Incoming(200, {"date": date}, b"{}"), lambda: 0.0)
    assert clock("https://id.example", {}, 1).body == b"{}"
    assert clock.ahead is None


def test_a_public_url_over_plain_http_is_refused(jwt_issuer: JWTIssuer) -> None:
    """As the guard does; where there is an https URL too, that one is tried."""
    plain = {"public_url": ["http://api.example"]}
    assert tried(jwt_issuer, settings=plain)["request"].reason == "insecure_transport"
    both = {"public_url": ["http://api.example", "https://api.example"]}
    assert tried(jwt_issuer, settings=both)["request"].passed


def test_a_path_without_a_rule_is_shown_as_such(jwt_issuer: JWTIssuer) -> None:
    """Not as one where a token is enough."""
    settings = {"scopes": [ScopeRule(path="/notes")]}
    found = tried(jwt_issuer, path="/elsewhere", settings=settings)
    assert found["request"].reason == "no_rule"
    assert "no rule names this path and method" in found["path"].found
    assert (
        "a token is needed"
        in tried(jwt_issuer, path="/notes", settings=settings)["path"].found
    )
