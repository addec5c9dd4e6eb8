"""Cached answers for known tokens: they equal those of the full flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jwtguard import AuthError, Client
from jwtguard.core.authorize.access import AccessKey
from jwtguard.core.extract.paths import Kind, PathAccess
from jwtguard.core.model.decision import Decoration, Respond
from jwtguard.core.model.effects import ReadBody
from jwtguard.core.model.facts import Common
from jwtguard.core.model.request import Request
from jwtguard.errors import InvalidTokenError
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import (
    API,
    EVIL,
    RULES,
    SSR,
    WWW,
    House,
    everything,
    principal,
    quickly,
    request,
)


def test_a_known_header_opens_nothing(house: House) -> None:
    """What is remembered of one token is of no use to a forged one like it."""
    token = house.token()
    head, body, signature = token.split(".")
    other = house.token(subject="mallory").split(".")
    for _ in range(2):
        house.passes(request(token=token))
        for wrong in (
            f"{head}.{other[1]}.{signature}",
            f"{head}.{body}.{other[2]}",
            f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        ):
            assert house.reason(request(token=wrong)) == (401, "bad_signature")


def test_a_known_token_that_is_sent_twice_is_refused(house: House) -> None:
    """Two fields say two things, even if they say the same."""
    token = house.token()
    for other in (f"Bearer {token}", "Bearer x", "Basic eDp5"):
        house.passes(request(token=token))
        asked = request(authorization=[f"Bearer {token}", other])
        assert house.reason(asked) == (400, "authorization_repeated")


@pytest.mark.parametrize("spelled", ["Bearer  {}", "Bearer {} ", "bearer {}"])
def test_a_token_is_the_same_however_its_field_is_spelled(
    house: House, spelled: str
) -> None:
    """What is handed on, and remembered, is the token and nothing around it."""
    token = house.token()
    for _ in range(3):
        found = house.passes(request(authorization=spelled.format(token)))
        assert principal(found).token == token
    assert quickly(house, request(token=token))


@pytest.mark.parametrize("claim", [None, "origins"])
@pytest.mark.parametrize(
    ("client_id", "origin"),
    [("spa", None), ("spa", WWW), ("ssr", SSR), ("batch", None), (None, None)],
)
def test_a_known_token_is_decided_at_once(
    jwt_issuer: JWTIssuer, client_id: str | None, origin: str | None, claim: str | None
) -> None:
    """At its client's origin, or at none: what was decided before is decided again."""
    house = House(jwt_issuer, scopes=RULES, origins_claim=claim)
    token = house.token(client_id=client_id, scope="notes:read")
    asked = request("/notes/1", token=token, origin=origin, raw_path="/notes/1?x=y")
    first = house.passes(asked)
    assert quickly(house, asked) == first == house.passes(asked)
    assert dict(first.decoration.cors).get("Access-Control-Allow-Origin") == origin


@pytest.mark.parametrize("claim", [None, "origins"])
@pytest.mark.parametrize("own", [(f"https://{API}",), ()])
def test_an_own_page_is_decided_at_once(
    jwt_issuer: JWTIssuer, claim: str | None, own: tuple[str, ...]
) -> None:
    """And so is a page that the token itself names."""
    house = House(jwt_issuer, public_url=own, origins_claim=claim)
    token = house.token(claims={"origins": [EVIL]})
    house.guard.verify(token)
    assert quickly(house, request(token=token, origin=f"https://{API}"))
    foreign = quickly(house, request(token=token, origin=EVIL))
    assert (foreign is not None) is (claim is not None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"path": "/other"}, (403, "no_rule")),
        ({"path": "/notes/../open"}, (400, "path_ambiguous")),
        ({"raw_path": "/notes%2f1"}, (400, "path_ambiguous")),
        ({"method": "POST"}, (403, "scope_missing")),
        ({"method": "DELETE", "origin": None}, (403, "no_rule")),
        ({"path": "/open", "method": "PUT"}, (403, "method_not_allowed_for_client")),
        ({"origin": EVIL}, (403, "foreign_origin")),
        ({"origin": SSR}, (403, "foreign_origin")),
        ({"origin": [WWW, WWW]}, (403, "foreign_origin")),
        ({"scheme": "http"}, (403, "insecure_transport")),
        ({"client_id": "ssr"}, (403, "foreign_origin")),
        ({"client_id": "unlisted", "origin": None}, (403, "client_not_listed")),
        ({"scope": "notes:write"}, (403, "scope_missing")),
    ],
)
def test_a_remembered_answer_is_of_no_use_to_what_differs_in_anything(
    jwt_issuer: JWTIssuer, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Path, method, origin, transport, client, scope: each token and way is its own."""
    house = House(jwt_issuer, scopes=RULES, clients_only=True)
    tokens: dict[tuple[str, str], str] = {}

    def asked(client_id: str, scope: str, **fields: Any) -> Request:
        if (client_id, scope) not in tokens:
            tokens[client_id, scope] = house.token(client_id=client_id, scope=scope)
        token = tokens[client_id, scope]
        house.guard.verify(token)
        return request(token=token, **fields)

    like = {"path": "/notes/1", "origin": WWW, "client_id": "spa"}
    like["scope"] = "notes:read"
    for _ in range(2):
        house.passes(asked(**like))
        assert house.reason(asked(**{**like, **change})) == expected


def test_a_page_that_the_token_names_has_nothing_of_what_a_client_was_promised(
    jwt_issuer: JWTIssuer,
) -> None:
    """Neither its credentials nor its limits: those are for the listed origins."""
    house = House(jwt_issuer, origins_claim="allowed-origins", cookie="token")
    page = "https://page.example"
    spa = house.token(claims={"allowed-origins": [page]})
    house.passes(request(method="DELETE", token=spa, origin=page))
    two = (
        Client(id="ssr", origins=(SSR,), credentials=True),
        Client(id="bff", origins=(WWW,), credentials=True),
    )
    house = House(
        jwt_issuer, origins_claim="allowed-origins", cookie="token", clients=two
    )
    bff = house.token(client_id="bff", claims={"allowed-origins": [SSR]})
    stolen = request(method="POST", cookie=f"token={bff}", origin=SSR)
    assert house.reason(stolen) == (403, "foreign_origin")
    house.passes(stolen._replace(headers={**stolen.headers, "origin": (WWW,)}))


def test_what_is_remembered_beside_tokens_is_bounded(house: House) -> None:
    """1024 answers, to tokens of 4096 bytes, with 64 for each scope, and no more."""
    answers: Any = house.guard._flow.authorizer.remembered
    for size, origin, scope, kept in (
        (4097, None, "", 0),
        (4096, None, "", 1),
        (4097, WWW, "", 1),
        (4096, WWW, "", 2),
        (4097 - 3 * 64, None, "a b c", 2),
        (4096 - 3 * 64, None, "a b c", 3),
    ):
        token = house.token(claims={"much": ""}, scope=scope)
        bare = len(house.guard.verify(token).payload)
        long = house.token(claims={"much": "x" * (size - bare)}, scope=scope)
        house.passes(request(token=long, origin=origin))
        assert answers.cache_info().currsize == kept
    token = house.token()
    for path in ("/x", "/y", "/%", "/" + "x" * 500):
        house.passes(request(path, token=token, raw_path="/?%20"))
    assert answers.cache_info().currsize == 3
    for count, kept in ((512, 4), (513, 4)):
        house.passes(request(method="M" * count, token=token))
        assert answers.cache_info().currsize == kept
    for number in range(1100):
        house.passes(request(method=f"M{number}", token=token))
    assert answers.cache_info().currsize == 1024
    hits = answers.cache_info().hits
    house.passes(request(method="M1099", token=token))
    assert answers.cache_info().hits == hits + 1
    few: Any = House(house.issuer, token_cache=7).guard._flow.authorizer.remembered
    assert few.cache_info().maxsize == 7


def test_without_memory_no_answer_is_remembered(jwt_issuer: JWTIssuer) -> None:
    """A size of 0 means that every request is judged by the rules themselves."""
    house = House(jwt_issuer, token_cache=0)
    asked = request(token=house.token(), origin=WWW)
    assert house.passes(asked) == house.passes(asked)
    assert not hasattr(house.guard._flow.authorizer.remembered, "cache_info")
    assert house.guard._flow.verifier.token_cache.get("a.b.c") == (b"", None)


@pytest.mark.parametrize("size", [9, 0])
def test_an_own_origin_that_the_token_names_is_granted_however_it_is_decided(
    jwt_issuer: JWTIssuer, size: int
) -> None:
    """A second own origin is cross-origin to the browser: it needs its CORS fields."""
    house = House(
        jwt_issuer,
        origins_claim="origins",
        public_url=(f"https://{API}", SSR),
        token_cache=size,
    )
    asked = request(token=house.token(claims={"origins": [SSR]}), origin=SSR)
    for _ in range(2):
        granted = dict(house.passes(asked).decoration.cors)
        assert granted.get("Access-Control-Allow-Origin") == SSR


@pytest.mark.parametrize("known", [False, True])
def test_new_and_known_tokens_pass_the_same_gates(
    jwt_issuer: JWTIssuer, known: bool
) -> None:
    """A gate that is added refuses both, in every way to bring a token."""

    def refusing(*_: object) -> None:
        raise InvalidTokenError("expired")

    house = everything(jwt_issuer)
    token = house.token()
    if known:
        house.passes(request(token=token))
    house.guard._flow.verifier.gates.append(refusing)
    for asked in (
        request(token=token),
        request(authorization=f"bearer  {token}"),
        request(cookie=f"token={token}"),
        request(websocket=True, subprotocols=("bearer", token)),
    ):
        assert house.reason(asked) == (401, "expired")
    assert house.passes(request("/home", cookie=f"token={token}")).refusal == "expired"
    with pytest.raises(InvalidTokenError, match="expired"):
        house.guard.verify(token)


@pytest.mark.parametrize("known", [False, True])
def test_a_gate_that_needs_the_outside_is_waited_for(
    jwt_issuer: JWTIssuer, known: bool
) -> None:
    """And what it finds out there decides."""
    good = [True]

    def asking(*_: object) -> Iterator[ReadBody]:
        yield ReadBody(1)
        if not good[0]:
            raise InvalidTokenError("expired")

    house = House(jwt_issuer)
    asked = request(token=house.token())
    if known:
        house.passes(asked)
    gates: list[Any] = house.guard._flow.verifier.gates
    gates.append(asking)
    assert house.passes(asked)
    good[0] = False
    assert house.reason(asked) == (401, "expired")


KEY = AccessKey(
    rule=PathAccess(Kind.PROTECTED, ("notes:read",)),
    method="GET",
    origin=None,
    own=False,
    claimed=False,
    cookie=False,
    issuer="https://issuer.example",
    client_id="spa",
    scopes=frozenset({"notes:read"}),
)


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, None),
        ({"origin": WWW}, None),
        ({"origin": EVIL}, "foreign_origin"),
        ({"origin": EVIL, "own": True}, None),
        ({"origin": EVIL, "claimed": True}, None),
        ({"origin": EVIL, "claimed": True, "cookie": True}, "foreign_origin"),
        ({"origin": WWW, "cookie": True}, "foreign_origin"),
        ({"origin": WWW, "method": "DELETE"}, "method_not_allowed_for_client"),
        ({"origin": WWW, "client_id": "ssr"}, "foreign_origin"),
        ({"client_id": "unlisted"}, "client_not_listed"),
        ({"issuer": "https://other.example"}, "client_not_listed"),
        ({"scopes": frozenset[str]()}, "scope_missing"),
        ({"rule": PathAccess(Kind.PROTECTED, None)}, "no_rule"),
        ({"rule": PathAccess(Kind.OPTIONAL, None)}, None),
    ],
)
def test_each_field_of_the_key_counts_for_what_authorize_answers(
    jwt_issuer: JWTIssuer, changed: dict[str, Any], refused: str | None
) -> None:
    """It sees nothing else, so what is remembered under the key cannot be wrong."""
    house = everything(jwt_issuer, clients_only=True)
    key = KEY._replace(issuer=jwt_issuer.url)._replace(**changed)
    authorizer = house.guard._flow.authorizer
    origins = frozenset((EVIL,) if key.claimed else ())
    token = Common(
        key.issuer, key.client_id, key.scopes, origins, None, key.standing
    )  # fmt: skip
    asked = key.rule, key.method, key.origin, key.own, key.cookie
    for answer in (authorizer.authorize(key), authorizer.remembered(*asked, token)):
        if refused is None:
            assert isinstance(answer, Decoration)
        else:
            assert isinstance(answer, AuthError)
            assert answer.reason == refused
            assert answer.__traceback__ is None


def test_a_refusal_that_is_remembered_is_reported_each_time(house: House) -> None:
    """The same answer, and an event for each request."""
    asked = request(token=house.token(), origin=EVIL)
    answers = [house.refuses(asked) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0].reason == "foreign_origin"
    assert [told["reason"] for told in house.told if told["event"] == "refused"] == [
        "foreign_origin"
    ] * 3
    assert isinstance(house.guard._flow.fast.decide(asked), Respond)


def test_the_full_flow_answers_preflights_alike(jwt_issuer: JWTIssuer) -> None:
    """Adapters may ask it alone."""
    guard = jwt_issuer.guard(clients=[Client(id="spa", origins="https://a.example")])
    for origin in ("https://a.example", "https://b.example"):
        headers = {
            "origin": (origin,),
            "access-control-request-method": ("GET",),
        }
        asked = Request("OPTIONS", "/notes", headers)
        at_once = guard.decide_at_once(asked)
        assert at_once is not None
        assert guard.decide_in_full(asked, lambda _: None) == at_once
