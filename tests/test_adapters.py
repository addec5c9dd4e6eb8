"""What an adapter outside of the package builds on."""

from __future__ import annotations

import anyio
import pytest

from jwtguard import Guard
from jwtguard.adapters import (
    Ending,
    Proceed,
    Request,
    Respond,
    read_headers,
    stream_owner,
    until_token_ends,
    without_bearer,
)
from jwtguard.testing import FakeClock, JWTIssuer
from tests.waiting import HANG

EVENTS = ("Content-Type", "text/event-stream")


def admitted(guard: Guard, token: str) -> Proceed:
    """Return the decision that lets a request with *token* through."""
    headers = read_headers([("Authorization", f"Bearer {token}")])
    decision = guard.decide(Request("GET", "/", headers))
    assert isinstance(decision, Proceed)
    return decision


def watched(guard: Guard) -> int:
    """Return by how many names open connections are watched."""
    return len(guard._flow.revocations.watches._by_key)


def test_header_fields_are_read_in_order_and_never_joined() -> None:
    """Names in any case; bytes too; what no rule reads is left out."""
    found = read_headers(
        [
            ("AUTHORIZATION", "Bearer a"),
            (b"User-Agent", b"x"),
            (b"authorization", b"Bearer caf\xe9"),
            ("Cookie", ""),
        ]
    )
    assert found == {"authorization": ["Bearer a", "Bearer caf\xe9"], "cookie": [""]}


def test_two_tokens_stay_two(jwt_issuer: JWTIssuer) -> None:
    """The guard sees the attack, whatever framework the fields come from."""
    guard = jwt_issuer.guard()
    value = jwt_issuer.headers()["Authorization"]
    headers = read_headers([("authorization", value), ("Authorization", value)])
    decision = guard.decide(Request("GET", "/", headers))
    assert isinstance(decision, Respond)
    assert (decision.status, decision.reason) == (400, "authorization_repeated")


@pytest.mark.parametrize("name", ["authorization", "origin", "cookie", "host"])
@pytest.mark.parametrize("value", ["Bearer caf\udcc3", "Bearer \u20ac", "\0", "\r\n"])
def test_a_field_that_a_framework_decoded_in_its_own_way_is_a_normal_input(
    name: str, value: str, jwt_issuer: JWTIssuer
) -> None:
    """Some decode as UTF-8 with surrogates: no exception, and no access."""
    guard = jwt_issuer.guard(cookie="token")
    headers = {"host": ["api.example"], **read_headers([(name, value)])}
    decision = guard.decide(Request("GET", "/", headers))
    assert isinstance(decision, Respond)
    assert decision.status in (400, 401)
    for field in decision.headers:
        "".join(field).encode("latin-1")


@pytest.mark.parametrize(
    ("headers", "owned"),
    [
        ([EVENTS], True),
        ([("content-type", "text/event-stream; charset=utf-8")], True),
        ([EVENTS, ("Content-Length", "5")], False),
        ([("Content-Type", "text/plain")], False),
        ([], False),
    ],
)
def test_an_event_stream_has_an_owner(
    headers: list[tuple[str, str]], owned: bool, jwt_issuer: JWTIssuer
) -> None:
    """Its token ends it; no other response is ended."""
    guard = jwt_issuer.guard()
    owner = stream_owner(guard, admitted(guard, jwt_issuer.token()), headers)
    assert (owner is not None and owner.subject == "alice") is owned


def test_streams_have_no_owner_without_a_token_or_if_the_policy_says_so(
    jwt_issuer: JWTIssuer,
) -> None:
    """``JWTGUARD_CLOSE_STREAMS=false``, and public paths."""
    open_ended = jwt_issuer.guard(close_streams=False)
    decision = admitted(open_ended, jwt_issuer.token())
    assert stream_owner(open_ended, decision, [EVENTS]) is None
    public = jwt_issuer.guard(public_paths=("/",))
    nobody = public.decide(Request("GET", "/", {}))
    assert isinstance(nobody, Proceed)
    assert stream_owner(public, nobody, [EVENTS]) is None


def test_chunks_stop_when_the_token_is_revoked(jwt_issuer: JWTIssuer) -> None:
    """The guard stops watching the token afterwards."""
    guard = jwt_issuer.guard()
    owner = stream_owner(guard, admitted(guard, jwt_issuer.token()), [EVENTS])
    assert owner is not None
    chunks = until_token_ends(guard, owner, (b"%d" % n for n in range(9)))
    assert [next(chunks), next(chunks)] == [b"0", b"1"]
    guard.revoke(owner)
    assert list(chunks) == []
    assert watched(guard) == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("reason", ["revoked", "expired"])
def test_an_ending_is_told_once_with_its_reason(
    backend: str, reason: str, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The adapter is told when to close a connection, and why."""
    guard = jwt_issuer.guard()
    owner = guard.verify(jwt_issuer.token())
    told: list[str] = []

    async def main() -> None:
        over = anyio.Event()

        async def end(why: str) -> None:
            told.append(why)
            over.set()

        if reason == "expired":
            jwt_clock.advance(300 + guard.policy.leeway)
        ending = Ending(guard, owner, end)
        assert ending.due is (reason == "expired")
        ending.start()
        if reason == "revoked":
            guard.revoke(owner)
        with anyio.fail_after(HANG):
            await over.wait()
        assert ending.due
        ending.stop()

    anyio.run(main, backend=backend)
    assert told == [reason]
    assert watched(guard) == 0


def test_a_stopped_ending_forgets_the_connection(jwt_issuer: JWTIssuer) -> None:
    """A closed connection is neither held nor ended."""
    guard = jwt_issuer.guard()
    owner = guard.verify(jwt_issuer.token())
    told: list[str] = []

    async def end(why: str) -> None:
        told.append(why)

    async def main() -> None:
        ending = Ending(guard, owner, end)
        ending.start()
        ending.stop()
        guard.revoke(owner)
        await anyio.lowlevel.checkpoint()

    anyio.run(main)
    assert told == []
    assert watched(guard) == 0


def test_the_application_never_sees_the_token_among_the_subprotocols() -> None:
    """It would log or choose it."""
    assert without_bearer(["chat", "bearer", "a.b.c", "v2"]) == ["chat", "v2"]
    assert without_bearer(["bearer"]) == []
    assert without_bearer([]) == []
