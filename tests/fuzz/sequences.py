"""Sequences: requests, clock steps, key rotation and revocations, in any order.

Two guards live through the same. One remembers tokens, the other verifies each anew; a
third party, the ledger, knows what was issued and what was revoked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import floor, inf
from typing import Any, NamedTuple

from jwtguard import AuthError, Client, Guard
from jwtguard.core.extract.credentials import Credentials
from jwtguard.core.model.decision import Decision, Proceed, Respond
from jwtguard.core.model.effects import (
    Await,
    CatchUp,
    Publish,
    ReadBody,
    Start,
    StateOperation,
)
from jwtguard.core.model.encoding import decode_segment
from jwtguard.core.model.principal import Principal
from jwtguard.core.model.request import Request
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.core.verify.entries import Entry, digest_of, marks_of
from jwtguard.core.verify.revoking import OMITTED, STREAM
from jwtguard.outside.fetcher import answer, drive
from jwtguard.outside.sending import by_transport
from jwtguard.outside.state_client import _run as run_operation
from jwtguard.state import MemoryState
from jwtguard.testing import FakeClock, JWTIssuer
from tests.fuzz.choices import Choices

WWW, SSR, EVIL = "https://www.example", "https://ssr.example", "https://evil.example"
FORM = "application/x-www-form-urlencoded"
LEEWAY = 30
CLIENTS = (
    Client(id="spa", origins=(WWW,), refresh=True, methods=("GET", "POST")),
    Client(id="ssr", origins=(SSR,), credentials=True),
    Client(id="batch"),
)
SETTINGS: tuple[dict[str, Any], ...] = (
    {"cookie": "token", "optional_paths": ["/home"], "public_paths": ["/open"]},
    {"scopes": [ScopeRule(path="/notes/*", require=["read"])], "clients_only": True},
    {"origins_claim": "origins", "cookie": "token", "public_url": [SSR]},
)
STEPS = (1, 20, 29, 31, 60, 299, 700, 1300, 4000)
PATHS = ("/x", "/notes/7", "/Notes/7/", "/home", "/open", "/a//b", "/x%2fy")
METHODS = ("GET", "GET", "POST", "DELETE", "HEAD", "OPTIONS")
FIELDS = {
    "origin": (WWW, SSR, EVIL, "null"),
    "sec-fetch-site": ("same-origin", "cross-site", "same-site"),
    "access-control-request-method": ("GET",),
}


Act = Callable[["House"], Entry | None]
"""Revokes something at one guard, and returns what the ledger notes."""


class Issued(NamedTuple):
    """One token of the issuer, and the claims in it."""

    token: str
    claims: dict[str, Any]


class House:
    """A guard whose effects are carried out at once, in this thread."""

    def __init__(
        self, issuer: JWTIssuer, state: MemoryState | None, **settings: Any
    ) -> None:
        self.state = state
        policy = issuer.policy(
            clients=CLIENTS,
            revocations=1,
            keys_max_age=600,
            keys_stale_for=2000,
            logout_paths=["/logout"],
            **settings,
        )
        self.guard = Guard(
            policy, clock=issuer.clock, transport=issuer.transport, state=state
        )
        self._send = by_transport(issuer.transport)
        self._read_to = ""

    def decide(self, request: Request, body: bytes) -> Decision:
        self._follow()
        found: Decision | None = self.guard.decide_at_once(request)
        return found or self.run(self.guard._flow.decide(request), body)

    def run(self, flow: Any, body: bytes = b"") -> Any:
        self._follow()
        said: Any = None
        try:
            while True:
                said = self._carry_out(flow.send(said), body)
        except StopIteration as stop:
            self._follow()
            return stop.value

    def _carry_out(self, ask: Any, body: bytes) -> Any:
        state = self.guard.state.state
        if isinstance(ask, ReadBody):
            return body[: ask.limit + 1]
        if isinstance(ask, Start):
            drive(ask.flight.work.refresh(ask.flight), self._send, lambda: 5.0)
            ask.flight.done.set_result(None)
        elif isinstance(ask, StateOperation):
            return run_operation(state, ask)
        elif isinstance(ask, Publish):
            return all(run_operation(state, one) is None for one in ask.operations)
        elif isinstance(ask, CatchUp):
            self._follow()
            self.guard._flow.revocations.ready = True
        elif not isinstance(ask, Await):
            return answer(self._send, ask.outgoing)
        return None

    def _follow(self) -> None:
        if self.state is not None:
            for name, value in self.state.follow(STREAM, self._read_to, 0):
                self.guard._flow.revoking.receive(value)
                self._read_to = name

    @property
    def packed(self) -> bool:
        """Some revocations lost their times, so that too much may be refused."""
        return bool(self.guard._flow.revocations._packed)

    @property
    def held(self) -> Any:
        """The keys that the guard holds."""
        (trusted,) = self.guard.issuers.values()
        keys = trusted.key_cache.snapshot.held(self.guard.clock.monotonic())
        return keys and keys.published


class World:
    """An issuer, two guards that trust it, and the ledger."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.clock = FakeClock(1_800_000_000)
        self.issuer = JWTIssuer(alg="ES256", clock=self.clock)
        self.state = None
        if choices.number(2):
            self.state = MemoryState(clock=self.clock.monotonic)
        settings = choices.pick(SETTINGS)
        self.remembering = House(self.issuer, self.state, **settings)
        self.forgetful = House(self.issuer, self.state, token_cache=0, **settings)
        self.issued: list[Issued] = []
        self.revoked: list[Entry] = []

    def step(self) -> None:
        """Let one thing happen."""
        what = self.choices.number(16)
        if what < 1:
            self.clock.advance(self.choices.pick(STEPS))
        elif what == 1:
            self._step_clock()
        elif what == 2:
            self._change_issuer()
        elif what < 7:
            self._revoke()
        else:
            self._request()

    def _step_clock(self) -> None:
        """Set the clock, for good or for one revocation."""
        step = self.choices.pick((-40, -3, 3, 40, 200_000))
        self.clock._now += step
        if step == 200_000:
            self._revoke()
            self.clock._now -= step

    def _change_issuer(self) -> None:
        issuer = self.issuer
        acts = (issuer.rotate, issuer.withdraw, issuer.down, issuer.up, issuer.up)
        self.choices.pick(acts)()

    def _token(self) -> Issued:
        """Return a token that was issued before, or a new one."""
        choices = self.choices
        if self.issued and choices.number(3):
            return choices.pick(self.issued)
        now, moved = self.clock.time(), choices.pick((-0.5, 0, 0.5, 25, 40))
        claims = {
            "sid": choices.pick(("s1", "s2", "s3", None)),
            "jti": choices.pick(("j1", "j2", None)),
            "iat": choices.pick((now, now + moved, None)),
            "nbf": choices.pick((None, None, now + moved)),
            "origins": choices.pick((None, [EVIL])),
        }
        token = self.issuer.token(
            subject=choices.pick(("alice", "bob")),
            client_id=choices.pick(("spa", "ssr", "batch", "unlisted")),
            scope=choices.pick(("read", "", "read write")),
            expires_in=choices.pick((300, 40, 5000)),
            claims=claims,
        )
        self.issued.append(Issued(token, said_in(token)))
        return self.issued[-1]

    def _revoke(self) -> None:
        """End what one token names; with a shared state one guard hears of it."""
        token, choices = self._token(), self.choices
        acts = (self._by_name, self._by_name, self._by_logout, self._by_token)
        act = choices.pick(acts)(token)
        houses = (self.remembering, self.forgetful)
        for house in houses if self.state is None else (choices.pick(houses),):
            entry = act(house)
            if entry is not None:
                self.revoked.append(entry)

    def _by_name(self, token: Issued) -> Act:
        kind = self.choices.pick(("sid", "jti", "subject", "client_id", ""))
        value = token.claims.get("sub" if kind == "subject" else kind)
        before = floor(self.clock.time() - self.choices.pick((0, 0, 1, 60, 1000)))
        when = OMITTED if kind == "jti" else before
        named = {kind: value} if kind else {}

        def act(house: House) -> Entry | None:
            if kind and value is None:
                return None
            house.run(house.guard._flow.revoking.tokens(self.issuer.url, named, when))
            called = {"client_id": "client", "": "issuer"}.get(kind, kind)
            return Entry(called, self.issuer.url, value or "", before, inf)

        return act

    def _by_token(self, token: Issued) -> Act:
        now = float(floor(self.clock.time()))

        def act(house: House) -> Entry | None:
            flow = house.guard._flow
            try:
                known = house.run(flow.verify(Credentials(token.token, "")))
            except AuthError:
                return None
            house.run(flow.revoking.session(Principal.of(known.facts, token.token)))
            for kind in ("sid", "jti"):
                if value := token.claims.get(kind):
                    return Entry(kind, self.issuer.url, value, now, inf)
            return Entry("token", self.issuer.url, digest_of(token.token), now, inf)

        return act

    def _by_logout(self, token: Issued) -> Act:
        sub = self.choices.pick((token.claims["sub"], None))
        named = {"sid": token.claims.get("sid"), "sub": sub}
        body = b"logout_token=" + self.issuer.logout_token(claims=named).encode()
        asked = Request("POST", "/logout", {"content-type": (FORM,)})
        kind, before = "sub" if sub else "sid", floor(self.clock.time()) + LEEWAY

        def act(house: House) -> Entry | None:
            answer = house.decide(asked, body)
            assert isinstance(answer, Respond)
            if answer.status != 200:
                return None
            return Entry(kind, self.issuer.url, named[kind] or "", before, inf)

        return act

    def _request(self) -> None:
        token, request = self._token(), self._made()
        sent = token.token if self.choices.number(8) else self._spoiled(token.token)
        carried = {"authorization": (f"Bearer {sent}",)}
        if not self.choices.number(4):
            carried = {"cookie": (f"a=b; token={sent}",)}
        request = request._replace(headers={**request.headers, **carried})
        houses = (self.remembering, self.forgetful)
        one, other = (house.decide(request, b"") for house in houses)
        for house, decision in zip(houses, (one, other), strict=True):
            self._check(house, decision, token, sent)
        unlike = self.remembering.held != self.forgetful.held
        packed = self.remembering.packed or self.forgetful.packed
        doubtful = packed and "revoked" in (_reason(one), _reason(other))
        # Whether a fetch failed before the keys came may differ: pauses are random.
        doubtful = doubtful or 503 in (_status(one), _status(other))
        if not unlike and not self._is_untimely(token) and not doubtful:
            assert _compared(one) == _compared(other), "memory changes the decision"

    def _is_untimely(self, token: Issued) -> bool:
        """Nobody asks for the key of a known token outside its time, nor fetches it."""
        said, now = token.claims, self.clock.time()
        begins = max(said.get("nbf", 0), said.get("iat", 0))
        return bool(said["exp"] + LEEWAY <= now or begins > now + LEEWAY)

    def _spoiled(self, token: str) -> str:
        head, body, signature = token.split(".")
        return self.choices.pick(
            (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}.", body, token[:-1])
        )

    def _made(self) -> Request:
        choices, headers = self.choices, {"host": ("api.example",)}
        for name, values in FIELDS.items():
            if not choices.number(4):
                headers[name] = (choices.pick(values),)
        path = choices.pick(PATHS)
        return Request(
            choices.pick(METHODS),
            path.replace("%2f", "/"),
            headers,
            raw_path=path if choices.number(2) else None,
            websocket=choices.number(10) == 9,
            scheme="http" if choices.number(20) == 19 else "https",
        )

    def _check(
        self, house: House, decision: Decision, token: Issued, sent: str
    ) -> None:
        """Nobody is let in by a token that is spoiled, over, not begun or revoked."""
        if isinstance(decision, Respond):
            assert decision.status < 500 or decision.status == 503
            return
        if decision.principal is None:
            return
        said, now = token.claims, self.clock.time()
        assert sent == token.token
        assert decision.principal.token == sent
        assert decision.principal.claims == said
        assert now < said["exp"] + LEEWAY
        assert said.get("nbf", now) <= now + LEEWAY
        assert said.get("iat", now) <= now + LEEWAY
        marks = marks_of(decision.principal.facts, sent)
        named = set(marks.named())
        hit = [e for e in self.revoked if (e.kind, e.value) in named]
        assert not any(entry.hits(marks.issued_at) for entry in hit), "it was revoked"


def _reason(decision: Decision) -> str:
    """Return the first word: which of several revocations is found first may differ."""
    told = decision.reason if isinstance(decision, Respond) else decision.refusal
    return (told or "").partition("_")[0]


def _status(decision: Decision) -> int:
    return decision.status if isinstance(decision, Respond) else 200


def _compared(decision: Decision) -> Any:
    """Leave out which of several revocations was found."""
    if isinstance(decision, Proceed):
        return decision._replace(refusal=_reason(decision))
    return decision.status, decision.headers, decision.body


def said_in(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode_segment(token.split(".")[1].encode()))
    return found


def sequence(data: bytes) -> None:
    """What is remembered changes no decision, and nobody gets past the ledger."""
    choices = Choices(data)
    world = World(choices)
    for _ in range(choices.number(40)):
        world.step()
