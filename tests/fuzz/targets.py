"""What must hold for any input whatever: each target raises AssertionError if not.

A target takes bytes. ``test_properties.py`` feeds it from hypothesis, ``python -m
tests.fuzz`` from a fuzzer that looks for new paths through the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import jwt

from jwtguard.core.authorize.forms import parse_form
from jwtguard.core.model.encoding import decode_segment, parse_json
from jwtguard.core.model.jwk_set import parse_jwk_set
from jwtguard.core.model.origins import serialized
from jwtguard.core.model.patterns import ambiguous, demands, gives
from jwtguard.core.model.principal import Principal
from jwtguard.core.verify.jose import parse
from jwtguard.errors import AuthError, GrantError, InvalidTokenError
from tests.attacks.attacker import (
    ALGORITHMS,
    AUDIENCE,
    EC,
    EC_MINE,
    EC_OTHER,
    ED,
    GUARD,
    NOW,
    ONE,
    OTHER,
    PUBLISHED,
    RSA,
    b64,
    claims,
    header,
)
from tests.fuzz.choices import Choices

SIGNERS: Mapping[str, tuple[Any, str]] = {
    "issuer": (EC, "ES256"),
    "rsa": (RSA, "RS256"),
    "ed": (ED, "EdDSA"),
    "other": (EC_OTHER, "ES256"),
    "attacker": (EC_MINE, "ES256"),
}
TRUSTED = {"issuer": ONE, "rsa": ONE, "ed": ONE, "other": OTHER}
VALUES: list[Any] = [
    None, True, False, 0, -1, NOW, NOW + 60, NOW - 3600, 1e15, 1e308, 10**30, 0.5, "",
    "k", "rsa", "ed", "none", "HS256", "RS256", "PS256", "EdDSA", "ES256", ONE, OTHER,
    AUDIENCE, "alice", "JWT", "at+jwt", "Refresh", "id", [], [AUDIENCE], [ONE, 1], {},
    {"a": 1}, "\u0130", "\u00e9", "*", "../k", "a b",
]  # fmt: skip
MEMBERS = (
    "alg", "kid", "typ", "crit", "jwk", "b64", "zip", "iss", "sub", "aud", "exp", "nbf",
    "iat", "jti", "scope", "client_id", "azp", "token_use", "events", "cnf", "nonce",
)  # fmt: skip


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits, although everything is there")


def _document(choices: Choices, claims: dict[str, Any]) -> bytes:
    """JSON of *claims* with changes; sometimes broken on purpose."""
    for name in choices.some(MEMBERS, 3):
        claims[name] = choices.pick(VALUES)
    text = json.dumps(claims, ensure_ascii=choices.maybe())
    return choices.spliced(text).encode("utf-8", "surrogatepass")


def make_token(choices: Choices) -> tuple[str, str | None]:
    """Return a token, and who among the trusted has signed exactly it, if anyone."""
    if choices.number(8) == 7:
        return choices.text(200), None
    head = b64(_document(choices, header()))
    body = b64(_document(choices, claims()))
    name = choices.pick([*SIGNERS])
    key, alg = SIGNERS[name]
    if name in ("rsa", "ed") and choices.maybe():
        head = b64(json.dumps(header(alg=alg, kid=name)))
    text = choices.spliced(f"{head}.{body}")
    tail = b64(ALGORITHMS[alg].sign(text.encode("latin-1"), key))
    spliced = choices.spliced(tail)
    signer = name if name in TRUSTED and spliced == tail else None
    return f"{text}.{spliced}", signer


def _told(verify: Callable[[], Principal]) -> Principal | str:
    try:
        return verify()
    except AuthError as error:
        return f"{error.status} {error.reason}"


def token(data: bytes) -> None:
    """Only what a trusted key has signed is accepted, and with these very claims."""
    made, signer = make_token(Choices(data))
    found = _told(lambda: GUARD.verify(made))
    again = _told(lambda: finish(GUARD.averify(made)))
    assert found == again, "threads and event loops differ"
    if isinstance(found, str):
        assert found[:3] in ("401", "431"), found
        return
    assert signer is not None, "nobody trusted has signed it"
    assert found.issuer == TRUSTED[signer], "one issuer signs for another"
    claims = json.loads(decode_segment(made.split(".")[1].encode()))
    assert found.claims == claims
    assert claims.get("exp", 0) > NOW - 30
    assert AUDIENCE in (claims["aud"], *claims["aud"])
    assert claims.get("iss") == found.issuer
    if signer == "issuer":  # PyJWT accepts at least what we do
        public = jwt.PyJWK(PUBLISHED["keys"][0]).key
        jwt.api_jws.decode(made, public, algorithms=["ES256"])


def compact(data: bytes) -> None:
    """The strict parser accepts a subset of what PyJWT accepts, and reads it alike."""
    choices = Choices(data)
    made = make_token(choices)[0] if choices.maybe() else choices.text(300)
    try:
        found = parse(made)
    except InvalidTokenError:
        return
    other = jwt.api_jws.PyJWS().decode_complete(
        made, options={"verify_signature": False}
    )
    assert other["header"]["alg"] == found.header.alg
    assert other["payload"] == found.payload
    assert other["signature"] == found.signature
    assert json.loads(other["payload"]) == found.claims


def document(data: bytes) -> None:
    """JSON is read as the standard library reads it, or not at all."""
    choices = Choices(data)
    text = _document(choices, claims()) if choices.maybe() else choices.octets(400)
    try:
        found = parse_json(text)
    except ValueError:
        return
    assert json.loads(text.decode("utf-8")) == found


def key_set(data: bytes) -> None:
    """A key set is read, or a ValueError; no key in it is one that we do not use."""
    choices = Choices(data)
    members: list[Any] = []
    for member in choices.some(PUBLISHED["keys"], 3):
        changed: dict[str, Any] = dict(member)
        for name in choices.some(
            ("kty", "crv", "x", "y", "n", "e", "alg", "use", "d"), 2
        ):
            changed[name] = choices.pick(
                [*VALUES, choices.text(), b64(choices.octets())]
            )
        members.append(changed)
    text = json.dumps({"keys": members})
    body = choices.spliced(text).encode() if choices.maybe() else text.encode()
    with suppress(ValueError):
        for key in parse_jwk_set(body if choices.maybe() else text.encode()).keys:
            assert not key.verifies(min(key.algorithms), b"text", bytes(64))
    with suppress(ValueError):
        parse_jwk_set(choices.octets(300))


def form(data: bytes) -> None:
    """A form that is accepted has one reading: the standard library finds the same."""
    choices = Choices(data)
    names = ("grant_type", "client_id", "refresh_token", "scope", "resource", "Scope")
    parts = [
        choices.spliced(f"{choices.pick(names)}={choices.text(12)}")
        for _ in range(choices.number(5))
    ]
    body = choices.pick(("&", "&", "&&", ";")).join(parts).encode("latin-1")
    if choices.maybe():
        body = choices.octets(200)
    try:
        found = parse_form(body)
    except GrantError:
        return
    if not body.isascii():
        return  # the standard library takes text, and has no one way from bytes to it
    pairs = [(name, value) for name in found for value in found[name]]
    other = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    assert sorted(pairs) == sorted(other)


def names(data: bytes) -> None:
    """Origins have one spelling; what a path is given, it would also be asked for."""
    choices = Choices(data)
    text = choices.spliced("https://www.example:8443") + choices.text(8)
    origin = serialized(text)
    assert origin is None or serialized(origin) == origin
    path = choices.spliced("/static/a/b") + choices.text(8)
    if not ambiguous(path, None):
        for pattern in ("/static/*", "/static/a/b", "/*"):
            assert demands(pattern, path) or not gives(pattern, path)


def _targets() -> Mapping[str, Callable[[bytes], None]]:
    from tests.fuzz.requests import request
    from tests.fuzz.sequences import sequence
    from tests.fuzz.texts import explained, settings
    from tests.routing.differential import routing

    values = (token, compact, document, key_set, form, names)
    found = (*values, request, routing, sequence, explained, settings)
    return {target.__name__: target for target in found}


TARGETS = _targets()
