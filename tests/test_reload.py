"""Another policy without a restart: what is kept, what ends, and what is told."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from jwtguard import Client, ConfigurationError, Guard, Policy, TrustedIssuer
from jwtguard.adapters import Proceed, Request, Respond
from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.effects import Incoming
from jwtguard.core.model.policy_lines import policy_hash, policy_lines
from jwtguard.errors import AuthError
from jwtguard.relay import TokenRelay
from jwtguard.testing import FakeClock, JWTIssuer
from tests.core.verify.test_tenants import URL, Server
from tests.waiting import HANG

SECRET = urlsafe_b64encode(bytes(range(7, 39))).rstrip(b"=").decode()


class House:
    """A guard that trusts two issuers, and what it has told."""

    def __init__(self, clock: FakeClock, **settings: Any) -> None:
        self.clock = clock
        self.one = JWTIssuer("https://one.example", alg="ES256", clock=clock)
        self.two = JWTIssuer("https://two.example", alg="ES256", clock=clock)
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.guard = Guard(
            self.policy(self.one, self.two, **settings), clock=clock,
            transport=self.transport, on_event=lambda *told: self.told.append(told),
        )  # fmt: skip

    def transport(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        issuer = self.one if url.startswith(self.one.url) else self.two
        return issuer.transport(url, headers, timeout)

    def policy(self, *issuers: JWTIssuer, **settings: Any) -> Policy:
        trusted = [TrustedIssuer(url=i.url, audience=i.audience) for i in issuers]
        return Policy(**{"issuers": trusted, **settings})

    def reason(self, token: str, **fields: str) -> str:
        headers = {"authorization": (f"Bearer {token}",)}
        headers |= {name: (value,) for name, value in fields.items()}
        found = self.guard.decide(Request("GET", "/", headers))
        return "" if isinstance(found, Proceed) else found.reason

    def event(self, name: str) -> Mapping[str, Any]:
        (found,) = [fields for event, fields in self.told if event == name]
        return found


@pytest.fixture
def house(jwt_clock: FakeClock) -> House:
    return House(jwt_clock)


def test_a_removed_issuer_is_refused_at_once(house: House) -> None:
    """Its remembered tokens too; the other's keys are kept."""
    one, two = house.one.token(), house.two.token()
    assert [house.reason(token) for token in (one, two)] == ["", ""]
    house.guard.reload(house.policy(house.two))
    assert house.reason(one) == "unknown_issuer"
    assert house.reason(two) == ""
    assert house.two.fetches == 1
    house.guard.reload(house.policy(house.one, house.two))
    assert house.reason(one) == ""
    assert house.one.fetches == 2


def test_keys_outlive_a_reload_during_an_outage(house: House) -> None:
    """Unless they come from another place now."""
    assert house.reason(house.two.token()) == ""
    house.two.down()
    house.guard.reload(house.policy(house.two, leeway=60))
    assert house.reason(house.two.token()) == ""
    moved = TrustedIssuer(
        url=house.two.url, audience="unchecked", jwks_url="https://two.example/other"
    )
    house.guard.reload(Policy(issuers=[moved]))
    assert house.reason(house.two.token()) == "keys_unavailable"


def test_other_settings_hold_for_remembered_tokens(house: House) -> None:
    """Clients, origins and scopes of the old policy are forgotten."""
    token, page = house.one.token(client_id="spa"), "https://www.example"
    assert house.reason(token, origin=page) == "foreign_origin"
    spa = Client(id="spa", issuer=house.one.url, origins=[page])
    house.guard.reload(house.policy(house.one, house.two, clients=[spa]))
    assert house.reason(token, origin=page) == ""
    house.guard.reload(house.policy(house.one, house.two, clients_only=True))
    assert house.reason(token) == "client_not_listed"


def test_what_was_revoked_stays_revoked(house: House) -> None:
    """And what is revoked later counts for the new policy."""
    first, second = house.one.token(subject="bob"), house.one.token()
    house.guard.revoke_tokens(issuer=house.one.url, subject="bob")
    house.guard.reload(house.policy(house.one))
    assert house.reason(first) == "revoked_subject"
    assert house.reason(second) == ""
    house.guard.revoke_tokens(issuer=house.one.url, subject="alice")
    assert house.reason(second) == "revoked_subject"


def test_open_connections_of_a_removed_issuer_end(house: House) -> None:
    """Those of others go on; one that is opened just now ends, too."""
    one, two = (house.guard.verify(i.token()) for i in (house.one, house.two))
    gone, kept = house.guard.watch(one), house.guard.watch(two)
    house.guard.reload(house.policy(house.two))
    assert gone.ended.done()
    assert not kept.ended.done()
    assert house.guard.watch(one).ended.done()
    assert not house.guard.watch(two).ended.done()


def test_the_event_says_what_has_changed(house: House) -> None:
    """A reload never loosens silently; secrets are not shown."""
    old = house.guard.health().policy
    spa = Client(id="spa", issuer=house.two.url, origins=["https://www.example"])
    policy = house.policy(
        house.two, clients=[spa], leeway=60, secrets=[SECRET], public_paths=["/a"]
    )
    house.guard.reload(policy)
    told = house.event("reloaded")
    assert told["policy"] == house.guard.health().policy == policy_hash(policy) != old
    assert told["added"] == [
        "clients spa", f"clients spa: issuer {house.two.url}",
        "clients spa: origins https://www.example", "dpop_nonce auto", "leeway 60",
        "public_paths /a", "secrets: set",
    ]  # fmt: skip
    assert f"issuers {house.one.url}" in told["removed"]
    assert SECRET not in str(told)


def test_the_hash_is_that_of_the_settings(house: House) -> None:
    """Not of their order, nor of secrets; tables and their members count."""
    first = house.policy(house.one, house.two, http_hosts=["a", "b"])
    second = house.policy(house.one, house.two, http_hosts=["b", "a"])
    assert policy_hash(first) == policy_hash(second)
    assert policy_hash(first) != policy_hash(house.policy(house.one, house.two))
    expecting = TrustedIssuer(url=URL, audience="api", expect={"a": "b"}, tenants="any")
    lines = policy_lines(Policy(issuers=[expecting]))
    assert f"issuers {URL}: expect a b" in lines
    assert f"issuers {URL}: tenants any" in lines


@pytest.mark.parametrize(
    "changed",
    [
        {"state_timeout": 1}, {"state_prefix": "x"}, {"revocations": 5},
        {"relay_limit": "1/minute"}, {"relay_limit_storage": "memory://"},
        {"state": "redis://127.0.0.1:1"},
    ],
)  # fmt: skip
def test_what_needs_a_restart_is_told(changed: dict[str, Any], house: House) -> None:
    """The old policy stays."""
    with pytest.raises(ConfigurationError, match="cannot be changed by a reload"):
        house.guard.reload(house.policy(house.two, **changed))
    assert house.reason(house.one.token()) == ""
    with pytest.raises(TypeError, match="needs a Policy"):
        house.guard.reload("no policy")  # type: ignore[arg-type]


def test_relays_go_by_the_new_policy(house: House) -> None:
    """A policy that a relay cannot use is refused as a whole."""
    listed = [Client(id="spa", issuer=house.one.url)]
    house.guard.reload(house.policy(house.one, house.two, clients=listed))
    relay = TokenRelay(house.guard)
    before = relay._flow
    both = [*listed, Client(id="spa", issuer=house.two.url)]
    with pytest.raises(ConfigurationError, match="listed under several issuers"):
        house.guard.reload(house.policy(house.one, house.two, clients=both))
    assert relay._flow is before
    house.guard.reload(house.policy(house.one, house.two, clients=both[1:]))
    assert relay._flow is not before
    assert house.reason(house.one.token()) == ""


def test_sessions_of_a_removed_issuer_end(jwt_clock: FakeClock) -> None:
    """The cookie opens nothing any more."""
    settings = {"session_client": "spa", "secrets": [SECRET]}
    house = House(jwt_clock, session_issuer="https://one.example", **settings)
    sent = house.one.session(house.guard)
    headers = {name.lower(): (value,) for name, value in sent.items()}
    asked = Request("GET", "/", headers)
    assert isinstance(house.guard.decide(asked), Proceed)
    same = {**settings, "session_issuer": house.one.url}
    house.guard.reload(house.policy(house.one, house.two, leeway=60, **same))
    assert isinstance(house.guard.decide(asked), Proceed)
    house.guard.reload(house.policy(house.two, **settings))
    assert isinstance(house.guard.decide(asked), Respond)


def test_sessions_may_begin_with_a_reload(house: House) -> None:
    """Whatever they need is made then."""
    house.guard.reload(house.policy(house.one, session_client="spa", secrets=[SECRET]))
    headers = {n.lower(): (v,) for n, v in house.one.session(house.guard).items()}
    assert isinstance(house.guard.decide(Request("GET", "/", headers)), Proceed)


def test_known_tenants_are_kept(jwt_clock: FakeClock) -> None:
    """Those that are accepted still, with their keys."""
    server = Server(jwt_clock)
    guard = server.guard("any")
    for name in ("acme", "beta"):
        guard.verify(server.realm(name).token())
    server.down = True
    listed = TrustedIssuer(url=URL, audience="https://api.example", tenants=["acme"])
    guard.reload(Policy(issuers=[listed]))
    assert guard.verify(server.realm("acme").token()).tenant == "acme"
    with pytest.raises(AuthError, match="unknown_issuer"):
        guard.verify(server.realm("beta").token())


def test_no_request_sees_a_mixture(house: House) -> None:
    """Under load each answer is that of one policy or the other, and none is lost."""
    first = house.policy(house.one, public_paths=["/a"], realm="first")
    second = house.policy(house.one, public_paths=["/b"], realm="second")
    token, stop = house.one.token(), threading.Event()
    wrong: list[object] = []
    house.guard.reload(first)

    def ask() -> None:
        while not stop.is_set():
            found = house.guard.decide(Request("GET", "/a", {}))
            if isinstance(found, Respond) and "second" not in str(found.headers):
                wrong.append(found)
            if house.reason(token):
                wrong.append(house.reason(token))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for policy in [second, first] * 20:
        house.guard.reload(policy)
    stop.set()
    for thread in threads:
        thread.join(HANG)
    assert not wrong


def test_an_open_websocket_of_a_removed_issuer_is_closed(house: House) -> None:
    """4401 says that a new token is needed, as for one that was revoked."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "still here"})

    client = TestClient(GuardMiddleware(app, house.guard))
    with (
        client.websocket_connect("wss://api/", headers=house.one.headers()) as gone,
        client.websocket_connect("wss://api/", headers=house.two.headers()) as kept,
    ):
        house.guard.reload(house.policy(house.two))
        with pytest.raises(WebSocketDisconnect) as caught:
            gone.receive_text()
        assert caught.value.code == 4401
        kept.send_text("are you there?")
        assert kept.receive_text() == "still here"
