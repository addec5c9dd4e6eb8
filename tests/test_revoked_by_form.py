"""Revocation endpoints (RFC 7009): what was accepted there ends the token here."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwtguard import Client, Guard, TrustedIssuer
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.core.verify.entries import Entry, decoded
from jwtguard.errors import InsufficientScopeError
from jwtguard.relay import TokenRelay
from jwtguard.state import MemoryState
from jwtguard.testing import FakeClock, JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.relay_support import by_asgi, by_trio, by_wsgi
from tests.test_revoking import shared_guard, why
from tests.waiting import until

OWN = "https://www.example"
REVOKE = {"revocation_paths": ("/oauth/revoke",)}
Events = list[tuple[str, Any]]


def revoker(issuer: JWTIssuer, events: Events | None = None, **said: Any) -> Guard:
    """Return a guard in front of an application with a revocation endpoint."""
    hook = None if events is None else lambda *event: events.append(event)
    return Guard(
        issuer.policy(**{**REVOKE, **said}),
        clock=issuer.clock,
        transport=issuer.transport,
        on_event=hook,
    )


def head_of(heard: list[int]) -> Any:
    """A ``start_response`` that notes each status."""
    return lambda line, *_: heard.append(int(line[:3]))


def body_of(token: str, **more: str) -> bytes:
    return urlencode({"client_id": "spa", "token": token, **more}).encode()


def environ_of(body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/oauth/revoke",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_ORIGIN": OWN,
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
    }


def plain(status: int) -> Any:
    """A WSGI application that returns a list."""

    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response(f"{status} X", [])
        return [b"{}"]

    return app


def lazy(status: int) -> Any:
    """A WSGI application that is a generator."""

    def app(_: Any, start_response: Any) -> Iterator[bytes]:
        start_response(f"{status} X", [])
        yield b""
        yield b"{}"

    return app


def empty(status: int) -> Any:
    """A WSGI application whose answer has no body."""

    def app(_: Any, start_response: Any) -> Iterator[bytes]:
        start_response(f"{status} X", [])
        return iter(())

    return app


def by_wsgi_app(make: Any, guard: Guard, body: bytes, status: int) -> int:
    heard: list[int] = []
    answer = WSGIGuard(make(status), guard)(environ_of(body), head_of(heard))
    assert b"".join(answer) in (b"{}", b"") or heard[-1] >= 400
    return heard[-1]


def by_asgi_app(backend: str, guard: Guard, body: bytes, status: int) -> int:
    heard: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        heard.append(message.get("status", 0))

    kind = b"application/x-www-form-urlencoded"
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/oauth/revoke",
        "scheme": "https",
        "headers": [(b"content-type", kind), (b"origin", OWN.encode())],
    }
    anyio.run(ASGIGuard(app, guard), scope, receive, send, backend=backend)
    return heard[0]


Post = Callable[[Guard, bytes, int], int]
WORLDS: dict[str, Post] = {
    "plain": functools.partial(by_wsgi_app, plain),
    "lazy": functools.partial(by_wsgi_app, lazy),
    "empty": functools.partial(by_wsgi_app, empty),
    "asyncio": functools.partial(by_asgi_app, "asyncio"),
    "trio": functools.partial(by_asgi_app, "trio"),
}


@pytest.fixture(params=WORLDS)
def post(request: pytest.FixtureRequest) -> Post:
    """Post a form, and let the application answer with a status."""
    return WORLDS[request.param]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("claims", "reason"), [({"sid": "s1"}, "revoked_session"), ({}, "revoked_token")]
)
def test_an_accepted_revocation_ends_the_token(
    post: Post, claims: Any, reason: str, known: bool, jwt_issuer: JWTIssuer
) -> None:
    """Its session if it names one, else it alone; whether it was known or not."""
    events: Events = []
    guard = revoker(jwt_issuer, events)
    token, other = jwt_issuer.token(claims=claims), jwt_issuer.token()
    if known:
        assert why(guard, token) == ""
    assert post(guard, body_of(token), 200) == 200
    assert [why(guard, token), why(guard, other)] == [reason, ""]
    kind = "sid" if claims else "jti"
    told = {"issuer": jwt_issuer.url, "kind": kind, "shared": False}
    assert [said for event, said in events if event == "revoked"] == [told]


@pytest.mark.parametrize("status", [204, 302, 400, 401, 403, 404, 500, 503])
def test_a_revocation_that_was_not_accepted_ends_nothing(
    post: Post, status: int, jwt_issuer: JWTIssuer
) -> None:
    """RFC 7009 section 2.2: 200 alone says that the token is revoked."""
    guard, token = revoker(jwt_issuer), jwt_issuer.token()
    assert post(guard, body_of(token), status) == status
    assert why(guard, token) == ""


def test_a_token_request_ends_nothing(jwt_issuer: JWTIssuer) -> None:
    """A form of the token endpoint may hold a token, too."""
    guard = revoker(jwt_issuer, token_paths=("/oauth/revoke",), revocation_paths=())
    token = jwt_issuer.token()
    body = body_of(token, grant_type="password", username="a", password="b")
    assert WORLDS["plain"](guard, body, 200) == 200
    assert why(guard, token) == ""


STRANGER = JWTIssuer("https://stranger.example")
SECRET = "s" * 64
NO_TOKENS: dict[str, Callable[[JWTIssuer], str]] = {
    "empty": lambda _: "",
    "a word": lambda _: "x",
    "an opaque refresh token": lambda _: "refresh.3c9d1f",
    "a refresh token with a shared key": lambda issuer: jwt.encode(
        {"iss": issuer.url, "typ": "Refresh", "sid": "s1"}, SECRET, "HS512"
    ),
    "a refresh token that is signed": lambda issuer: issuer.token(
        claims={"sid": "s1", "typ": "Refresh"}
    ),
    "an ID token": lambda issuer: issuer.token(
        typ="JWT",
        claims={
            "sid": "s1", "aud": "spa", "nonce": "n", "client_id": None, "scope": None
        },
    ),
    "a logout token": lambda issuer: issuer.logout_token(claims={"sid": "s1"}),
    "a forged one": lambda issuer: issuer.forged(claims={"sid": "s1"}),
    "another issuer's": lambda _: STRANGER.token(claims={"sid": "s1"}),
    "one with another subject type": lambda issuer: issuer.token(
        claims={"sid": "s1", "sub": 7}
    ),
    "one without exp": lambda issuer: issuer.token(claims={"sid": "s1", "exp": None}),
    "one with a time that is none": lambda issuer: issuer.token(
        claims={"sid": "s1", "iat": "yesterday"}
    ),
    "one that is too long": lambda issuer: issuer.token(
        claims={"sid": "s1", "x": "y" * 17000}
    ),
    "null bytes": lambda issuer: f"\x00{issuer.token(claims={'sid': 's1'})}",
}  # fmt: skip


@pytest.mark.parametrize("make", NO_TOKENS.values(), ids=NO_TOKENS)
@pytest.mark.parametrize("world", ["plain", "asyncio"])
def test_text_that_is_not_an_access_token_revokes_nothing(
    make: Callable[[JWTIssuer], str], world: str, jwt_issuer: JWTIssuer
) -> None:
    """An endpoint answers 200 for any text (RFC 7009 section 2.2)."""
    events: Events = []
    guard = revoker(jwt_issuer, events)
    good = jwt_issuer.token(claims={"sid": "s1"})
    assert why(guard, good) == ""
    assert WORLDS[world](guard, body_of(make(jwt_issuer)), 200) == 200
    assert why(guard, good) == ""
    assert len(guard._flow.revocations) == 0
    assert "revoked" not in dict(events)


def test_a_form_without_a_token_ends_nothing(jwt_issuer: JWTIssuer) -> None:
    """The application may accept it all the same."""
    guard = revoker(jwt_issuer)
    assert WORLDS["plain"](guard, b"client_id=spa", 200) == 200
    assert len(guard._flow.revocations) == 0


@pytest.mark.parametrize(
    "changed",
    [{"exp": 1000, "iat": 900}, {"aud": "https://other.example"}],
    ids=["expired", "another API's"],
)
def test_a_session_ends_though_its_token_is_not_accepted_here(
    changed: Any, jwt_issuer: JWTIssuer
) -> None:
    """It may have expired, or be meant for another API: other tokens of it are good."""
    guard = revoker(jwt_issuer)
    posted = jwt_issuer.token(claims={"sid": "s1", **changed})
    other = jwt_issuer.token(claims={"sid": "s1"})
    assert why(guard, other) == ""
    WORLDS["plain"](guard, body_of(posted), 200)
    assert why(guard, other) == "revoked_session"


def test_a_later_sign_in_is_good_whatever_the_token_said_of_its_time(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """An expired token may claim to be issued next year."""
    guard = revoker(jwt_issuer)
    odd = {"sid": "s1", "exp": 1000, "iat": jwt_clock.time() + 1e7}
    WORLDS["plain"](guard, body_of(jwt_issuer.token(claims=odd)), 200)
    assert why(guard, jwt_issuer.token(claims={"sid": "s1"})) == "revoked_session"
    jwt_clock.advance(31)
    assert why(guard, jwt_issuer.token(claims={"sid": "s1"})) == ""


def test_a_client_ends_tokens_of_its_own_issuer_alone(jwt_issuer: JWTIssuer) -> None:
    """Its issuer knows nothing of another one's tokens, and answers 200."""
    stranger = JWTIssuer(STRANGER.url, clock=jwt_issuer.clock)
    issuers = tuple(
        TrustedIssuer(url=one.url, audience=one.audience, keys=one.jwks())
        for one in (jwt_issuer, stranger)
    )
    clients = tuple(
        Client(id=name, issuer=one.url, origins=(OWN,))
        for name, one in (("spa", jwt_issuer), ("other", stranger))
    )
    guard = revoker(jwt_issuer, issuers=issuers, clients=clients)
    theirs, ours = stranger.token(), jwt_issuer.token()
    for token in (theirs, ours):
        WORLDS["plain"](guard, body_of(token), 200)
    assert [why(guard, theirs), why(guard, ours)] == ["", "revoked_token"]


def test_a_flood_of_made_up_key_ids_costs_one_fetch(jwt_issuer: JWTIssuer) -> None:
    """As everywhere: unknown keys are asked for once in the cooldown."""
    guard = revoker(jwt_issuer)
    guard.verify(jwt_issuer.token())
    before = jwt_issuer.fetches
    for number in range(20):
        token = jwt_issuer.token(headers={"kid": f"made-up-{number}"})
        assert WORLDS["plain"](guard, body_of(token), 200) == 200
    assert jwt_issuer.fetches <= before + 1


def test_an_issuer_that_is_down_is_an_event_and_not_an_error(
    post: Post, jwt_issuer: JWTIssuer
) -> None:
    """The client hears its 200; that the token was not revoked here is told."""
    events: Events = []
    guard = revoker(jwt_issuer, events)
    jwt_issuer.down()
    assert post(guard, body_of(jwt_issuer.token()), 200) == 200
    lost = [said for event, said in events if event == "revocations_lost"]
    assert lost == [{"problem": "KeysUnavailable"}]


def test_a_known_token_is_revoked_while_the_issuer_is_down(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """It was verified before, so that no key is needed."""
    guard = revoker(jwt_issuer, keys_stale_for=700)
    token = jwt_issuer.token(expires_in=7200)
    assert why(guard, token) == ""
    jwt_issuer.down()
    jwt_clock.advance(3600)
    assert WORLDS["plain"](guard, body_of(token), 200) == 200
    jwt_issuer.up()
    jwt_clock.advance(60)
    assert why(guard, token) == "revoked_token"


def test_other_processes_hear_of_it(post: Post, jwt_issuer: JWTIssuer) -> None:
    """Two guards that share a state."""
    state = MemoryState()
    one, two = (shared_guard(jwt_issuer, state, **REVOKE) for _ in range(2))
    token = jwt_issuer.token()
    assert why(two, token) == ""
    post(one, body_of(token), 200)
    assert until(lambda: why(two, token) == "revoked_token")


def test_a_stream_is_sent_as_it_is_made_and_the_token_ends_before(
    jwt_issuer: JWTIssuer,
) -> None:
    """No more of the answer is read than the client gets."""
    guard, token = revoker(jwt_issuer), jwt_issuer.token()
    made: list[bytes] = []
    closed: list[bool] = []

    def app(_: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            for piece in (b"", b"a", b"b"):
                made.append(piece)
                yield piece
        finally:
            closed.append(True)

    answer: Any = WSGIGuard(app, guard)(environ_of(body_of(token)), head_of([]))
    chunks = iter(answer)
    assert next(chunks) == b""
    assert why(guard, token) == ""  # the head may still be replaced
    assert next(chunks) == b"a"
    assert why(guard, token) == "revoked_token"
    assert made == [b"", b"a"]
    answer.close()
    assert closed == [True]


def test_an_application_that_refuses_after_all_ends_nothing(
    jwt_issuer: JWTIssuer,
) -> None:
    """PEP 3333: the head counts when the first bytes are sent."""
    guard, token = revoker(jwt_issuer), jwt_issuer.token()

    def app(_: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        raise InsufficientScopeError("scope_missing", scope="a")

    heard: list[int] = []
    answer = WSGIGuard(app, guard)(environ_of(body_of(token)), head_of(heard))
    assert b"insufficient_scope" in b"".join(answer)
    assert heard == [200, 403]
    assert why(guard, token) == ""


@pytest.mark.parametrize(
    ("status", "reason"), [(200, "revoked_session"), (204, ""), (400, ""), (503, "")]
)
@pytest.mark.parametrize("send", [by_wsgi, by_asgi, by_trio])
def test_the_relay_feeds_the_list_too(
    send: Any, status: int, reason: str, jwt_issuer: JWTIssuer
) -> None:
    """What the issuer accepted at its own revocation endpoint."""
    guard = jwt_issuer.guard(relay_revocation_url=f"{jwt_issuer.url}/revoke")
    token = jwt_issuer.token(claims={"sid": "s1"})
    assert why(guard, token) == ""
    relay = TokenRelay(
        guard, transport=httpx.MockTransport(lambda _: httpx.Response(status))
    )
    form = {"client_id": "spa", "token": token}
    url, page = "https://localhost/oauth/revoke", {"Origin": OWN}
    assert send(relay, "POST", url, data=form, headers=page).status_code == status
    assert why(guard, token) == reason


def test_the_relay_counts_a_token_endpoints_200_for_nothing(
    jwt_issuer: JWTIssuer,
) -> None:
    """A refresh form that also names a token revokes nothing."""
    guard = jwt_issuer.guard(relay_url=f"{jwt_issuer.url}/token")
    token = jwt_issuer.token()
    relay = TokenRelay(
        guard, transport=httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    )
    form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "spa"}
    answer = by_wsgi(
        relay,
        "POST",
        "https://localhost/oauth/token",
        data={**form, "token": token},
        headers={"Origin": OWN},
    )
    assert answer.status_code == 200
    assert why(guard, token) == ""


SIGNER = JWTIssuer(alg="ES256")
ODD: list[Any] = [
    None, 1, -1.5, True, "", "x", "\u202e", [], ["a"], {}, {"a": [1]}, 10**400, 1e308,
]  # fmt: skip
NAMES = ["sid", "jti", "sub", "aud", "exp", "iat", "nbf", "typ", "client_id", "events"]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(ODD), max_size=4),
    st.sampled_from(["at+jwt", "JWT", None, "x"]),
)
def test_whatever_an_issuer_signs_breaks_nothing(
    claims: dict[str, Any], typ: str | None
) -> None:
    """The client hears its 200; at most one entry is made, and others can read it."""
    guard = revoker(SIGNER)
    token = SIGNER.token(claims=claims, typ=typ)
    assert WORLDS["plain"](guard, body_of(token), 200) == 200
    revocations = guard._flow.revocations
    assert len(revocations) <= 1
    for key, times in revocations._recent.items():
        entry = Entry(*key, *times)
        assert decoded(entry.encoded()) == entry
        assert entry.before <= SIGNER.clock.time() + 30
