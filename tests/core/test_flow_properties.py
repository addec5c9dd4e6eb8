"""Any request and any text: a decision, and never an unhandled exception."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwtguard import AuthError, Guard
from jwtguard.core.model.decision import Proceed, Respond
from jwtguard.core.model.request import Request
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.errors import InvalidTokenError
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import (
    API,
    EVIL,
    FORM,
    PASSWORD,
    SSR,
    WWW,
    House,
    Sign,
    everything,
    principal,
)

HEADER_NAMES = (
    "authorization", "cookie", "origin", "host", "sec-fetch-site", "x-forwarded-for",
    "x-forwarded-proto", "content-type", "content-length",
    "access-control-request-method",
)  # fmt: skip
VALUES = st.text(st.characters(max_codepoint=255), max_size=20) | st.sampled_from(
    [
        "Bearer a.b.c",
        "token=a.b.c",
        WWW,
        EVIL,
        "null",
        API,
        "cross-site",
        "same-origin",
        "https",
        FORM,
        "5",
        "Basic eDp5",
        "10.0.0.1",
        f"https://{API}",
    ]
)
REQUESTS = st.builds(
    lambda method, path, headers, scheme, peer, socket: Request(
        method, path, headers, scheme=scheme, peer=peer, websocket=socket
    ),
    st.sampled_from(["GET", "POST", "OPTIONS", "DELETE", "x"]),
    st.sampled_from(["/x", "/home", "/login", "/oauth/token", "/a//b", ""])
    | st.text(max_size=8),
    st.dictionaries(
        st.sampled_from(HEADER_NAMES),
        st.lists(VALUES, min_size=1, max_size=2),
        max_size=5,
    ),
    st.sampled_from(["http", "https", "ws", "wss", ""]),
    st.sampled_from(["127.0.0.1", "10.0.0.1", "203.0.113.1", "unix", "", "x"]),
    st.booleans(),
)


async def _read(body: bytes) -> bytes:
    return body


@pytest.mark.slow
@settings(max_examples=200)
@given(asked=REQUESTS, body=st.binary(max_size=30) | st.just(PASSWORD))
def test_both_drivers_decide_alike_and_never_fail(
    jwt_issuer: JWTIssuer, asked: Request, body: bytes
) -> None:
    """Any request: a decision, the same one, and no 5xx but 503."""
    house = everything(jwt_issuer)
    blocking = house.guard.decide(asked, lambda _: body)
    awaiting = house.guard.adecide(asked, lambda _: _read(body))
    assert asyncio.run(awaiting) == blocking
    if isinstance(blocking, Respond):
        assert blocking.status < 500 or blocking.status == 503
        # Each challenge has a field of its own; all others stand once.
        challenge = "WWW-Authenticate"
        names = [name for name, _ in blocking.headers if name != challenge]
        assert ("Vary", "Origin") in blocking.headers
        assert len(names) == len(set(names))
        for _, value in blocking.headers:
            assert value.isascii()
            assert value.isprintable()


ASKED = st.builds(
    lambda method, path, headers, how: Request(
        method, path, {name: (value,) for name, value in headers.items()}, **how
    ),
    st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS", "get"]),
    st.sampled_from(["/x", "/notes/7", "/Notes/7", "/home", "/login", "/oauth/token"]),
    st.fixed_dictionaries(
        {},
        optional={
            "origin": st.sampled_from([WWW, SSR, EVIL, f"https://{API}", "null"]),
            "host": st.just(API),
            "cookie": st.just("token=a.b.c"),
            "sec-fetch-site": st.sampled_from(["same-origin", "cross-site"]),
            "x-forwarded-proto": st.sampled_from(["https", "http"]),
            "access-control-request-method": st.just("GET"),
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "scheme": st.sampled_from(["https", "http"]),
            "peer": st.sampled_from(["203.0.113.1", "127.0.0.1", "10.0.0.1"]),
            "raw_path": st.sampled_from(["/x", "/x", "/x", "/x%2fy", "/x?%2f"]),
            "websocket": st.sampled_from([False, False, True]),
        },
    ),
)
SPELLED = st.sampled_from(
    [("Bearer {}",)] * 4
    + [("bearer {}",), ("Bearer  {} ",), ("Bearer {},",), ("Bearer {}",) * 2]
)
SAYING = st.fixed_dictionaries(
    {
        "client_id": st.sampled_from(["spa", "ssr", "batch", "unlisted", None]),
        "scope": st.sampled_from(["", "read", "read write", "admin"]),
        "claims": st.sampled_from([{}, {"origins": [EVIL]}]),
    }
)
POLICIES: Sequence[dict[str, Any]] = (
    {},
    {"public_url": (SSR,)},
    {"public_url": (SSR,), "clients_only": True},
    {
        "scopes": (
            ScopeRule(path="/notes/*", methods=("GET",), require=("read",)),
            ScopeRule(path="/notes/*", methods=("POST",), require=("write",)),
        )
    },
    {"origins_claim": None, "cookie": None, "require_https": False, "token_paths": ()},
)


@pytest.mark.slow
@settings(max_examples=250)
@given(
    st.lists(st.tuples(ASKED, SPELLED, SAYING), min_size=1, max_size=3),
    st.sampled_from(POLICIES),
)
def test_a_remembered_token_opens_what_a_new_one_opens(
    jwt_issuer: JWTIssuer,
    several: list[tuple[Request, tuple[str, ...], dict[str, Any]]],
    policy: dict[str, Any],
) -> None:
    """Whatever is remembered of earlier requests, it changes no decision."""
    memory, none = (
        everything(jwt_issuer, token_cache=size, **policy) for size in (9, 0)
    )
    requests = []
    for plain, spelled, saying in several:
        token = jwt_issuer.token(**saying)
        memory.guard.verify(token)
        brought = {"authorization": [one.format(token) for one in spelled]}
        requests.append((token, plain._replace(headers={**plain.headers, **brought})))
    for token, asked in requests * 2:
        decision = memory.decide(asked, PASSWORD)
        # A blank, and the token is looked for by all the rules.
        sent = {"authorization": [f" {v}" for v in asked.headers["authorization"]]}
        unlike = asked._replace(headers={**asked.headers, **sent})
        assert decision == none.decide(unlike, PASSWORD)
        if isinstance(decision, Proceed) and decision.carrier == "header":
            assert principal(decision).token == token
    refused, as_often = (
        [told for told in house.told if told["event"] == "refused"]
        for house in (memory, none)
    )
    assert refused == as_often


def test_a_field_without_values_was_not_sent(house: House) -> None:
    """Adapters that ask for each field by name may say it with an empty list."""
    answer = house.refuses(Request("GET", "/x", {"authorization": []}))
    assert (answer.status, answer.reason) == (401, "no_credentials")


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_any_text_is_verified_or_refused(jwt_guard: Guard, text: str) -> None:
    """Nothing but AuthError leaves ``verify``, and the other driver says the same."""
    for token in (text, f"{text}.{text}.{text}"):
        with pytest.raises(AuthError) as caught:
            jwt_guard.verify(token)
        with pytest.raises(AuthError) as again:
            asyncio.run(jwt_guard.averify(token))
        assert caught.value.reason == again.value.reason
        assert caught.value.status in (400, 401, 431)


TEXTS: Sequence[str] = ("NaN", "Infinity", "-Infinity", "1e400", "9" * 5000)


@pytest.mark.parametrize("number", TEXTS)
@pytest.mark.parametrize("name", ["exp", "nbf", "iat", "sub", "x"])
def test_signed_numbers_that_are_not_finite_are_refused(
    jwt_guard: Guard, sign: Sign, number: str, name: str
) -> None:
    """A good signature does not make a number of it. RFC 8259 section 6."""
    with pytest.raises(InvalidTokenError, match="malformed"):
        jwt_guard.verify(sign(payload=f'{{"{name}":{number}}}'.encode()))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
def test_signed_claims_in_another_encoding_are_refused(
    jwt_guard: Guard, sign: Sign, encoding: str
) -> None:
    """Even though ``json.loads`` would read it. RFC 8259 section 8.1."""
    with pytest.raises(InvalidTokenError, match="malformed"):
        jwt_guard.verify(sign(payload='{"sub":"a"}'.encode(encoding)))


@pytest.mark.parametrize("depth", [500, 2_000, 100_000])
def test_signed_claims_nested_deeply_never_crash(
    jwt_issuer: JWTIssuer, sign: Sign, depth: int
) -> None:
    """Refused, or read; claims too deep to be read again later are not let in.

    RFC 8259 section 9.
    """
    guard = jwt_issuer.guard(max_token_bytes=10**6)
    nested: Any = b"[" * depth + b"]" * depth
    claims = sign(x=1).split(".")[1]
    from jwt.utils import base64url_decode

    payload = base64url_decode(claims).replace(b'"x": 1', b'"x": ' + nested)
    assert nested in payload
    try:
        found = guard.verify(sign(payload=payload))
    except InvalidTokenError:
        return
    assert found.claims["x"]
