"""The test kit that users get: what it promises, it does, with each framework."""

import json
import urllib.request
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import anyio
import httpx
import jwt
import pytest
from fastapi import Depends, FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from jwtguard import AuthError, Guard, Principal, load_policy
from jwtguard.core.model.effects import FetchFailedError
from jwtguard.core.model.profiles import GENERIC, PROFILES
from jwtguard.errors import InvalidTokenError
from jwtguard.fastapi import FastAPIGuard
from jwtguard.flask import JWTGuard, current_principal
from jwtguard.flask import require_scope as flask_scope
from jwtguard.rules import problem_json
from jwtguard.starlette import GuardMiddleware, principal_of, require_scope
from jwtguard.testing import AUDIENCE, ISSUER, FakeClock, JWTIssuer, OpaqueIssuer
from tests.waiting import HANG

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]


def refused(guard: Guard, token: str) -> str:
    with pytest.raises(AuthError) as caught:
        guard.verify(token)
    return caught.value.reason


# The clock.


def test_the_clock_moves_only_when_told() -> None:
    """Both of its hands, by the same."""
    clock = FakeClock(100.0)
    before = clock.monotonic()
    assert clock.time() == clock.time() == 100.0
    clock.advance(2.5)
    assert clock.time() == 102.5
    assert clock.monotonic() == before + 2.5


def test_the_fixtures_belong_together(
    jwt_clock: FakeClock, jwt_issuer: JWTIssuer, jwt_guard: Guard
) -> None:
    """One clock: a token ends when the test says so."""
    assert jwt_issuer.clock is jwt_clock
    assert jwt_guard.clock is jwt_clock
    token = jwt_issuer.token(expires_in=60)
    assert jwt_guard.verify(token).subject == "alice"
    jwt_clock.advance(91)
    assert refused(jwt_guard, token) == "expired"


# The issuer.


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_tokens_are_really_signed(alg: str) -> None:
    """With any of the families, and verified for it."""
    issuer = JWTIssuer(alg=alg)
    guard = issuer.guard()
    token = issuer.token(subject="bob", scope="a b", client_id="batch")
    assert jwt.get_unverified_header(token)["alg"] == alg
    found = guard.verify(token)
    assert (found.subject, found.client_id) == ("bob", "batch")
    assert found.scopes == {"a", "b"}
    assert found.issuer == ISSUER
    assert refused(guard, issuer.forged()) == "bad_signature"


def test_claims_and_headers_can_be_changed(jwt_issuer: JWTIssuer) -> None:
    """None leaves a claim out."""
    token = jwt_issuer.token(
        typ="JWT", claims={"sub": "eve", "jti": None, "x": [1]}, headers={"y": "z"}
    )
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "eve"
    assert claims["x"] == [1]
    assert "jti" not in claims
    assert jwt.get_unverified_header(token)["y"] == "z"
    assert "typ" not in jwt.get_unverified_header(jwt_issuer.token(typ=None))


def test_headers_are_ready_to_send(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """With a token made from the same arguments."""
    sent = jwt_issuer.headers(subject="bob")
    scheme, token = sent["Authorization"].split()
    assert scheme == "Bearer"
    assert jwt_guard.verify(token).subject == "bob"


def test_wrong_tokens_are_wrong_in_one_way(
    jwt_issuer: JWTIssuer, jwt_guard: Guard
) -> None:
    """Each is refused for what its name says."""
    assert refused(jwt_guard, jwt_issuer.expired()) == "expired"
    assert refused(jwt_guard, jwt_issuer.forged()) == "bad_signature"
    assert refused(jwt_guard, jwt_issuer.id_token()) == "id_token"
    assert refused(jwt_guard, jwt_issuer.wrong_audience()) == "wrong_audience"


def test_an_issuer_can_rotate_and_withdraw(
    jwt_clock: FakeClock, jwt_issuer: JWTIssuer, jwt_guard: Guard
) -> None:
    """A new key is found at once; a withdrawn one stops."""
    old = jwt_issuer.token(expires_in=5000)
    jwt_guard.verify(old)
    jwt_issuer.rotate()
    assert jwt_guard.verify(jwt_issuer.token())
    assert jwt_guard.verify(old)
    assert len(jwt_issuer.jwks()["keys"]) == 2
    jwt_issuer.withdraw()
    jwt_clock.advance(1300)
    assert refused(jwt_guard, old) == "unknown_key"
    jwt_issuer.rotate(withdraw=True)
    assert len(jwt_issuer.jwks()["keys"]) == 1


def test_an_issuer_can_be_down(
    jwt_clock: FakeClock, jwt_issuer: JWTIssuer, jwt_guard: Guard
) -> None:
    """And up again."""
    jwt_issuer.down()
    assert refused(jwt_guard, jwt_issuer.token()) == "keys_unavailable"
    with pytest.raises(FetchFailedError):
        jwt_issuer.transport(f"{ISSUER}/jwks", {}, 1)
    jwt_issuer.up()
    jwt_clock.advance(60)
    assert jwt_guard.verify(jwt_issuer.token())


def test_clocks_can_disagree(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """Within the leeway it does not matter, beyond it does."""
    jwt_issuer.skew(30)
    assert jwt_guard.verify(jwt_issuer.token())
    jwt_issuer.skew(31)
    assert refused(jwt_guard, jwt_issuer.token()) == "issued_in_future"


def test_what_it_does_not_publish_is_not_found(jwt_issuer: JWTIssuer) -> None:
    """404, as a real one says."""
    assert jwt_issuer.transport(f"{ISSUER}/x", {}, 1).status == 404
    found = jwt_issuer.transport(f"{ISSUER}/.well-known/openid-configuration", {}, 1)
    assert json.loads(found.body)["issuer"] == ISSUER
    assert jwt_issuer.fetches == 0


def test_settings_of_the_guard_can_be_changed(jwt_issuer: JWTIssuer) -> None:
    """By the names of the policy."""
    guard = jwt_issuer.guard(leeway=0, clients_only=True)
    assert guard.policy.leeway == 0
    assert guard.policy.clients_only
    (trusted,) = guard.policy.issuers
    assert trusted.audience == frozenset({AUDIENCE})


@pytest.mark.parametrize("kind", [JWTIssuer, OpaqueIssuer])
def test_a_guard_takes_a_renderer_and_a_hook(
    kind: type[JWTIssuer], jwt_clock: FakeClock
) -> None:
    """They work beside settings: the body of a refusal, and its event."""
    seen: list[str] = []
    app = Flask(__name__)
    guard = kind(clock=jwt_clock).guard(
        render=problem_json,
        on_event=lambda event, _: seen.append(event),
        public_paths=["/healthz"],
    )
    JWTGuard(app, guard)
    app.add_url_rule("/healthz", view_func=lambda: "fine")
    client = app.test_client()
    assert client.get("/healthz").text == "fine"
    answer = client.get("/notes")
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["reason"] == "no_credentials"
    assert "refused" in seen


def test_an_issuer_can_be_served_over_a_socket(jwt_issuer: JWTIssuer) -> None:
    """For tests that start real servers; its name is its URL meanwhile."""
    with jwt_issuer.served() as url:
        assert jwt_issuer.url == url
        found = Guard(jwt_issuer.policy(), clock=jwt_issuer.clock)
        assert found.verify(jwt_issuer.token()).issuer == url
        with urllib.request.urlopen(f"{url}/jwks") as answer:
            assert json.load(answer) == jwt_issuer.jwks()
        jwt_issuer.down()
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(f"{url}/jwks")
        caught.value.close()
    assert jwt_issuer.url == ISSUER


def test_introspection_can_be_served_over_a_socket(jwt_clock: FakeClock) -> None:
    """A guard with settings of an environment asks it, as it would in production."""
    issuer = OpaqueIssuer(clock=jwt_clock)
    with issuer.served() as url:
        environ = {
            "ISSUER": url, "AUDIENCE": issuer.audience, "INTROSPECT": "opaque",
            "INTROSPECT_CLIENT_ID": "api", "INTROSPECT_CLIENT_SECRET": "of-the-api",
            "INTROSPECT_TIMEOUT": "60",
        }  # fmt: skip
        policy = load_policy({f"JWTGUARD_{k}": v for k, v in environ.items()})
        token = issuer.opaque_token()
        assert Guard(policy, clock=jwt_clock).verify(token).subject == "alice"
        assert issuer.introspections == 1
        issuer.end(token)
        with pytest.raises(InvalidTokenError, match="inactive"):
            Guard(policy, clock=jwt_clock).verify(token)
        issuer.down()
        with pytest.raises(AuthError, match="introspection_unavailable"):
            Guard(policy, clock=jwt_clock).verify(issuer.opaque_token())


def test_any_text_is_answered_and_a_token_without_an_end_is_active() -> None:
    """RFC 7662 section 2.2: what is not a good token is inactive."""
    issuer = OpaqueIssuer()
    for text in ("", "a.b.c", "..", "é.é.é"):
        assert issuer.answer_about(text) == {"active": False}
    for endless in (issuer.token, issuer.opaque_token):
        assert issuer.answer_about(endless(claims={"exp": None}))["active"]


def test_a_served_issuer_answers_what_it_does_not_know(jwt_clock: FakeClock) -> None:
    """A status for each, and the connection is not dropped."""
    issuer = OpaqueIssuer(clock=jwt_clock)
    known: dict[str, Any] = {"auth": ("api", "of-the-api")}
    with issuer.served() as url, httpx.Client(base_url=url, timeout=HANG) as http:
        assert http.post("/introspect", data={"token": "x"}).status_code == 401
        told = http.post("/introspect", data={"token": "x"}, **known)
        assert told.json() == {"active": False}
        assert http.post("/introspect", content=b"\xff=%", **known).status_code == 400
        assert http.post("/introspect", **known).status_code == 400
        assert http.post("/jwks", data={"a": "b"}).status_code == 405
        assert http.get("/none").status_code == 404
        issuer.reply = lambda _: (200, {"content-type": "application/jwt"}, b"x")
        got = http.post("/introspect", data={"token": "x"}, **known)
        assert got.headers.get_list("content-type") == ["application/jwt"]


# Issuers of every family.


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_tokens_have_the_shape_of_a_family(profile: str) -> None:
    """Client, scope and roles are where that family keeps them; wrong ones too."""
    issuer = JWTIssuer(alg="ES256", profile=profile)
    guard = issuer.guard()
    has_roles = bool(issuer.profile.role_claims)
    token = issuer.token(scope="a b", roles=["admin"] if has_roles else ())
    found = guard.verify(token)
    assert found.client_id == "spa"
    assert found.scopes == {"a", "b"}
    assert found.roles == ({"admin"} if has_roles else set())
    assert refused(guard, issuer.id_token()) in ("id_token", "wrong_type")
    assert refused(guard, issuer.expired()) == "expired"


def test_roles_need_a_family_that_has_them() -> None:
    """Rather than to leave them out, the kit says what to do."""
    issuer = JWTIssuer(alg="ES256", profile=replace(GENERIC, role_claims=()))
    with pytest.raises(ValueError, match="profile"):
        issuer.token(roles=["admin"])


def test_a_token_made_before_goes_into_the_headers(jwt_issuer: JWTIssuer) -> None:
    """Wrong ones, above all."""
    token = jwt_issuer.wrong_audience(claims={"x": 1})
    assert jwt_issuer.headers(token) == {"Authorization": f"Bearer {token}"}


# With each framework's own test client.


def test_flask(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """``test_client`` speaks to localhost over http: loopback."""
    app = Flask("notes")
    JWTGuard(app, jwt_guard)

    @app.get("/notes")
    @flask_scope("notes:read")
    def notes() -> dict[str, str]:
        return {"owner": current_principal.subject}

    client = app.test_client()
    good = client.get("/notes", headers=jwt_issuer.headers(scope="notes:read"))
    assert good.get_json() == {"owner": "alice"}
    assert client.get("/notes").status_code == 401
    assert client.get("/notes", headers=jwt_issuer.headers()).status_code == 403


def check(client: TestClient, jwt_issuer: JWTIssuer) -> None:
    good = client.get("/notes", headers=jwt_issuer.headers(scope="notes:read"))
    assert good.json() == {"owner": "alice"}
    assert client.get("/notes").status_code == 401
    assert client.get("/notes", headers=jwt_issuer.headers()).status_code == 403


def test_starlette(
    jwt_issuer: JWTIssuer, jwt_guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    """``TestClient`` needs ``base_url="https://testserver"``, as the log says."""

    @require_scope("notes:read")
    async def notes(request: Request) -> JSONResponse:
        return JSONResponse({"owner": principal_of(request).subject})

    app = Starlette(
        routes=[Route("/notes", notes)],
        middleware=[Middleware(GuardMiddleware, guard=jwt_guard)],
    )
    check(TestClient(app, base_url="https://testserver"), jwt_issuer)
    caplog.set_level("INFO", "jwtguard")
    plain = TestClient(app).get("/notes", headers=jwt_issuer.headers())
    assert plain.status_code == 403
    assert "https://testserver" in caplog.text


def test_fastapi(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """The same client, the same answers."""
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=jwt_guard)
    guard = FastAPIGuard(token_url="/oauth/token", scopes={"notes:read": "Read"})
    reader = guard.requires("notes:read")

    @app.get("/notes")
    async def notes(
        who: Annotated[Principal, Depends(reader)],
    ) -> dict[str, str]:
        assert isinstance(who, Principal)
        return {"owner": who.subject}

    check(TestClient(app, base_url="https://testserver"), jwt_issuer)


def test_httpx(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """Its transports for WSGI and ASGI applications do, with an https base URL."""
    app = Flask("notes")
    JWTGuard(app, jwt_guard)
    app.add_url_rule("/notes", view_func=lambda: {"owner": current_principal.subject})
    base_url, headers = "https://testserver", jwt_issuer.headers()
    with httpx.Client(transport=httpx.WSGITransport(app), base_url=base_url) as client:
        assert client.get("/notes", headers=headers).json() == {"owner": "alice"}
        assert client.get("/notes").status_code == 401

    async def notes(request: Request) -> JSONResponse:
        return JSONResponse({"owner": principal_of(request).subject})

    guarded = GuardMiddleware(Starlette(routes=[Route("/notes", notes)]), jwt_guard)

    async def ask(**sent: Any) -> httpx.Response:
        transport = httpx.ASGITransport(guarded)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            return await client.get("/notes", **sent)

    assert anyio.run(partial(ask, headers=headers)).json() == {"owner": "alice"}
    assert anyio.run(ask).status_code == 401


# Logout tokens.


@pytest.mark.parametrize(
    ("said", "claims"),
    [
        ({}, {"sub": "alice", "aud": "spa"}),
        ({"subject": "bob", "client_id": "web"}, {"sub": "bob", "aud": "web"}),
        ({"sid": "s1"}, {"sub": "alice", "sid": "s1", "aud": "spa"}),
        ({"subject": None, "sid": "s1"}, {"sid": "s1", "aud": "spa"}),
        ({"sid": "s1", "claims": {"sub": "eve"}}, {"sub": "eve", "sid": "s1"}),
    ],
)
def test_a_logout_token_names_what_it_is_told(
    said: dict[str, Any], claims: dict[str, Any], jwt_issuer: JWTIssuer
) -> None:
    """A subject, a session or both; what is None is left out."""
    token = jwt_issuer.logout_token(**said)
    found = jwt.decode(token, options={"verify_signature": False})
    assert claims.items() <= found.items()
    assert ("sub" in found, "sid" in found) == ("sub" in claims, "sid" in claims)
    assert found["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}


def test_a_logout_token_ends_tokens_of_its_issuer(jwt_issuer: JWTIssuer) -> None:
    """A logout path takes it as it comes."""
    guard = jwt_issuer.guard(logout_paths="/oidc/logout")
    app = Flask(__name__)
    JWTGuard(app, guard)
    client = app.test_client()
    token, other = jwt_issuer.token(), jwt_issuer.token(subject="bob")
    form = {"logout_token": jwt_issuer.logout_token()}
    assert client.post("/oidc/logout", data=form).status_code == 200
    assert refused(guard, token) == "revoked_subject"
    assert guard.verify(other).subject == "bob"
