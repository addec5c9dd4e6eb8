"""Requests as values, and a guard with every kind of path and client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jwtguard import Client, Guard
from jwtguard.core.model.decision import Decision, Proceed, Respond
from jwtguard.core.model.principal import Principal
from jwtguard.core.model.request import Request
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.testing import JWTIssuer

WWW, SSR = "https://www.example", "https://ssr.example"
EVIL = "https://evil.example"
API = "api.example"
FORM = "application/x-www-form-urlencoded"
Sign = Callable[..., str]


def request(
    path: str = "/x", method: str = "GET", token: str | None = None, **fields: Any
) -> Request:
    extra = {
        name: fields.pop(name)
        for name in ("scheme", "peer", "query", "raw_path", "websocket", "subprotocols")
        if name in fields
    }
    given = {"host": API, **fields}
    if token is not None:
        given["authorization"] = f"Bearer {token}"
    headers = {
        name.replace("_", "-"): (value,) if isinstance(value, str) else tuple(value)
        for name, value in given.items()
        if value is not None
    }
    return Request(method, path, headers, **{"peer": "203.0.113.9", **extra})


class House:
    """A guard with every kind of path and client, and what it decided."""

    def __init__(self, issuer: JWTIssuer, **settings: Any) -> None:
        self.issuer = issuer
        self.told: list[dict[str, Any]] = []
        clients = (
            Client(id="spa", origins=(WWW,), refresh=True, methods=("GET", "POST")),
            Client(id="ssr", origins=(SSR,), credentials=True),
            Client(id="batch", refresh=True),
        )
        policy = issuer.policy(**{"clients": clients, **settings})
        self.guard = Guard(
            policy,
            clock=issuer.clock,
            transport=issuer.transport,
            on_event=lambda event, fields: self.told.append({"event": event, **fields}),
        )

    def decide(self, asked: Request, body: bytes | None = b"") -> Decision:
        return self.guard.decide(asked, lambda _: body)

    def passes(self, asked: Request, body: bytes | None = b"") -> Proceed:
        decision = self.decide(asked, body)
        assert isinstance(decision, Proceed), decision
        return decision

    def refuses(self, asked: Request, body: bytes | None = b"") -> Respond:
        decision = self.decide(asked, body)
        assert isinstance(decision, Respond)
        return decision

    def reason(self, asked: Request, body: bytes | None = b"") -> tuple[int, str]:
        answer = self.refuses(asked, body)
        return answer.status, answer.reason

    def token(self, **given: Any) -> str:
        return self.issuer.token(**given)


def field(answer: Respond, name: str) -> str | None:
    found = [item for item in answer.headers if item[0].lower() == name.lower()]
    assert len(found) < 2, found
    assert all(key == name for key, _ in found)
    return found[0][1] if found else None


def quickly(house: House, asked: Request) -> Proceed | None:
    """Return what the fast path decides; None: the full flow has to run."""
    found = house.guard._flow.fast.decide(asked)
    return found if isinstance(found, Proceed) else None


def principal(decision: Proceed) -> Principal:
    assert decision.principal is not None
    return decision.principal


RULES = (
    ScopeRule(path="/notes/*", methods=("GET",), require=("notes:read",)),
    ScopeRule(path="/notes/*", methods=("POST",), require=("notes:write",)),
    ScopeRule(path="/open", require=()),
)


def by_cookie(house: House, method: str = "GET", **fields: Any) -> Any:
    token = house.token(client_id=fields.pop("client_id", "ssr"))
    path = fields.pop("path", "/x")
    return house.decide(request(path, method, cookie=f"token={token}", **fields))


OWN = {"origin": f"https://{API}"}
LINK = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def ask(house: House, body: bytes | None, **fields: Any) -> Any:
    path = fields.pop("path", "/oauth/token")
    asked = request(path, "POST", content_type=FORM, **fields)
    return house.decide(asked, body)


PASSWORD = b"grant_type=password&username=alice&password=pw&client_id=spa"


def everything(issuer: JWTIssuer, **other: Any) -> House:
    settings = {
        "cookie": "token",
        "public_paths": ("/login",),
        "optional_paths": ("/home",),
        "token_paths": ("/oauth/token",),
        "trusted_proxies": ("10.0.0.0/8", "unix"),
        "origins_claim": "origins",
    }
    return House(issuer, **{**settings, **other})
