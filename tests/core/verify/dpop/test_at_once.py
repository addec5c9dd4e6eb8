"""Known bound tokens decided at once: the same answers as by the full flow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Guard
from jwtguard.core.model.decision import Decision, Proceed
from jwtguard.core.model.request import Request
from jwtguard.core.verify.dpop.nonces import WINDOW
from jwtguard.core.verify.dpop.target import Targets, target_of
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import API, EVIL, WWW, field, principal, request
from tests.core.verify.dpop.proof_support import SECRET, URL, Prover


@pytest.fixture
def prover(jwt_issuer: JWTIssuer) -> Prover:
    found = Prover(jwt_issuer)
    found.passes(found.asked())
    return found


def at_once(house: Prover, asked: Request) -> Decision | None:
    found: Decision | None = house.guard.decide_at_once(asked)
    return found


def in_full(house: Prover, asked: Request) -> Decision:
    return house.guard.decide_in_full(asked, lambda _: b"")


def test_a_known_token_with_a_proof_is_decided_at_once(prover: Prover) -> None:
    """As soon as the token is known, and with all that is checked of a proof."""
    found = at_once(prover, prover.asked())
    assert isinstance(found, Proceed)
    assert (principal(found).bound, found.carrier) == ("dpop", "header")
    assert principal(found).thumbprint == prover.key.thumbprint


def test_a_proof_is_good_once_either_way(prover: Prover) -> None:
    """What was used at once is known to the full flow, and the other way round."""
    for first, second in ((at_once, in_full), (in_full, at_once), (at_once, at_once)):
        asked = prover.asked()
        assert isinstance(first(prover, asked), Proceed)
        answer: Any = second(prover, asked)
        assert (answer.status, answer.reason) == (401, "dpop_replayed")


CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "another method": {"claims": {"htm": "POST"}},
    "another URL": {"url": f"https://{API}/y"},
    "another host": {"url": "https://other.example/x"},
    "the URL in another spelling": {"url": f"HTTPS://{API}:443/./x"},
    "a URL with a query": {"claims": {"htu": f"{URL}?a=1"}},
    "another token": {"token": "x"},
    "too old": {"claims": {"iat": 1}},
    "no jti": {"claims": {"jti": None}},
    "a number as htu": {"claims": {"htu": 1}},
    "a nonce that is a number": {"claims": {"nonce": 1}},
    "another type": {"headers": {"typ": "JWT"}},
    "no key": {"headers": {"jwk": None}},
}


@pytest.mark.parametrize("origin", [None, WWW, EVIL])
@pytest.mark.parametrize("name", CHANGES)
def test_both_ways_say_the_same(prover: Prover, name: str, origin: str | None) -> None:
    """Of a good proof, of each wrong one, and of each page."""
    answers: list[Any] = []
    for way in (at_once, in_full):
        asked = prover.asked(prover.proof(**CHANGES[name]), origin=origin)
        answers.append(way(prover, asked))
    first, second = answers
    if isinstance(second, Proceed):
        assert first.decoration == second.decoration
        assert principal(first).claims == principal(second).claims
    else:
        assert first == second


def test_a_forged_proof_is_refused_at_once(prover: Prover) -> None:
    """The signature is checked each time; nothing of it is remembered."""
    good = prover.proof()
    assert isinstance(at_once(prover, prover.asked(good)), Proceed)
    head, body, _ = prover.proof().split(".")
    forged: Any = at_once(
        prover, prover.asked(f"{head}.{body}.{good.rpartition('.')[2]}")
    )
    assert forged.reason == "dpop_signature"


@pytest.mark.parametrize(
    "fields",
    [
        {"dpop": None},
        {"dpop": ""},
        {"dpop": "a.b"},
        {"dpop": ["a.b.c", "a.b.c"]},
        {"authorization": None},
        {"authorization": "Basic eDp5"},
        {"authorization": "dpop x"},
    ],
)
def test_what_is_not_in_the_usual_form_takes_the_full_way(
    prover: Prover, fields: dict[str, Any]
) -> None:
    """There each fault has its own reason."""
    assert at_once(prover, prover.asked(**fields)) is None


def test_without_the_scheme_nothing_is_decided_at_once(jwt_issuer: JWTIssuer) -> None:
    """With ``off``, ``DPoP`` is a scheme like any other that is not known here."""
    house = Prover(jwt_issuer, dpop="off")
    assert at_once(house, house.asked()) is None


def test_with_a_shared_state_the_full_flow_asks_it(jwt_issuer: JWTIssuer) -> None:
    """Otherwise a proof would be checked twice: once here, and once there."""

    class Shared(MemoryState):
        shared = True

    house = Prover(jwt_issuer)
    house.guard = Guard(
        house.guard.policy,
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        state=Shared(),
    )
    asked = house.asked()
    house.passes(house.asked())
    assert at_once(house, asked) is None
    house.passes(asked)


def test_a_nonce_that_expires_soon_is_renewed_at_once(jwt_issuer: JWTIssuer) -> None:
    """The answer has the next one, as by the full flow."""
    house = Prover(jwt_issuer, secrets=[SECRET], dpop_nonce="require")
    nonce = field(house.refuses(house.asked()), "DPoP-Nonce")
    for way in (at_once, in_full):
        found = way(house, house.asked(house.proof(nonce=nonce)))
        assert isinstance(found, Proceed)
        assert found.decoration.fields == ()
    jwt_issuer.clock.advance(WINDOW)
    for way in (at_once, in_full):
        found = way(house, house.asked(house.proof(nonce=nonce)))
        assert isinstance(found, Proceed)
        ((name, renewed),) = found.decoration.fields
        assert name == "DPoP-Nonce"
        assert renewed != nonce
        assert found.decoration.private


def test_a_bearer_token_is_not_bound_by_its_scheme(prover: Prover) -> None:
    """Sent as ``DPoP`` it is refused, also when it is known and has a proof."""
    token = prover.token()
    prover.passes(request(token=token))
    proof = prover.proof(token=token)
    asked = request(authorization=f"DPoP {token}", dpop=proof)
    answer: Any = at_once(prover, asked)
    assert answer.reason == "unbound_token"


# The URL, compared as text before it is taken apart.

_PATHS = st.text("/.%a2F~\\ é", max_size=8).map(lambda rest: f"/{rest}")
_HOSTS = st.sampled_from(
    ["api.example", "API.example", "api.example:443", "api.example:8443", "", "a/b",
     "u@api.example", "api..example", "api.example:", "[::1]", "é.example", "a" * 300]
)  # fmt: skip
_PUBLIC = st.sampled_from(
    [(), ("https://api.example",), ("https://api.example/v2", "https://b.example"),
     ("https://api.example/v.2",), ("https://api.example/%7Ev2",)]
)  # fmt: skip


@given(
    path=_PATHS,
    root=st.sampled_from(["", "/root", "/.."]),
    raw=st.sampled_from([None, "/x", "/%61", "/a%2Fb"]),
    host=_HOSTS,
    public=_PUBLIC,
    data=st.data(),
)
def test_a_url_that_is_ours_to_the_letter_is_ours(
    path: str, root: str, raw: str | None, host: str, public: Any, data: st.DataObject
) -> None:
    """The short comparison accepts nothing that the long one refuses."""
    asked = Request("GET", path, {"host": (host,)}, raw_path=raw, root=root)
    targets = Targets(public)
    bases = public or (f"https://{host}",)
    url = data.draw(st.sampled_from([f"{base}{root}{path}" for base in bases]))
    if targets.spell(url, asked, "https"):
        assert target_of(url, raw) in targets.of(asked, "https")


@pytest.mark.parametrize(
    ("public", "url"),
    [
        ((), "https://api.example/a/b.c"),
        (("https://api.example",), "https://api.example/a/b.c"),
        (
            ("https://b.example", "https://api.example/v2"),
            "https://api.example/v2/a/b.c",
        ),
    ],
)
def test_the_usual_url_is_compared_as_text(public: Any, url: str) -> None:
    """A client that writes it as it is called needs no more."""
    asked = Request("GET", "/a/b.c", {"host": ("api.example",)}, raw_path="/a/b.c?x")
    assert Targets(public).spell(url, asked, "https")
    assert not Targets(public).spell(f"{url}/", asked, "https")
