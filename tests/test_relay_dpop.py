"""DPoP at the relay (RFC 9449 section 5): the issuer judges, the relay hands on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from jwtguard import Client, Guard
from jwtguard.relay import TokenRelay
from jwtguard.state import MemoryState
from jwtguard.testing import DPoPKey, JWTIssuer
from tests.relay_support import by_asgi, by_trio, by_wsgi
from tests.session_support import SECRET
from tests.waiting import HANG, until

SPA = "https://www.example.com"
URL = "https://id.example/token"
LOGIN = {
    "grant_type": "password",
    "client_id": "spa",
    "username": "alice",
    "password": "wonderland",
}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "spa"}
every_way = pytest.mark.parametrize("send", [by_wsgi, by_asgi, by_trio])


class Issuer:
    """Notes the proofs it gets, and redeems a refresh token once."""

    def __init__(self) -> None:
        self.proofs: list[list[str]] = []
        self.forms: list[dict[str, str]] = []
        self.refuse: Callable[[str], httpx.Response | None] = lambda _proof: None
        self.spent: set[str] = set()
        self.open = threading.Event()
        self.open.set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        form = {k: v[0] for k, v in parse_qs(request.content.decode()).items()}
        proofs = request.headers.get_list("dpop")
        self.forms.append(form)
        self.proofs.append(proofs)
        assert self.open.wait(HANG)
        refused = self.refuse(proofs[0] if proofs else "")
        if refused is not None:
            return refused
        token = form.get("refresh_token")
        if token in self.spent:
            return httpx.Response(400, json={"error": "invalid_grant"})
        if token is not None:
            self.spent.add(token)
        said = {"access_token": f"a-{len(self.proofs)}", "refresh_token": "r2"}
        nonce = {"DPoP-Nonce": "next"}
        return httpx.Response(200, json={**said, "token_type": "DPoP"}, headers=nonce)


def relay_of(jwt_issuer: JWTIssuer, issuer: Issuer, **settings: Any) -> TokenRelay:
    guard = jwt_issuer.guard(
        clients=[
            Client(id="spa", origins=SPA, refresh=True),
            Client(id="bound", origins=SPA, refresh=True, dpop=True),
        ],
        relay_url=URL,
        relay_revocation_url="https://id.example/revoke",
        state_timeout=HANG,
        relay_limit="1000/minute",
        **settings,
    )
    guard = Guard(guard.policy, clock=jwt_issuer.clock)
    return TokenRelay(guard, transport=httpx.MockTransport(issuer))


def ask(
    relay: TokenRelay,
    form: dict[str, str],
    *proofs: str,
    send: Callable[..., Any] = by_wsgi,
    path: str = "token",
) -> httpx.Response:
    """Send *form* from the client's page, with a field for each of *proofs*."""
    # WSGI servers join fields of one name.
    fields = [",".join(proofs)] if send is by_wsgi and proofs else list(proofs)
    headers = [("Origin", SPA), *(("DPoP", proof) for proof in fields)]
    got: httpx.Response = send(
        relay, "POST", f"https://localhost/{path}", data=form, headers=headers
    )
    return got


@pytest.fixture
def key(jwt_issuer: JWTIssuer) -> DPoPKey:
    return jwt_issuer.dpop()


@every_way
@pytest.mark.parametrize("form", [LOGIN, REFRESH], ids=["login", "refresh"])
def test_the_proof_goes_on_unchanged(
    jwt_issuer: JWTIssuer, key: DPoPKey, form: dict[str, str], send: Any
) -> None:
    """One field, byte for byte; the nonce of the answer comes back to the page."""
    issuer = Issuer()
    proof = key.proof("POST", URL)
    answer = ask(relay_of(jwt_issuer, issuer), form, proof, send=send)
    assert answer.json()["token_type"] == "DPoP"
    assert issuer.proofs == [[proof]]
    assert answer.headers["DPoP-Nonce"] == "next"


def test_without_a_proof_none_is_sent(jwt_issuer: JWTIssuer) -> None:
    """The relay has no key of its own."""
    issuer = Issuer()
    assert ask(relay_of(jwt_issuer, issuer), LOGIN).status_code == 200
    assert issuer.proofs == [[]]


def test_a_revocation_may_bring_a_proof(jwt_issuer: JWTIssuer, key: DPoPKey) -> None:
    """It goes on like that of a token request."""
    issuer, proof = Issuer(), key.proof("POST", "https://id.example/revoke")
    form = {"token": "r1", "client_id": "spa"}
    ask(relay_of(jwt_issuer, issuer), form, proof, path="revoke")
    assert issuer.proofs == [[proof]]


MALFORMED = {
    "empty": [""],
    "blank": ["   "],
    "no JWT": ["abc"],
    "five parts": ["a.b.c.d.e"],
    "other characters": ["a.b.c="],
    "a line": ["a.b.c\td"],
    "two in one field": ["{0},{0}"],
    "two in one field, spaced": ["{0}, {0}"],
    "a comma at the end": ["{0},"],
    "two fields": ["{0}", "{0}"],
    "two fields, one empty": ["{0}", ""],
    "very long": ["a." + "b" * 9000 + ".c"],
}


@every_way
@pytest.mark.parametrize("name", MALFORMED)
def test_anything_but_one_proof_is_refused(
    jwt_issuer: JWTIssuer, key: DPoPKey, name: str, send: Any
) -> None:
    """400 ``invalid_dpop_proof``, readable for the page; the issuer is not asked."""
    issuer, proof = Issuer(), key.proof("POST", URL)
    sent = [text.format(proof) for text in MALFORMED[name]]
    answer = ask(relay_of(jwt_issuer, issuer), LOGIN, *sent, send=send)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert answer.headers["Access-Control-Allow-Origin"] == SPA
    assert "WWW-Authenticate" not in answer.headers
    assert issuer.proofs == []


def test_the_issuers_refusal_of_a_proof_comes_back(
    jwt_issuer: JWTIssuer, key: DPoPKey
) -> None:
    """Status, error and nonce are what the page's library looks for."""
    issuer = Issuer()
    issuer.refuse = lambda _: httpx.Response(
        400, json={"error": "use_dpop_nonce"}, headers={"DPoP-Nonce": "n1"}
    )
    answer = ask(relay_of(jwt_issuer, issuer), LOGIN, key.proof("POST", URL))
    assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce")
    assert answer.headers["DPoP-Nonce"] == "n1"


# Refreshes of one token at the same time.


def at_once(
    relays: list[TokenRelay], issuer: Issuer, proofs: list[str | None]
) -> list[httpx.Response]:
    """Send one refresh for each proof; the issuer answers once all have been sent."""
    issuer.open.clear()
    before = len(issuer.proofs)
    with ThreadPoolExecutor(len(proofs)) as pool:
        sent = []
        for number, proof in enumerate(proofs):
            given = () if proof is None else (proof,)
            relay = relays[number % len(relays)]
            sent.append(pool.submit(ask, relay, REFRESH, *given))
            until(lambda: len(issuer.proofs) > before)
        issuer.open.set()
        return [one.result(HANG) for one in sent]


def test_tabs_of_one_key_share_a_refresh(jwt_issuer: JWTIssuer, key: DPoPKey) -> None:
    """Their proofs differ, their key does not: the token is spent once."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    proofs: list[str | None] = [key.proof("POST", URL) for _ in range(4)]
    got = at_once([relay], issuer, proofs)
    assert {one.json()["access_token"] for one in got} == {"a-1"}
    late = ask(relay, REFRESH, key.proof("POST", URL))
    assert late.json()["access_token"] == "a-1"
    assert issuer.proofs == [[proofs[0]]]


def test_another_key_does_not_get_the_answer(
    jwt_issuer: JWTIssuer, key: DPoPKey
) -> None:
    """Whoever has stolen a refresh token gets what the issuer says to the thief."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    thief = jwt_issuer.dpop()
    assert ask(relay, REFRESH, key.proof("POST", URL)).status_code == 200
    for sent in ((thief.proof("POST", URL),), ()):
        assert ask(relay, REFRESH, *sent).json() == {"error": "invalid_grant"}
    assert len(issuer.proofs) == 3


def test_a_thief_who_is_under_way_first_gets_nothing_of_the_owner(
    jwt_issuer: JWTIssuer, key: DPoPKey
) -> None:
    """Two keys at the same time are two refreshes."""
    issuer = Issuer()
    thief = jwt_issuer.dpop()
    bad = thief.proof("POST", URL)
    issuer.refuse = lambda proof: (
        httpx.Response(400, json={"error": "invalid_grant"}) if proof == bad else None
    )
    got = at_once(
        [relay_of(jwt_issuer, issuer)], issuer, [bad, key.proof("POST", URL), None]
    )
    assert got[0].json() == {"error": "invalid_grant"}
    assert len(issuer.proofs) == 3


def test_processes_share_by_key(jwt_issuer: JWTIssuer, key: DPoPKey) -> None:
    """Two workers over one state: one refresh for a key, another for another key."""
    issuer, state = Issuer(), MemoryState()
    relays = []
    for _ in range(2):
        policy = relay_of(jwt_issuer, issuer, secrets=[SECRET]).guard.policy
        guard = Guard(policy, clock=jwt_issuer.clock, state=state)
        relays.append(TokenRelay(guard, transport=httpx.MockTransport(issuer)))
    got = at_once(relays, issuer, [key.proof("POST", URL) for _ in range(4)])
    assert {one.json()["access_token"] for one in got} == {"a-1"}
    stolen = ask(relays[1], REFRESH, jwt_issuer.dpop().proof("POST", URL))
    assert stolen.json() == {"error": "invalid_grant"}


# A client whose tokens have to be bound.


def test_a_bound_client_needs_a_proof_to_refresh(
    jwt_issuer: JWTIssuer, key: DPoPKey
) -> None:
    """Without one the issuer would make bearer tokens, which are refused here."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    form = {**REFRESH, "client_id": "bound"}
    answer = ask(relay, form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert answer.headers["Access-Control-Allow-Origin"] == SPA
    assert issuer.proofs == []
    assert ask(relay, form, key.proof("POST", URL)).status_code == 200
    assert ask(relay, {**LOGIN, "client_id": "bound"}).status_code == 200
