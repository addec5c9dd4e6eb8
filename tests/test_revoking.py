"""Tokens end before their time: the calls, new and known tokens, several processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from jwtguard import AuthError, Guard, Principal, TrustedIssuer
from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from jwtguard.state import MemoryState, StateUnavailableError
from jwtguard.testing import FakeClock, JWTIssuer
from tests.waiting import HANG, until

ISSUER = JWTIssuer(alg="ES256")


def why(guard: Guard, token: str, method: str = "GET") -> str:
    """Return why a request with *token* is refused, or an empty string."""
    fields = {"authorization": (f"Bearer {token}",)}
    decision = guard.decide(Request(method, "/notes", fields, scheme="https"))
    return decision.reason if isinstance(decision, Respond) else ""


def shared_guard(
    issuer: JWTIssuer, state: Any, on_event: Any = None, **policy: Any
) -> Guard:
    return Guard(
        issuer.policy(**policy),
        clock=issuer.clock,
        transport=issuer.transport,
        state=state,
        on_event=on_event,
    )


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sid": "s1"}, "revoked_session"),
        ({}, "revoked_token"),
        ({"jti": None}, "revoked_token"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_sign_out_ends_the_session_or_else_the_token(
    claims: dict[str, Any], reason: str, known: bool, jwt_issuer: JWTIssuer
) -> None:
    """By ``sid``, else ``jti``, else the token itself; other tokens stay good."""
    guard = jwt_issuer.guard()
    token, other = jwt_issuer.token(claims=claims), jwt_issuer.token(subject="bob")
    principal = jwt_issuer.guard().verify(token)
    if known:
        assert why(guard, token) == ""
    guard.revoke(principal)
    assert [why(guard, token), why(guard, token), why(guard, other)] == [
        reason,
        reason,
        "",
    ]
    with pytest.raises(AuthError, match=reason):
        guard.verify(token)


def test_another_signature_of_the_same_claims_is_the_same_token() -> None:
    """ECDSA: whoever has (r, s) can make (r, -s) without the key."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    guard = ISSUER.guard()
    token = ISSUER.token(claims={"jti": None})
    head, _, signature = token.rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    r, s = decode_dss_signature(jwt.utils.raw_to_der_signature(raw, _curve()))
    der = encode_dss_signature(r, order - s)
    turned = jwt.utils.base64url_encode(
        jwt.utils.der_to_raw_signature(der, _curve())
    ).decode()
    twin = f"{head}.{turned}"
    assert why(guard, twin) == ""
    guard.revoke(guard.verify(token))
    assert why(guard, twin) == "revoked_token"


def _curve() -> Any:
    return ISSUER._private.curve  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"subject": "alice"}, "revoked_subject"),
        ({"sid": "s1"}, "revoked_session"),
        ({"jti": "j1"}, "revoked_token"),
        ({"client_id": "spa"}, "revoked_before"),
        ({}, "revoked_before"),
    ],
)
def test_tokens_are_revoked_by_what_they_say(
    named: dict[str, Any], reason: str, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """Until now; who signs in again a second later is in."""
    guard = jwt_issuer.guard()
    token = jwt_issuer.token(claims={"sid": "s1", "jti": "j1"})
    assert why(guard, token) == ""
    guard.revoke_tokens(issuer=jwt_issuer.url, **named)
    assert why(guard, token) == reason
    jwt_clock.advance(1)
    assert why(guard, jwt_issuer.token(claims={"sid": "s1"})) == ""


def test_a_fraction_of_a_second_saves_no_token(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """Time bounds are whole seconds, and so is ``iat`` then."""
    guard = jwt_issuer.guard()
    token = jwt_issuer.token(claims={"iat": int(jwt_clock.time()) + 0.01})
    guard.revoke_tokens(issuer=jwt_issuer.url)
    assert why(guard, token) == "revoked_before"


def test_a_fraction_of_a_second_saves_no_token_from_a_packed_entry(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """What the shared state answers is compared in whole seconds, too."""
    guard = shared_guard(jwt_issuer, MemoryState(), revocations=1)
    token = jwt_issuer.token(claims={"iat": int(jwt_clock.time()) + 0.01})
    for subject in ("alice", "bob", "carol"):
        guard.revoke_tokens(issuer=jwt_issuer.url, subject=subject)
    assert why(guard, token) == "revoked_subject"


def test_sign_out_ends_a_token_of_an_issuer_whose_clock_is_ahead(
    jwt_issuer: JWTIssuer,
) -> None:
    """The very token that was brought, at least."""
    guard = jwt_issuer.guard()
    jwt_issuer.skew(20)
    token = jwt_issuer.token(claims={"sid": "s1"})
    guard.revoke(guard.verify(token))
    assert why(guard, token) == "revoked_session"


def test_a_subject_is_the_principals_whatever_claim_it_is_read_from(
    jwt_issuer: JWTIssuer,
) -> None:
    """``revoke_tokens(subject=principal.subject)`` always ends the token."""
    issuer = TrustedIssuer(
        url=jwt_issuer.url, audience=jwt_issuer.audience, subject_claim="name"
    )
    guard = jwt_issuer.guard(issuers=(issuer,))
    token = jwt_issuer.token(claims={"name": "Alice A."})
    principal = guard.verify(token)
    guard.revoke_tokens(issuer=principal.issuer, subject=principal.subject)
    assert why(guard, token) == "revoked_subject"


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"subject": None}, TypeError),
        ({"sid": 7}, TypeError),
        ({"subject": ""}, ValueError),
        ({"subject": "a", "sid": "b"}, ValueError),
        ({"jti": "a", "before": 1}, ValueError),
        ({"before": 1e12}, ValueError),
        ({"before": float("nan")}, ValueError),
        ({"before": -1}, ValueError),
        ({"before": True}, TypeError),
        ({"before": "1"}, TypeError),
        ({"issuer": "https://other.example"}, ValueError),
        ({"issuer": None}, TypeError),
    ],
)
def test_a_mistake_is_an_error_and_revokes_nothing(
    named: dict[str, Any], error: type[Exception], jwt_issuer: JWTIssuer
) -> None:
    """None where a value should be would end every token of the issuer."""
    guard, token = jwt_issuer.guard(), jwt_issuer.token()
    with pytest.raises(error):
        guard.revoke_tokens(**{"issuer": jwt_issuer.url, **named})
    assert why(guard, token) == ""


def test_the_async_calls_do_the_same(jwt_issuer: JWTIssuer) -> None:
    """``arevoke`` and ``arevoke_tokens``."""
    guard = jwt_issuer.guard()
    one, two = jwt_issuer.token(), jwt_issuer.token(subject="bob")

    async def revoke() -> None:
        await guard.arevoke(await guard.averify(one))
        await guard.arevoke_tokens(issuer=jwt_issuer.url, subject="bob")

    anyio.run(revoke)
    assert [why(guard, one), why(guard, two)] == ["revoked_token", "revoked_subject"]


TOKENS = [
    ISSUER.token(subject=subject, claims={"sid": sid, "jti": sid + subject})
    for subject in ("a", "b")
    for sid in ("s", "t")
]
NAMED = st.sampled_from(
    [{"subject": "a"}, {"sid": "s"}, {"jti": "sa"}, {"jti": "tb"}, {"client_id": "x"}]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMED, st.booleans()), max_size=6))
def test_known_and_new_tokens_are_judged_alike(asked: list[Any]) -> None:
    """Whatever is revoked, in whatever order, also where entries are packed."""
    known, packed = ISSUER.guard(), ISSUER.guard(revocations=1)
    for named, look in asked:
        for guard in (known, packed):
            guard.revoke_tokens(issuer=ISSUER.url, **named)
            if look:
                assert [why(guard, token) for token in TOKENS]
    new = ISSUER.guard(token_cache=0)
    for named, _ in asked:
        new.revoke_tokens(issuer=ISSUER.url, **named)
    expected = [bool(why(new, token)) for token in TOKENS]
    for guard in (known, packed):
        assert [bool(why(guard, token)) for token in TOKENS] == expected


def test_a_revocation_in_one_process_ends_the_token_in_another(
    jwt_issuer: JWTIssuer,
) -> None:
    """Two guards that share a state; one that starts later reads the past."""
    state = MemoryState()
    one, two = (shared_guard(jwt_issuer, state) for _ in range(2))
    token = jwt_issuer.token()
    assert [why(one, token), why(two, token)] == ["", ""]
    one.revoke(one.verify(token))
    assert until(lambda: why(two, token) == "revoked_token")
    three = shared_guard(jwt_issuer, state)
    assert why(three, token) == "revoked_token"


def test_packed_entries_are_asked_of_the_shared_state(jwt_issuer: JWTIssuer) -> None:
    """Also by a process that never made them, with their times."""
    state = MemoryState()
    one, two = (shared_guard(jwt_issuer, state, revocations=1) for _ in range(2))
    token, other = jwt_issuer.token(subject="s0"), jwt_issuer.token(subject="bob")
    for number in range(4):
        one.revoke_tokens(issuer=jwt_issuer.url, subject=f"s{number}")
    assert [why(two, token), why(two, other)] == ["revoked_subject", ""]


class Away:
    """A store that fails until it is back."""

    def __init__(self) -> None:
        self.inner = MemoryState()
        self.away = True

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def verb(*args: Any) -> Any:
            if self.away:
                raise StateUnavailableError("ConnectionRefusedError")
            return getattr(self.inner, name)(*args)

        return verb

    def __hash__(self) -> int:
        return id(self)

    batch = after_fork = None


def test_a_revocation_while_the_store_is_away_is_sent_later(
    jwt_issuer: JWTIssuer,
) -> None:
    """It holds here at once, tells an event, and raises nothing."""
    told: list[tuple[str, Any]] = []
    state = Away()
    here = shared_guard(jwt_issuer, state, lambda *event: told.append(event))
    token = jwt_issuer.token()
    here.revoke(here.verify(token))
    assert why(here, token) == "revoked_token"
    assert [fields["shared"] for event, fields in told if event == "revoked"] == [False]
    state.away = False
    there = shared_guard(jwt_issuer, state.inner)
    assert until(lambda: why(there, token) == "revoked_token", HANG)


@pytest.mark.parametrize(
    ("outage", "get", "post"),
    [
        ("allow", "", ""),
        ("writes", "", "revocations_stale"),
        ("refuse", "revocations_stale", "revocations_stale"),
    ],
)
def test_old_news_are_acted_on_as_the_policy_says(
    outage: str, get: str, post: str, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """After ``revocation_max_stale``; what is known stays revoked whatever happens."""
    state = Away()
    state.away = False
    guard = shared_guard(jwt_issuer, state, revocation_outage=outage)
    token, gone = jwt_issuer.token(), jwt_issuer.token()
    assert [why(guard, token), why(guard, token, "POST")] == ["", ""]
    guard.revoke(guard.verify(gone))
    state.away = True
    follower = guard.link.follower
    assert until(lambda: bool(follower.failure))
    jwt_clock.advance(61)
    assert [why(guard, token), why(guard, token, "POST")] == [get, post]
    assert why(guard, gone) == "revoked_token"
    state.away = False
    assert until(lambda: guard.link.age < 60)
    assert why(guard, token, "POST") == ""


def test_a_new_process_refuses_until_its_first_read_only_if_it_must(
    jwt_issuer: JWTIssuer,
) -> None:
    """``refuse`` knows nothing yet; the others let good tokens in."""
    found = [
        why(shared_guard(jwt_issuer, Away(), revocation_outage=outage), token, "POST")
        for token in (jwt_issuer.token(),)
        for outage in ("allow", "writes", "refuse")
    ]
    assert found == ["", "", "revocations_stale"]


def test_old_news_are_told_once_a_minute(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The event says how old they are."""
    told: list[Any] = []
    guard = shared_guard(jwt_issuer, Away(), lambda *event: told.append(event))
    guard.verify(jwt_issuer.token())
    jwt_clock.advance(61)

    def ages() -> list[int]:
        return [fields["age"] for event, fields in told if event == "revocations_stale"]

    assert until(lambda: ages() == [61])
    jwt_clock.advance(60)
    assert until(lambda: ages() == [61, 121])


def test_an_open_connection_hears_of_its_end(jwt_issuer: JWTIssuer) -> None:
    """Of what hits it and of nothing else; also of what came before it began."""
    guard = jwt_issuer.guard()
    alice, bob = (guard.verify(jwt_issuer.token(subject=s)) for s in ("alice", "bob"))
    one, two = guard.watch(alice), guard.watch(bob)
    guard.revoke_tokens(issuer=jwt_issuer.url, subject="alice")
    assert [one.ended.done(), two.ended.done()] == [True, False]
    assert guard.watch(alice).ended.done()
    guard.unwatch(two)
    guard.revoke_tokens(issuer=jwt_issuer.url)
    assert not two.ended.done()


def test_a_websocket_is_closed_when_its_token_is_revoked(
    jwt_issuer: JWTIssuer,
) -> None:
    """4401 ``revoked``, though the application only listens."""
    guard, token = jwt_issuer.guard(), jwt_issuer.token()
    sent: list[Any] = []
    heard: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await guard.arevoke(scope["jwtguard.principal"])
        heard.append(await receive())

    async def receive() -> Any:
        await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    async def drive() -> None:
        scope = {
            "type": "websocket",
            "path": "/live",
            "scheme": "wss",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
        }
        with anyio.fail_after(HANG):
            await GuardMiddleware(app, guard)(scope, receive, send)

    anyio.run(drive)
    assert sent[1:] == [{"type": "websocket.close", "code": 4401, "reason": "revoked"}]
    assert heard == [{"type": "websocket.disconnect", "code": 4401}]
    assert not guard._flow.revocations.watches._by_key


def test_a_logout_token_ends_tokens_in_the_list_that_requests_are_judged_by(
    jwt_issuer: JWTIssuer,
) -> None:
    """There is one list: what the logout path records is what the gate reads."""
    flow = jwt_issuer.guard()._flow
    assert flow.revoking._list is flow.revocations is flow.verifier.revocations


def test_a_principal_without_anything_to_name_it_cannot_be_revoked(
    jwt_issuer: JWTIssuer,
) -> None:
    """Made by hand, as in a test: success would be a lie."""
    guard = jwt_issuer.guard()
    made = guard.verify(jwt_issuer.token(claims={"jti": None}))
    empty = Principal.of(made.facts, "")
    with pytest.raises(ValueError, match="neither sid nor jti nor a token"):
        guard.revoke(empty)


def test_a_session_ends_although_its_token_has_no_time_of_issue(
    jwt_issuer: JWTIssuer,
) -> None:
    """Such a token is hit by any entry of its session."""
    guard = jwt_issuer.guard()
    token = jwt_issuer.token(claims={"sid": "s1", "iat": None})
    guard.revoke(guard.verify(token))
    assert why(guard, token) == "revoked_session"


def test_a_packed_entry_is_believed_while_the_state_is_away(
    jwt_issuer: JWTIssuer,
) -> None:
    """A token that may be hit is refused for now, and accepted once that is known."""
    state = Away()
    state.away = False
    guard = shared_guard(jwt_issuer, state, revocations=1, state_timeout=HANG)
    second = int(jwt_issuer.clock.time())
    for subject in ("alice", "x1", "x2"):
        named = {"subject": subject, "before": second - 60}
        guard.revoke_tokens(issuer=jwt_issuer.url, **named)  # type: ignore[arg-type]
    token = jwt_issuer.token(subject="alice")
    # The first read has to end before, as requests wait for it.
    assert why(guard, jwt_issuer.token(subject="bob")) == ""
    state.away = True
    assert [why(guard, token), why(guard, token)] == ["revoked_subject"] * 2
    state.away = False
    jwt_issuer.clock.advance(5)
    assert why(guard, token) == ""


def test_a_second_guard_says_that_nobody_asks_it(jwt_issuer: JWTIssuer) -> None:
    """``Guard.from_env()`` beside a middleware's own has a list of its own."""
    told: list[str] = []

    def note(event: str, _fields: Any) -> None:
        told.append(event)

    principal = jwt_issuer.guard().verify(jwt_issuer.token())
    alone = jwt_issuer.guard(on_event=note)
    alone.revoke(principal)
    anyio.run(alone.arevoke, principal)
    alone.revoke_tokens(issuer=jwt_issuer.url, subject="alice")
    assert told == ["misconfigured", "revoked"] * 3


@pytest.mark.parametrize("how", ["middleware", "verify", "shared", "no cache"])
def test_a_guard_that_may_be_asked_revokes_silently(
    how: str, jwt_issuer: JWTIssuer
) -> None:
    """It protects an application, has verified a token, or shares its state."""
    told: list[str] = []

    def note(event: str, _fields: Any) -> None:
        told.append(event)

    principal = jwt_issuer.guard().verify(jwt_issuer.token())
    if how == "shared":
        guard = shared_guard(jwt_issuer, MemoryState(), note)
    else:
        size = {"token_cache": 0} if how == "no cache" else {}
        guard = jwt_issuer.guard(on_event=note, **size)
    if how == "middleware":
        GuardMiddleware(lambda *_: None, guard)  # type: ignore[arg-type]
    elif how == "verify":
        guard.verify(jwt_issuer.token())
    guard.revoke(principal)
    assert "misconfigured" not in told
