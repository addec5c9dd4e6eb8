"""Realms of one Keycloak as tenants: by settings alone, and one of them taken away."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from jwtguard import Guard, load_policy
from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.effects import Incoming
from jwtguard.errors import AuthError
from jwtguard.outside.http import HTTPClient
from tests.issuers.examples import AUDIENCE
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.test_keycloak import pytestmark
from tests.ports import free_port
from tests.waiting import HANG, ask, until

__all__ = ["pytestmark"]

SERVER = "Keycloak"
BOTH = ("main", "second")
LISTED = '["main", "second"]'
TOML = """
audience = "{audience}"
reload = 1
[[issuers]]
url = "{url}"
profile = "keycloak"
tenants = {tenants}
"""


class Standing:
    """A clock whose pauses never end, so that what is allowed now is all there is."""

    time = staticmethod(time.time)

    def monotonic(self) -> float:
        """Return the same moment always."""
        return 0.0


class Realms:
    """A guard by a file that names realms, and how often each was asked for keys."""

    def __init__(self, keycloak: Keycloak, folder: Path, clock: Any = time) -> None:
        self.keycloak = keycloak
        self.config = folder / "jwtguard.toml"
        self.asked: Counter[str] = Counter()
        self.clock = clock
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def transport(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        """GET over the network, and count."""
        self.asked[url.partition("/realms/")[2].partition("/")[0]] += 1
        return HTTPClient().get(url, headers, timeout)

    def write(self, tenants: str) -> None:
        """Write the file anew, with other tenants."""
        url = self.keycloak.issuer("{realm}")
        text = TOML.format(audience=AUDIENCE, url=url, tenants=tenants)
        written = self.config.with_suffix(".new")
        written.write_text(text)
        written.replace(self.config)

    def guard(self, tenants: str) -> Guard:
        """Return a guard by the file."""
        self.write(tenants)
        environ = {"JWTGUARD_CONFIG": str(self.config)}
        guard = Guard(
            load_policy(environ), clock=self.clock, transport=self.transport,
            on_event=lambda *told: self.told.append(told),
        )  # fmt: skip
        guard.follow_files(environ)
        return guard


@pytest.fixture
def realms(keycloak: Keycloak, tmp_path: Path) -> Realms:
    return Realms(keycloak, tmp_path)


@pytest.fixture
def tokens(keycloak: Keycloak) -> dict[str, str]:
    return {
        realm: keycloak.grant(realm, scope="openid")["access_token"] for realm in BOTH
    }


def reason(guard: Guard, token: str) -> str:
    """Return why *token* is refused, or nothing."""
    try:
        guard.verify(token)
    except AuthError as error:
        return error.reason
    return ""


@pytest.mark.parametrize("tenants", [LISTED, '"any"'])
def test_realms_as_tenants(
    tenants: str, realms: Realms, tokens: Mapping[str, str]
) -> None:
    """Realms are accepted as tenants of one issuer, and the principal names its own."""
    guard = realms.guard(tenants)
    users = {realm: guard.verify(token) for realm, token in tokens.items()}
    for realm, user in users.items():
        assert (user.tenant, user.issuer) == (realm, realms.keycloak.issuer(realm))
    assert users["main"].identity != users["second"].identity


@contextmanager
def own_key(keycloak: Keycloak) -> Iterator[rsa.RSAPrivateKey]:
    """Let realm main publish a key that its administrator has made."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()  # fmt: skip
    provider = {
        "name": "of its administrator", "providerId": "rsa",
        "providerType": "org.keycloak.keys.KeyProvider",
        "parentId": keycloak.ask("GET", "/main").json()["id"],
        "config": {
            "priority": ["-100"], "algorithm": ["RS256"], "privateKey": [pem],
        },
    }  # fmt: skip
    made = keycloak.create("/main/components", provider)
    try:
        yield key
    finally:
        keycloak.ask("DELETE", f"/main/components/{made}")


def keys_of(keycloak: Keycloak) -> Sequence[dict[str, Any]]:
    url = f"{keycloak.issuer()}/protocol/openid-connect/certs"
    found: list[dict[str, Any]] = httpx.get(url, trust_env=False).json()["keys"]
    return found


@pytest.mark.parametrize("tenants", [LISTED, '"any"'])
def test_realm_that_claims_another(
    tenants: str, realms: Realms, tokens: Mapping[str, str]
) -> None:
    """A token that one realm has signed is refused if it claims to be of another."""
    keycloak = realms.keycloak
    guard = realms.guard(tenants)
    with own_key(keycloak) as key:
        number = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)["n"]
        (own,) = (k["kid"] for k in keys_of(keycloak) if k.get("n") == number)
        theirs = jwt.get_unverified_header(tokens["second"])["kid"]
        claims = jwt.decode(tokens["main"], options={"verify_signature": False})
        foreign = {**claims, "iss": keycloak.issuer("second")}

        def signed(members: Mapping[str, Any], kid: str) -> str:
            return jwt.encode(dict(members), key, "RS256", headers={"kid": kid})

        assert reason(guard, signed(claims, own)) == ""
        assert reason(guard, tokens["second"]) == ""
        assert reason(guard, signed(foreign, own)) == "unknown_key"
        assert reason(guard, signed(foreign, theirs)) == "bad_signature"
        assert reason(guard, tokens["second"]) == ""


def test_invented_realms(
    keycloak: Keycloak, tmp_path: Path, tokens: Mapping[str, str]
) -> None:
    """Of 200 invented realms two are asked for, and real ones are served as before."""
    realms = Realms(keycloak, tmp_path, Standing())
    guard = realms.guard('"any"')
    assert [reason(guard, token) for token in tokens.values()] == ["", ""]
    before = realms.asked.copy()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(tokens["main"], options={"verify_signature": False})
    found = set()
    for number in range(200):
        members = {**claims, "iss": keycloak.issuer(f"invented-{number}")}
        token = jwt.encode(members, key, "RS256", headers={"kid": "k"})
        found.add(reason(guard, token))
        assert reason(guard, token) in found
    assert found == {"unknown_issuer", "keys_unavailable"}
    assert set(realms.asked) - set(before) == {"invented-0", "invented-1"}
    assert (realms.asked - before).total() == 2 * 2  # both places of the metadata
    assert [reason(guard, token) for token in tokens.values()] == ["", ""]
    listed = realms.guard(LISTED)
    realms.asked.clear()
    members = {**claims, "iss": keycloak.issuer("master")}
    token = jwt.encode(members, key, "RS256", headers={"kid": "k"})
    assert reason(listed, token) == "unknown_issuer"
    assert not realms.asked


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.scope["jwtguard.principal"].tenant)
    try:
        await socket.receive_text()
    except WebSocketDisconnect:
        return


@contextmanager
def serving(guard: Guard) -> Iterator[str]:
    """Serve WebSockets behind *guard*; yield where."""
    port = free_port()
    app = GuardMiddleware(Starlette(routes=[WebSocketRoute("/", _socket)]), guard=guard)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert until(lambda: server.started)
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def test_removed_realm(realms: Realms, tokens: Mapping[str, str]) -> None:
    """A realm that is taken out of the file ends: its tokens and its open sockets."""
    guard = realms.guard(LISTED)
    with serving(guard) as place:

        def dial(realm: str) -> Any:
            fields = {"Authorization": f"Bearer {tokens[realm]}"}
            return connect(f"ws://{place}/", additional_headers=fields, proxy=None)

        def status(realm: str) -> int:
            fields = {"Authorization": f"Bearer {tokens[realm]}"}
            return ask("GET", f"http://{place}/", headers=fields).status_code

        with dial("main") as kept, dial("second") as gone:
            assert (kept.recv(HANG), gone.recv(HANG)) == BOTH
            assert (status("main"), status("second")) == (404, 404)
            realms.write('["main"]')
            # Requests make the guard look at the file, and none waits for it.
            assert until(lambda: status("main") == 404 and bool(reloads(realms)))
            assert status("second") == 401
            assert reason(guard, tokens["second"]) == "unknown_issuer"
            with pytest.raises(ConnectionClosed):
                gone.recv(HANG)
            assert status("main") == 404
            kept.ping().wait(HANG)
            kept.send("enough")


def reloads(realms: Realms) -> list[Mapping[str, Any]]:
    return [fields for event, fields in realms.told if event == "reloaded"]
