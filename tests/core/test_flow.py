"""The hallway, end to end: requests as values in, decisions as values out."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwtguard import AuthError, Client, Guard, Policy, TrustedIssuer
from jwtguard.core.authorize.access import AccessKey
from jwtguard.core.extract.paths import Kind, PathAccess
from jwtguard.core.model.decision import Decision, Decoration, Proceed, Respond
from jwtguard.core.model.effects import Incoming, ReadBody
from jwtguard.core.model.jwk import parse_given
from jwtguard.core.model.patterns import ScopeRule
from jwtguard.core.model.principal import Principal
from jwtguard.core.model.request import Request
from jwtguard.core.verify.keys import KeyCache, Snapshot
from jwtguard.errors import InvalidTokenError, MissingTokenError
from jwtguard.reasons import REASONS
from jwtguard.testing import AUDIENCE, FakeClock, JWTIssuer

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


@pytest.fixture
def house(jwt_issuer: JWTIssuer) -> House:
    return House(jwt_issuer)


@pytest.fixture
def cookies(jwt_issuer: JWTIssuer) -> House:
    return House(
        jwt_issuer,
        cookie="token",
        public_paths=("/login",),
        optional_paths=("/home",),
        public_url=(f"https://{API}",),
    )


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


# A protected path.


def test_a_good_token_passes(house: House) -> None:
    """And says who calls; a second time from memory, with a principal of its own."""
    token = house.token(scope="a b")
    first, second = (house.passes(request(token=token)) for _ in range(2))
    assert principal(first).subject == "alice"
    assert principal(first).scopes == {"a", "b"}
    assert first.carrier == "header"
    assert principal(first) == principal(second)
    principal(first).claims["sub"] = "mallory"
    assert principal(second).claims["sub"] == "alice"
    assert house.issuer.fetches == 1


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no_credentials"),
        ("", "no_credentials"),
        ("eDp5", "no_credentials"),
        ("Basic eDp5", "unsupported_scheme"),
        ("DPoP x", "unsupported_scheme"),
    ],
)
def test_without_a_token_the_challenge_is_bare(
    house: House, authorization: str | None, reason: str
) -> None:
    """401, no error code, and a body that says what is needed."""
    answer = house.refuses(request(authorization=authorization))
    assert (answer.status, answer.reason) == (401, reason)
    assert answer.headers == (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        ("WWW-Authenticate", 'Bearer realm="api"'),
        ("Vary", "Origin"),
    )
    said = json.loads(answer.body)["error_description"]
    assert said == REASONS[reason].sentence


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda i: i.expired(), "expired"),
        (lambda i: i.forged(), "bad_signature"),
        (lambda i: i.id_token(), "id_token"),
        (lambda i: i.wrong_audience(), "wrong_audience"),
        (lambda i: i.token(claims={"iss": "https://evil.example"}), "unknown_issuer"),
        (lambda i: i.token(claims={"iss": None}), "missing_claim"),
        (lambda i: i.token(headers={"kid": "made-up"}), "unknown_key"),
        (lambda i: "opaque", "malformed"),
        (lambda i: "a.b.c.d.e", "encrypted"),
    ],
)
def test_a_bad_token_is_401_with_its_own_sentence(
    house: House, make: Callable[[JWTIssuer], str], why: str
) -> None:
    """The developer reads which it was; nothing of the token is echoed."""
    token = make(house.issuer)
    answer = house.refuses(request(token=token, origin=WWW))
    assert (answer.status, answer.reason) == (401, why)
    assert 'error="invalid_token"' in (field(answer, "WWW-Authenticate") or "")
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    assert field(answer, "Vary") == "Origin"
    text = repr(answer)
    assert "evil" not in text
    assert token not in text
    assert token not in repr(house.told)


@pytest.mark.parametrize("iss", [["x"], {}, 1, True, "", "HTTPS://issuer.example"])
def test_rule_30_an_issuer_of_another_type_is_unknown(
    house: House, sign: Sign, iss: Any
) -> None:
    """Compared exactly, and without a fetch."""
    assert house.reason(request(token=sign(iss=iss))) == (401, "unknown_issuer")
    assert house.issuer.fetches == 0


def test_algorithms_are_an_explicit_list(jwt_issuer: JWTIssuer, sign: Sign) -> None:
    """``none``, symmetric ones, and what the policy leaves out: before any fetch."""
    house = House(jwt_issuer)
    for alg in ("none", "None", "HS256", "ES256K", "RS1", "", "es256"):
        token = sign(header={"alg": alg, "kid": "x"})
        assert house.reason(request(token=token)) == (401, "wrong_algorithm")
    narrow = House(jwt_issuer, algorithms=("RS256",))
    assert narrow.reason(request(token=sign())) == (401, "wrong_algorithm")
    assert jwt_issuer.fetches == 0


def test_rule_15_a_public_key_is_no_shared_secret(jwt_issuer: JWTIssuer) -> None:
    """HS256 signed with the published key text: the oldest trick."""
    import hashlib
    import hmac

    from jwt.utils import base64url_encode

    secret = json.dumps(jwt_issuer.jwks()).encode()
    head = base64url_encode(b'{"alg":"HS256"}')
    body = jwt_issuer.token().split(".")[1].encode()
    text = head + b"." + body
    mac = base64url_encode(hmac.new(secret, text, hashlib.sha256).digest())
    house = House(jwt_issuer)
    token = (text + b"." + mac).decode()
    assert house.reason(request(token=token)) == (401, "wrong_algorithm")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_is_never_used(
    house: House, sign: Sign, name: str
) -> None:
    """Header parameters that offer keys are ignored."""
    other = JWTIssuer(alg="ES256", clock=house.issuer.clock)
    offered = other.jwks()["keys"][0]
    token = other.token(headers={name: offered, "kid": house.issuer._kid})
    assert house.reason(request(token=token)) == (401, "bad_signature")
    token = other.token(headers={name: offered})
    assert house.reason(request(token=token)) == (401, "unknown_key")


def test_each_issuer_signs_for_itself_alone(jwt_issuer: JWTIssuer) -> None:
    """A key of one trusted issuer is none of another's, even under the same kid."""
    other = JWTIssuer("https://other.example", alg="ES256", clock=jwt_issuer.clock)
    for issuer in (jwt_issuer, other):
        issuer.published[-1]["kid"] = issuer._kid = "same"
    trusted = [TrustedIssuer(url=i.url, audience=AUDIENCE) for i in (jwt_issuer, other)]

    def both(url: str, headers: Any, timeout: float) -> Any:
        chosen = other if url.startswith(other.url) else jwt_issuer
        return chosen.transport(url, headers, timeout)

    policy = jwt_issuer.policy(issuers=trusted, clients=())
    guard = Guard(policy, clock=jwt_issuer.clock, transport=both)
    assert guard.verify(other.token()).issuer == other.url
    assert guard.verify(jwt_issuer.token()).issuer == jwt_issuer.url
    with pytest.raises(InvalidTokenError, match="bad_signature"):
        guard.verify(other.token(claims={"iss": jwt_issuer.url}))


def test_a_token_without_iss_is_tried_with_given_keys_alone(
    jwt_issuer: JWTIssuer,
) -> None:
    """Where the settings name one such issuer."""
    nameless = TrustedIssuer(
        url="here", audience=AUDIENCE, keys=jwt_issuer.jwks(), require=("exp", "sub")
    )
    guard = jwt_issuer.guard(issuers=(nameless,), clients=())
    assert guard.verify(jwt_issuer.token(claims={"iss": None})).issuer == "here"
    with pytest.raises(InvalidTokenError, match="unknown_issuer"):
        guard.verify(jwt_issuer.token())
    assert jwt_issuer.fetches == 0


def test_a_kid_with_another_algorithm_is_not_used(house: House, sign: Sign) -> None:
    """PathAccess 12: the JWK's ``alg`` decides what it is for."""
    kid = house.issuer.published[-1]["kid"]
    token = sign(header={"alg": "ES384", "kid": kid})
    for _ in ("cold", "warm"):
        assert house.reason(request(token=token)) == (401, "wrong_algorithm")


def test_a_token_without_kid_that_no_key_fits_may_be_of_a_new_one(
    house: House, sign: Sign
) -> None:
    """Even among keys without names: the issuer is asked once more, then 401."""
    good, odd = (request(token=sign(None, {"alg": a})) for a in ("ES256", "ES384"))
    house.issuer.published[-1].pop("kid")
    house.passes(good)
    assert house.reason(odd) == (401, "unknown_key")
    assert house.issuer.fetches == 2


@pytest.mark.parametrize("size", [16385, 20000, 100_000])
def test_a_token_too_long_is_431(house: House, size: int) -> None:
    """Unread, and without a challenge; one of just the length allowed is read."""
    assert house.reason(request(token="a" * 16384)) == (401, "malformed")
    answer = house.refuses(request(token="a" * size))
    assert answer.status == 431
    assert field(answer, "WWW-Authenticate") is None
    with pytest.raises(AuthError, match="token_too_long"):
        house.guard.verify("a" * size)


def test_keys_that_cannot_be_had_are_our_outage(house: House) -> None:
    """503 with Retry-After and without challenge: a 401 would log users out."""
    house.issuer.down()
    answer = house.refuses(request(token=house.token(), origin=WWW))
    assert answer.status == 503
    assert field(answer, "WWW-Authenticate") is None
    assert int(field(answer, "Retry-After") or 0) > 0
    assert field(answer, "Access-Control-Allow-Origin") == WWW


@pytest.mark.parametrize(
    "got",
    [
        Incoming(302, {"location": "https://evil.example/jwks"}, b""),
        Incoming(404, {}, b"no\r\nSet-Cookie: x=1"),
        Incoming(500, {}, b""),
        Incoming(204, {}, b""),
        Incoming(200, {}, b"<html>"),
        Incoming(200, {}, b'{"keys":null}'),
        Incoming(200, {}, b'{"keys":"x"}'),
        Incoming(200, {}, b'{"keys":[1,null,{}]}'),
        Incoming(200, {}, b"[" * 50_000),
    ],
)
def test_rules_8_and_29_a_key_server_that_answers_nonsense_is_an_outage(
    jwt_issuer: JWTIssuer, got: Incoming
) -> None:
    """A deliberate 503, nothing followed, and none of its text in our header."""
    asked_for: list[str] = []

    def transport(url: str, headers: Any, timeout: float) -> Incoming:
        asked_for.append(url)
        return got if url.endswith("/jwks") else jwt_issuer.transport(url, {}, timeout)

    guard = Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=transport)
    asked = request(token=jwt_issuer.token())
    answer = guard.decide(asked, lambda _: None)
    assert isinstance(answer, Respond)
    assert (answer.status, answer.reason) == (503, "keys_unavailable")
    assert all("\n" not in value for _, value in answer.headers)
    assert not any("evil" in url for url in asked_for)


def test_a_remembered_token_still_ends(jwt_clock: FakeClock, house: House) -> None:
    """``exp`` counts on every use, to the second."""
    asked = request(token=house.token(expires_in=100))
    house.passes(asked)
    jwt_clock.advance(129)
    house.passes(asked)
    jwt_clock.advance(2)
    assert house.reason(asked) == (401, "expired")


def test_a_remembered_token_does_not_hide_another(house: House) -> None:
    """Two tokens in one request are refused, known or not."""
    token = house.token()
    twice = request(authorization=[f"Bearer {token}", f"Bearer {token}"])
    both = request(token=token, websocket=True, subprotocols=("bearer", token))
    for _ in range(2):
        assert house.reason(twice) == (400, "authorization_repeated")
        assert house.reason(both) == (400, "token_repeated")
        house.passes(request(token=token))


def test_a_remembered_token_is_not_valid_before_its_time(
    jwt_clock: FakeClock, house: House
) -> None:
    """Should the clock be set back."""
    now = int(jwt_clock.time())
    asked = request(token=house.token(claims={"nbf": now}))
    house.passes(asked)
    jwt_clock._now -= 31
    assert house.reason(asked) == (401, "not_yet_valid")


def test_a_remembered_token_counts_as_issued_in_the_future_after_the_clock_steps_back(
    house: House, jwt_clock: FakeClock
) -> None:
    """As a new one does, with the same leeway."""
    asked = request(token=house.token(claims={"iat": int(jwt_clock.time())}))
    house.passes(asked)
    jwt_clock._now -= 29
    assert quickly(house, asked)
    jwt_clock._now -= 2
    assert house.reason(asked) == (401, "issued_in_future")
    assert house.reason(request(token=house.token(claims={"iat": 10**10}))) == (
        401,
        "issued_in_future",
    )


def test_a_remembered_token_keeps_to_the_leeway_and_comes_along(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The first time and every other time: the same times count, the same is told."""
    house = House(jwt_issuer)
    guard, now = house.guard, jwt_clock.time()
    early = jwt_issuer.token(claims={"nbf": now + 30})
    for _ in range(2):
        assert principal(house.passes(request(token=early))).token == early
        assert guard.verify(early).token == early
    assert quickly(house, request(token=early))
    ends = jwt_issuer.token(claims={"exp": now + 100})
    assert guard.verify(ends).token == ends
    jwt_clock.advance(129.5)
    assert guard.verify(ends).token == ends
    assert quickly(house, request(token=ends))
    jwt_clock.advance(0.5)
    assert house.reason(request(token=ends)) == (401, "expired")
    with pytest.raises(InvalidTokenError, match="expired"):
        guard.verify(ends)


def test_a_token_without_kid_is_tried_only_where_the_setting_says_so(
    jwt_issuer: JWTIssuer, sign: Sign
) -> None:
    """``never`` means it, although the one published key would fit."""
    token = sign(None, {"alg": "ES256"})
    for kidless, good in (("one", True), ("never", False)):
        issuer = TrustedIssuer(
            url=jwt_issuer.url,
            audience=AUDIENCE,
            keys=jwt_issuer.jwks(),
            kidless=kidless,
        )
        guard = Guard(Policy(issuers=[issuer]), clock=jwt_issuer.clock)
        if good:
            assert guard.verify(token).subject == "alice"
        else:
            with pytest.raises(InvalidTokenError, match="unknown_key"):
                guard.verify(token)


def test_a_remembered_token_dies_with_its_key(
    jwt_clock: FakeClock, house: House
) -> None:
    """A withdrawal ends it at the next fetch, though it has not expired."""
    asked = request(token=house.token(expires_in=7200))
    house.passes(asked)
    house.issuer.rotate(withdraw=True)
    house.passes(asked)
    jwt_clock.advance(1300)
    assert house.reason(asked) == (401, "unknown_key")


@pytest.mark.parametrize(("first", "later"), [("RS256", "PS256"), (None, "PS256")])
def test_a_remembered_token_dies_when_its_key_is_published_for_another_alg(
    jwt_clock: FakeClock, first: str | None, later: str
) -> None:
    """The same key with another ``alg`` would not verify the token any more."""
    issuer = JWTIssuer(alg="RS256", clock=jwt_clock)
    (published,) = issuer.published
    published["alg"] = first
    house = House(issuer)
    asked = request(token=house.token(expires_in=7200))
    house.passes(asked)
    published["alg"] = later
    house.passes(asked)
    jwt_clock.advance(1300)
    for sent in (asked, request(token=house.token(expires_in=7201))):
        assert house.reason(sent) == (401, "wrong_algorithm")


def test_a_remembered_token_outlives_the_fetch_that_keeps_its_key(
    jwt_clock: FakeClock, house: House
) -> None:
    """Another key beside it changes nothing."""
    asked = request(token=house.token(expires_in=7200))
    house.passes(asked)
    house.issuer.rotate()
    jwt_clock.advance(1300)
    for _ in range(2):
        assert principal(house.passes(asked)).subject == "alice"
    assert house.issuer.fetches == 2


NO_KEYS = Snapshot()
OTHER_KEYS = Snapshot(parse_given(JWTIssuer(alg="ES256").jwks()), 0, inf, inf)


@pytest.mark.parametrize("later", [NO_KEYS, OTHER_KEYS])
def test_a_token_whose_key_is_withdrawn_during_the_check_is_refused(
    jwt_issuer: JWTIssuer, later: Snapshot
) -> None:
    """A new token passes the same gates as a known one; nothing keeps it alive."""

    class Clock(FakeClock):
        def time(self) -> float:
            for trusted in guard.issuers.values():
                trusted.keys.snapshot = later
            return super().time()

    token = jwt_issuer.token()
    guard = Guard(jwt_issuer.policy(), clock=Clock(), transport=jwt_issuer.transport)
    assert guard.verify(token).subject == "alice"  # it is still published
    guard = Guard(jwt_issuer.policy(), clock=Clock(), transport=jwt_issuer.transport)
    parsed = jwt_issuer.published[-1]
    trusted = guard.issuers[jwt_issuer.url]
    trusted.keys.snapshot = Snapshot(parse_given({"keys": [parsed]}), 0, inf, inf)
    jwt_issuer.rotate(withdraw=True)
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        guard.verify(token)
    assert guard._flow.verifier.token_cache.get(token)[1] is None


@pytest.mark.parametrize("later", [NO_KEYS, OTHER_KEYS])
def test_a_remembered_token_keeps_no_key_set_that_lacks_its_key(
    house: House, later: Snapshot
) -> None:
    """It keeps the set that verified it, should the keys vanish between two looks."""

    class Vanishing:
        snapshot = later

        def find(self, wanted: object) -> Iterator[Any]:
            return iter(())

    asked = request(token=house.token())
    house.passes(asked)
    (entry,) = house.guard._flow.verifier.token_cache._tokens.values()
    assert entry.keys is entry.cache.snapshot.keys
    before, entry.cache = entry.keys, cast(KeyCache, Vanishing())
    house.passes(asked)
    assert entry.keys is before


def test_without_memory_every_token_is_verified(jwt_issuer: JWTIssuer) -> None:
    """And the answer is the same."""
    house = House(jwt_issuer, token_cache=0)
    asked = request(token=house.token())
    assert house.passes(asked) == house.passes(asked)


def test_head_has_no_body_but_its_length(house: House) -> None:
    """RFC 9110 section 9.3.2."""
    answer = house.refuses(request(method="HEAD"))
    assert answer.body == b""
    assert int(field(answer, "Content-Length") or 0) > 0


# Transport.


def test_a_token_on_plain_http_is_refused(house: House) -> None:
    """403 for known tokens too; peer and remedy are for the log alone."""
    token = house.token()
    for _ in range(2):
        answer = house.refuses(request(token=token, scheme="http"))
        house.passes(request(token=token))
    assert (answer.status, answer.reason) == (403, "insecure_transport")
    said = json.loads(answer.body)
    assert said["error"] == "insecure_transport"
    assert said["error_description"] == "Access tokens are accepted over HTTPS only"
    assert field(answer, "WWW-Authenticate") is None


def test_loopback_and_trusted_proxies_are_excepted(jwt_issuer: JWTIssuer) -> None:
    """And ``require_https`` off is off."""
    house = House(jwt_issuer, trusted_proxies=("10.0.0.0/8",))
    local = {"scheme": "http", "peer": "127.0.0.1", "host": "localhost:8000"}
    token = house.token()
    house.passes(request(token=token, **local))
    proxied = {"scheme": "http", "peer": "10.0.0.1", "x_forwarded_proto": "https"}
    house.passes(request(token=token, **proxied))
    for wrong in (
        {**local, "x_forwarded_for": "203.0.113.1"},
        {**local, "host": "api.example"},
        {**proxied, "peer": "203.0.113.1"},
        {"scheme": "HTTPS"},
    ):
        asked = request(token=token, **wrong)
        assert house.reason(asked) == (403, "insecure_transport")
    lax = House(jwt_issuer, require_https=False)
    lax.passes(request(token=token, scheme="http"))


# Scopes by path.


RULES = (
    ScopeRule(path="/notes/*", methods=("GET",), require=("notes:read",)),
    ScopeRule(path="/notes/*", methods=("POST",), require=("notes:write",)),
    ScopeRule(path="/open", require=()),
)


def test_rule_25_a_missing_scope_is_403_and_named(jwt_issuer: JWTIssuer) -> None:
    """All that the endpoint needs, for the client that asked."""
    house = House(jwt_issuer, scopes=RULES)
    good = request("/notes/1", token=house.token(scope="notes:read"), origin=WWW)
    house.passes(good)
    answer = house.refuses(request("/notes", token=house.token(), origin=WWW))
    assert (answer.status, answer.reason) == (403, "scope_missing")
    challenge = field(answer, "WWW-Authenticate") or ""
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="notes:read"' in challenge
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    asked = request("/NOTES/", "POST", token=house.token(scope="notes:read"))
    assert house.reason(asked) == (403, "scope_missing")


def test_with_scope_rules_an_unnamed_path_is_closed(jwt_issuer: JWTIssuer) -> None:
    """403 ``no_rule``; an unnamed method too."""
    house = House(jwt_issuer, scopes=RULES)
    token = house.token(scope="notes:read notes:write")
    assert house.reason(request("/x", token=token)) == (403, "no_rule")
    assert house.reason(request("/notes", "DELETE", token=token)) == (403, "no_rule")
    house.passes(request("/open", token=token))


@pytest.mark.parametrize("length", [10, 190, 250, 5000])
def test_a_path_falls_under_its_rule_however_long_and_often(
    jwt_issuer: JWTIssuer, length: int
) -> None:
    """A rule that was found before is the same one: by method, path and raw target."""
    house = House(jwt_issuer, scopes=RULES, public_paths=("/static/*",))
    path = "/notes/" + "x" * length
    reads = house.token(scope="notes:read")
    for _ in range(2):
        house.passes(request(path, token=reads))
        assert house.reason(request(path, "POST", token=reads))[1] == "scope_missing"
        assert house.reason(request(path, "PUT", token=reads))[1] == "no_rule"
        asked = request(path, token=reads, raw_path=f"{path}%2Fy")
        assert house.reason(asked) == (400, "path_ambiguous")
        house.passes(request(f"/static/{path[7:]}"))


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


def test_an_optional_path_is_not_closed_to_those_who_log_in(
    jwt_issuer: JWTIssuer,
) -> None:
    """``no_rule`` is for protected paths: a token never gets less than none."""
    house = House(jwt_issuer, scopes=RULES, optional_paths=("/home", "/notes"))
    assert house.passes(request("/home")).principal is None
    signed_in = house.passes(request("/home", token=house.token()))
    assert principal(signed_in).subject == "alice"
    # A rule that does name the path still asks for its scope.
    assert house.refuses(request("/notes", token=house.token())).status == 403


@pytest.mark.parametrize(
    "path", ["/notes//1", "/notes/../open", "/notes;x", "/%6eotes", "\\notes", ""]
)
def test_an_ambiguous_path_is_400_where_rules_demand(
    jwt_issuer: JWTIssuer, path: str
) -> None:
    """No token opens it; without such rules it just needs one."""
    house = House(jwt_issuer, scopes=RULES)
    token = house.token(scope="notes:read")
    assert house.reason(request(path, token=token)) == (400, "path_ambiguous")
    assert house.reason(
        request("/open", token=token, raw_path="/open%2f..%2fnotes")
    ) == (400, "path_ambiguous")
    lax = House(jwt_issuer, public_paths=("/*",))
    assert lax.reason(request(path)) == (401, "no_credentials")


# Origins and clients.


def test_a_token_counts_only_at_its_own_clients_origin(house: House) -> None:
    """The page of one client cannot use the token of another."""
    mine = house.passes(request(token=house.token(), origin=WWW))
    assert ("Access-Control-Allow-Origin", WWW) in mine.decoration.cors
    for origin in (SSR, EVIL, "null", "", WWW.upper(), WWW + "/", [WWW, WWW]):
        answer = house.refuses(request(token=house.token(), origin=origin))
        assert (answer.status, answer.reason) == (403, "foreign_origin")
        assert field(answer, "Access-Control-Allow-Origin") is None
        assert field(answer, "Vary") == "Origin"
        assert json.loads(answer.body)["error"] == "invalid_origin"


def test_a_program_without_origin_is_no_browser(house: House) -> None:
    """It passes with any client's token, even an unlisted one's."""
    for client_id in ("spa", "batch", "unlisted", None):
        token = house.token(client_id=client_id)
        assert house.passes(request(token=token)).decoration.cors == ()


@pytest.mark.parametrize("client_id", ["batch", "unlisted", None])
def test_a_token_of_no_listed_page_meets_no_foreign_origin(
    house: House, client_id: str | None
) -> None:
    """No client, or one without origins: only our own pages may use it."""
    token = house.token(client_id=client_id)
    assert house.reason(request(token=token, origin=WWW))[0] == 403
    own = house.passes(request(token=token, origin=f"https://{API}"))
    assert own.decoration.cors == ()


def test_clients_can_be_closed(jwt_issuer: JWTIssuer) -> None:
    """With ``clients_only`` tokens of others are refused whole."""
    house = House(jwt_issuer, clients_only=True)
    house.passes(request(token=house.token()))
    house.passes(request(token=house.token(client_id="batch")))
    for client_id in ("unlisted", "SPA", None):
        answer = house.refuses(request(token=house.token(client_id=client_id)))
        assert (answer.status, answer.reason) == (403, "client_not_listed")
        assert json.loads(answer.body)["error"] == "access_denied"
    assert house.told[-1]["client_id"] is None


def test_a_client_has_its_methods_cross_origin_only(house: House) -> None:
    """Its own server is not bound by what its pages may do; nor are our pages."""
    token = house.token()
    asked = request(method="DELETE", token=token, origin=WWW)
    answer = house.refuses(asked)
    assert (answer.status, answer.reason) == (403, "method_not_allowed_for_client")
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    house.passes(request(method="HEAD", token=token, origin=WWW))
    house.passes(request(method="DELETE", token=token))
    house.passes(request(method="DELETE", token=token, origin=f"https://{API}"))
    for odd in ("OPTIONS", "TRACE", "get"):
        asked = request(method=odd, token=token, origin=WWW)
        assert house.refuses(asked).status == 403


def test_origins_can_come_from_the_token(jwt_issuer: JWTIssuer) -> None:
    """Where the policy believes the claim; without credentials."""
    house = House(jwt_issuer, origins_claim="allowed-origins", cookie="token")
    page = "https://page.example"
    token = house.token(client_id="x", claims={"allowed-origins": [page, "*"]})
    found = house.passes(request(token=token, origin=page))
    assert dict(found.decoration.cors)["Access-Control-Allow-Origin"] == page
    assert "Access-Control-Allow-Credentials" not in dict(found.decoration.cors)
    assert house.reason(request(token=token, origin=EVIL))[1] == "foreign_origin"
    assert house.reason(request(token=token, origin="*"))[1] == "foreign_origin"
    stolen = request(cookie=f"token={token}", origin=page)
    assert house.refuses(stolen).status == 403
    assert (
        house.refuses(request(method="TRACE", token=token, origin=page)).reason
        == "method_not_allowed_for_client"
    )


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

    def asked(client_id: str, scope: str, **said: Any) -> Request:
        if (client_id, scope) not in tokens:
            tokens[client_id, scope] = house.token(client_id=client_id, scope=scope)
        token = tokens[client_id, scope]
        house.guard.verify(token)
        return request(token=token, **said)

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


def test_a_preflight_is_answered_before_anything_else(house: House) -> None:
    """Without a token, on any path; a stranger's is told to the log."""
    ask = {"method": "OPTIONS", "access_control_request_method": "POST"}
    for path in ("/x", "//", "/a/../b"):
        assert house.refuses(request(path, origin=WWW, **ask)).status == 204
        assert house.refuses(request(path, origin=EVIL, **ask)).status == 403
    assert house.told[-1]["reason"] == "preflight_refused"
    assert house.refuses(request(method="OPTIONS", origin=WWW)).status == 401
    assert house.issuer.fetches == 0


def test_what_a_preflight_asks_for_in_vain_is_logged(house: House) -> None:
    """The browser blocks the page without a word: header and method are named."""
    ask: dict[str, Any] = {
        "origin": WWW, "access_control_request_method": "PURGE",
        "access_control_request_headers": "authorization,baggage, X-Trace\n",
    }  # fmt: skip
    assert house.refuses(request(method="OPTIONS", **ask)).status == 204
    told = house.told[-1]
    assert (told["event"], told["origin"]) == ("preflight_limited", WWW)
    assert (told["method"], told["headers"]) == ("PURGE", "baggage, X-Trace")
    ask["access_control_request_headers"] = "x" * 5000 + "\x1b,é"
    house.refuses(request(method="OPTIONS", **ask))
    assert house.told[-1]["headers"] == "x" * 200
    count = len(house.told)
    ask["access_control_request_method"] = "POST"
    ask["access_control_request_headers"] = "content-type"
    assert house.refuses(request(method="OPTIONS", **ask)).status == 204
    del ask["access_control_request_headers"]
    assert house.refuses(request(method="OPTIONS", **ask)).status == 204
    assert len(house.told) == count


def test_a_preflight_with_a_token_is_still_a_preflight(
    jwt_issuer: JWTIssuer,
) -> None:
    """No browser sends one; but a remembered token does not pass it on either."""
    spa = Client(id="spa", origins=(WWW,), methods=("GET", "OPTIONS"))
    house = House(jwt_issuer, clients=(spa,))
    asked = request(
        method="OPTIONS",
        token=house.token(),
        origin=WWW,
        access_control_request_method="GET",
    )
    for _ in range(3):
        assert house.refuses(asked).status == 204
        house.passes(asked._replace(method="GET"))


def test_a_preflight_of_a_public_path_goes_to_the_application(
    jwt_issuer: JWTIssuer,
) -> None:
    """With our answer beside it, should it grant nothing."""
    house = House(jwt_issuer, public_paths=("/static/*",))
    ask = {"method": "OPTIONS", "access_control_request_method": "GET"}
    found = house.passes(request("/static/x", origin=WWW, **ask))
    assert found.fallback is not None
    assert found.fallback.status == 204
    assert found.decoration.replace is False
    found = house.passes(request("/static/x", origin=EVIL, **ask))
    assert found.fallback is not None
    assert found.fallback.status == 403
    assert house.told == []


# Public and optional paths.


def test_on_a_public_path_no_token_is_read(jwt_issuer: JWTIssuer) -> None:
    """Not even a bad one; a listed page may read the answer."""
    house = House(jwt_issuer, public_paths=("/login",))
    for token in (None, "garbage", house.issuer.expired(), house.token()):
        found = house.passes(request("/login", token=token, origin=WWW))
        assert found.principal is None
        assert found.decoration.replace is False
        assert dict(found.decoration.cors)["Access-Control-Allow-Origin"] == WWW
    assert house.passes(request("/login", origin=EVIL)).decoration.cors == ()
    house.passes(request("/login", authorization=["a", "b"], scheme="http"))
    assert house.issuer.fetches == 0


def test_on_an_optional_path_a_header_counts_if_it_is_sent(
    jwt_issuer: JWTIssuer,
) -> None:
    """None is anonymous, a good one is somebody, a bad one is 401."""
    house = House(jwt_issuer, optional_paths=("/home",))
    anonymous = house.passes(request("/home", origin=WWW))
    assert (anonymous.principal, anonymous.refusal) == (None, None)
    assert dict(anonymous.decoration.cors)["Access-Control-Allow-Origin"] == WWW
    assert anonymous.decoration.vary == ("Origin",)
    assert anonymous.decoration.private is False
    assert house.passes(request("/home", authorization="Basic x")).principal is None
    assert house.passes(request("/home", token=house.token())).principal is not None
    bad = request("/home", token=house.issuer.expired())
    assert house.reason(bad) == (401, "expired")


def test_on_an_optional_path_a_bad_cookie_is_anonymous(cookies: House) -> None:
    """With the reason, so that the application can send the user to the login."""
    assert cookies.passes(request("/home")).decoration.vary == ("Origin", "Cookie")
    for token, why in ((cookies.issuer.expired(), "expired"), ("x", "malformed")):
        found = cookies.passes(request("/home", cookie=f"token={token}"))
        assert (found.principal, found.refusal) == (None, why)
        assert found.decoration.vary == ("Origin", "Cookie")
        assert found.decoration.private
    long = request("/home", cookie="token=" + "a" * 20000)
    assert cookies.passes(long).refusal == "token_too_long"
    twice = request("/home", cookie="token=a; token=b")
    assert cookies.reason(twice) == (400, "cookie_repeated")


def test_on_a_protected_path_a_bad_cookie_is_refused(cookies: House) -> None:
    """Nobody gets in as nobody: whether keys have to be waited for, or not."""
    issuer = cookies.issuer
    for token, expected in (
        (issuer.forged(), (401, "bad_signature")),
        (issuer.forged(), (401, "bad_signature")),
        (issuer.token(headers={"kid": "made-up"}), (401, "unknown_key")),
        (issuer.expired(), (401, "expired")),
        ("x", (401, "malformed")),
        ("a" * 20000, (431, "token_too_long")),
    ):
        assert cookies.reason(request(cookie=f"token={token}")) == expected
    assert issuer.fetches == 2


def test_our_outage_does_not_log_a_cookie_out(cookies: House) -> None:
    """503 on an optional path too: anonymous would look like a logout."""
    cookies.issuer.down()
    asked = request("/home", cookie=f"token={cookies.token()}")
    assert cookies.refuses(asked).status == 503


# Cookies.


def by_cookie(house: House, method: str = "GET", **fields: Any) -> Any:
    token = house.token(client_id=fields.pop("client_id", "ssr"))
    path = fields.pop("path", "/x")
    return house.decide(request(path, method, cookie=f"token={token}", **fields))


OWN = {"origin": f"https://{API}"}
LINK = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("GET", {}, "passes"),
        ("GET", OWN, "passes"),
        ("POST", OWN, "passes"),
        ("DELETE", {"sec_fetch_site": "same-origin"}, "passes"),
        ("POST", {"origin": "null", "sec_fetch_site": "same-origin"}, "passes"),
        ("POST", {"origin": SSR}, "passes"),
        ("GET", {"origin": SSR, "sec_fetch_site": "cross-site"}, "passes"),
        ("GET", {"sec_fetch_site": "none", **LINK}, "passes"),
        ("GET", {"sec_fetch_site": "cross-site", **LINK}, "passes"),
        ("GET", {"sec_fetch_site": "same-site", **LINK}, "passes"),
        ("POST", {}, "origin_missing"),
        ("POST", {"sec_fetch_site": "none"}, "origin_missing"),
        ("PATCH", {}, "origin_missing"),
        ("get", {}, "origin_missing"),
        ("POST", {"origin": "null"}, "foreign_origin"),
        ("POST", {"origin": ""}, "foreign_origin"),
        ("POST", {"origin": EVIL}, "foreign_origin"),
        ("POST", {"origin": WWW}, "foreign_origin"),
        ("POST", {"origin": f"http://{API}"}, "foreign_origin"),
        ("POST", {"origin": f"https://{API}.evil.example"}, "foreign_origin"),
        ("POST", {"sec_fetch_site": "cross-site"}, "foreign_origin"),
        ("POST", {"sec_fetch_site": "same-site", **LINK}, "foreign_origin"),
        ("POST", {"origin": [f"https://{API}", EVIL]}, "foreign_origin"),
        ("GET", {"sec_fetch_site": "cross-site"}, "cross_site"),
        ("GET", {"sec_fetch_site": "same-site"}, "cross_site"),
        ("HEAD", {"sec_fetch_site": "cross-site"}, "cross_site"),
        ("GET", {"origin": EVIL, "sec_fetch_site": "cross-site", **LINK}, "cross_site"),
        ("GET", {"origin": EVIL}, "cross_site"),
        ("GET", {"origin": "null"}, "cross_site"),
        (
            "GET",
            {
                "sec_fetch_site": "cross-site",
                "sec_fetch_mode": "navigate",
                "sec_fetch_dest": "iframe",
            },
            "cross_site",
        ),
    ],
)
def test_a_cookie_counts_only_where_the_request_may_come_from(
    cookies: House, method: str, fields: dict[str, Any], expected: str
) -> None:
    """It comes by itself, so a foreign page could ride on it."""
    decision = by_cookie(cookies, method, **fields)
    if expected == "passes":
        assert isinstance(decision, Proceed)
        assert decision.carrier == "cookie"
        assert decision.decoration.private
        assert decision.decoration.vary == ("Origin", "Cookie")
        granted = dict(decision.decoration.cors).get("Access-Control-Allow-Origin")
        assert granted == (SSR if fields.get("origin") == SSR else None)
    else:
        assert (decision.status, decision.reason) == (403, expected)
        assert field(decision, "Access-Control-Allow-Origin") is None


def test_a_credentialed_origin_is_that_clients_alone(cookies: House) -> None:
    """The token of another client is not to be had from there."""
    decision = by_cookie(cookies, "POST", origin=SSR, client_id="spa")
    assert decision.reason == "foreign_origin"


def test_two_clients_at_one_origin_do_not_share_credentials(
    jwt_issuer: JWTIssuer,
) -> None:
    """The page may use the cookie of the client that was promised it, and no other."""
    both = (
        Client(id="ssr", origins=(SSR,), credentials=True),
        Client(id="spa", origins=(SSR,)),
    )
    house = House(jwt_issuer, clients=both, cookie="token")
    for method in ("GET", "POST"):
        assert isinstance(by_cookie(house, method, origin=SSR), Proceed)
        refused = by_cookie(house, method, origin=SSR, client_id="spa")
        assert refused.reason == "foreign_origin"


def test_the_own_origin_gets_cors_fields_if_a_client_lists_it(
    jwt_issuer: JWTIssuer,
) -> None:
    """It passes in any case, and reads the answer like any page of that client."""
    own = f"https://{API}"
    house = House(jwt_issuer, clients=(Client(id="spa", origins=(own,)),))
    bearer = {"authorization": f"Bearer {house.token()}"}
    decision = house.decide(request("/x", "POST", origin=own, **bearer))
    assert isinstance(decision, Proceed)
    assert dict(decision.decoration.cors)["Access-Control-Allow-Origin"] == own


def test_a_websocket_by_cookie_needs_an_origin(cookies: House) -> None:
    """Its handshake is a GET, but no safe one."""
    for fields, expected in (
        ({}, "origin_missing"),
        ({"origin": EVIL}, "foreign_origin"),
        ({"origin": WWW}, "foreign_origin"),
        ({"sec_fetch_site": "cross-site", **LINK}, "foreign_origin"),
    ):
        decision = by_cookie(cookies, websocket=True, scheme="wss", **fields)
        assert decision.reason == expected
    for good in (OWN, {"origin": SSR}):
        decision = by_cookie(cookies, websocket=True, scheme="wss", **good)
        assert isinstance(decision, Proceed)


def test_a_websocket_by_subprotocol_may_lack_an_origin(house: House) -> None:
    """Then it is no browser; with one, it must be the client's."""
    offer: dict[str, Any] = {"websocket": True, "scheme": "wss"}
    token = house.token()
    asked = request(subprotocols=("bearer", token), **offer)
    assert house.passes(asked).carrier == "subprotocol"
    assert house.passes(asked._replace(headers={"origin": (WWW,)}))
    foreign = asked._replace(headers={"origin": (EVIL,)})
    assert house.reason(foreign) == (403, "foreign_origin")


@pytest.mark.parametrize("path", ["/login", "/home", "/x"])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"origin": EVIL}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": [WWW, WWW]}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": EVIL, "authorization": "Basic x"}, False),
        ({"origin": EVIL, "authorization": "Bearerx y"}, False),
        (OWN, True),
        ({"origin": WWW}, True),
        ({}, True),
        ({"sec_fetch_site": "same-origin"}, True),
    ],
)
def test_login_csrf_is_stopped_on_every_path(
    cookies: House, path: str, fields: dict[str, Any], expected: bool
) -> None:
    """A foreign page may not log a visitor in or out, though no token is needed."""
    decision = cookies.decide(request(path, "POST", **fields))
    if not expected:
        assert isinstance(decision, Respond)
        assert (decision.status, decision.reason) == (403, "foreign_origin")
    elif path == "/x":
        assert isinstance(decision, Respond)
        assert decision.status == 401
    else:
        assert isinstance(decision, Proceed)


def test_without_a_cookie_setting_a_public_form_is_anybodys(
    jwt_issuer: JWTIssuer,
) -> None:
    """There is nothing that a browser would send by itself."""
    house = House(jwt_issuer, public_paths=("/login",))
    house.passes(request("/login", "POST", origin=EVIL))


def test_the_own_origin_follows_host_without_a_public_url(
    jwt_issuer: JWTIssuer,
) -> None:
    """And only then."""
    house = House(jwt_issuer, cookie="token")
    assert isinstance(by_cookie(house, "POST", **OWN), Proceed)
    for host in ("evil.example", None, ["api.example", "api.example"]):
        assert by_cookie(house, "POST", host=host, **OWN).status == 403
    told = House(jwt_issuer, cookie="token", public_url=(f"https://{API}",))
    assert isinstance(by_cookie(told, "POST", host="evil.example", **OWN), Proceed)
    mirrored = by_cookie(told, "POST", host="evil.example", origin=EVIL)
    assert mirrored.reason == "foreign_origin"


def test_the_own_origin_has_the_scheme_that_a_trusted_proxy_tells(
    jwt_issuer: JWTIssuer,
) -> None:
    """TLS ends there: the page is on https, though the request came on http."""
    house = House(jwt_issuer, cookie="token", trusted_proxies=("10.0.0.0/8",))
    proxied = {"scheme": "http", "peer": "10.0.0.1", "x_forwarded_proto": "https"}
    assert isinstance(by_cookie(house, "POST", **proxied, **OWN), Proceed)
    downgraded = by_cookie(house, "POST", **proxied, origin=f"http://{API}")
    assert downgraded.reason == "foreign_origin"


# Token paths.


@pytest.fixture
def tokens(jwt_issuer: JWTIssuer) -> House:
    return House(
        jwt_issuer,
        token_paths=("/oauth/token",),
        revocation_paths=("/oauth/revoke",),
        max_body_bytes=200,
    )


def ask(house: House, body: bytes | None, **fields: Any) -> Any:
    path = fields.pop("path", "/oauth/token")
    asked = request(path, "POST", content_type=FORM, **fields)
    return house.decide(asked, body)


PASSWORD = b"grant_type=password&username=alice&password=pw&client_id=spa"
REFRESH = b"grant_type=refresh_token&refresh_token=x&client_id="


def test_a_token_request_is_handed_on_byte_for_byte(tokens: House) -> None:
    """With the CORS fields of its client; nothing of the answer is to be stored."""
    found = ask(tokens, PASSWORD, origin=WWW)
    assert found.body == PASSWORD
    assert found.principal is None
    assert found.grant.client_id == "spa"
    assert dict(found.decoration.cors)["Access-Control-Allow-Origin"] == WWW
    assert found.decoration.private
    assert ask(tokens, PASSWORD).decoration.cors == ()
    assert ask(tokens, PASSWORD.partition(b"&client_id")[0]).decoration.cors == ()
    assert tokens.issuer.fetches == 0


def test_a_client_that_is_named_by_basic_is_the_same_client(tokens: House) -> None:
    """Form-encoded or not (RFC 6749 section 2.3.1)."""
    for name in (b"batch", b"b%61tch"):
        basic = "Basic " + b64encode(name + b":secret").decode()
        found = ask(tokens, REFRESH.partition(b"&client_id")[0], authorization=basic)
        assert found.grant.client_id == "batch"
        assert found.grant.authenticated


@pytest.mark.parametrize(
    ("client", "origin", "expected"),
    [
        (b"spa", WWW, None),
        (b"spa", None, "grant_foreign_origin"),
        (b"spa", EVIL, "grant_foreign_origin"),
        (b"ssr", SSR, "refresh_disabled"),
        (b"batch", None, None),
        (b"batch", WWW, "grant_foreign_origin"),
        (b"unlisted", None, "grant_client_unknown"),
    ],
)
def test_refresh_is_a_policy_per_client(
    tokens: House, client: bytes, origin: str | None, expected: str | None
) -> None:
    """Off by default; on, then only from that client's pages."""
    decision = ask(tokens, REFRESH + client, origin=origin)
    if expected is None:
        assert isinstance(decision, Proceed)
        return
    assert (decision.status, decision.reason) == (403, expected)
    assert json.loads(decision.body)["error"] == "unauthorized_client"
    assert field(decision, "Cache-Control") == "no-store"
    assert field(decision, "WWW-Authenticate") is None
    at_home = origin if (client, origin) == (b"ssr", SSR) else None
    assert field(decision, "Access-Control-Allow-Origin") == at_home


def test_credentials_of_one_listing_are_not_granted_to_all(
    jwt_issuer: JWTIssuer,
) -> None:
    """A token path sees the id alone: it grants what every listing of it grants."""
    names = (jwt_issuer.url, "https://other.example")
    for agreed in ((True, True), (True, False), (False, True)):
        clients = tuple(
            Client(id="spa", issuer=name, origins=(WWW,), credentials=promised)
            for name, promised in zip(names, agreed, strict=True)
        )
        policy = Policy(
            issuers=tuple(TrustedIssuer(url=name) for name in names),
            audience=AUDIENCE,
            clients=clients,
            token_paths=("/oauth/token",),
        )
        asked = request("/oauth/token", "POST", content_type=FORM, origin=WWW)
        found = Guard(policy).decide(asked, lambda _: PASSWORD)
        assert isinstance(found, Proceed)
        fields = dict(found.decoration.cors)
        assert fields["Access-Control-Allow-Origin"] == WWW
        assert ("Access-Control-Allow-Credentials" in fields) is all(agreed)


def test_revocation_paths_have_the_rules_of_refresh(tokens: House) -> None:
    """Except that refresh need not be on."""
    body = b"token=x&client_id=ssr"
    assert isinstance(ask(tokens, body, path="/oauth/revoke", origin=SSR), Proceed)
    assert ask(tokens, body, path="/oauth/revoke").status == 403
    assert ask(tokens, b"token=x", path="/oauth/revoke").status == 403


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, (400, "client_gone")),
        (b"x" * 200, (400, "form_malformed")),
        (b"x" * 201, (413, "body_too_long")),
        (b"", (400, "grant_type_missing")),
        (b"grant_type=password;client_id=spa", (400, "form_malformed")),
    ],
)
def test_a_body_that_cannot_be_judged_is_refused(
    tokens: House, body: bytes | None, expected: tuple[int, str]
) -> None:
    """The application is not called; a listed page may read why."""
    answer = ask(tokens, body, origin=WWW)
    assert (answer.status, answer.reason) == expected
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    assert field(ask(tokens, body, origin=EVIL), "Access-Control-Allow-Origin") is None


def test_a_token_path_takes_post_only_whatever_its_spelling(tokens: House) -> None:
    """Case and trailing slash included: none of them reaches the application."""
    for path in ("/oauth/token", "/OAUTH/Token/", "/oauth/revoke/"):
        answer = tokens.refuses(request(path, token=tokens.token()))
        assert answer.status == 405
        assert field(answer, "Allow") == "POST"
        socket = request(path, token=tokens.token(), websocket=True, scheme="wss")
        assert tokens.refuses(socket).status == 405
    ask_first = {"method": "OPTIONS", "access_control_request_method": "POST"}
    assert (
        tokens.refuses(request("/oauth/token", origin=WWW, **ask_first)).status == 204
    )


def test_passwords_travel_over_tls_only(tokens: House) -> None:
    """As tokens do."""
    answer = ask(tokens, PASSWORD, scheme="http")
    assert (answer.status, answer.reason) == (403, "insecure_transport")


def test_a_token_request_is_judged_wherever_it_is_mounted(tokens: House) -> None:
    """The relay asks with its own path."""
    asked = request("/t", "POST", content_type=FORM)

    def run(wanted: Request) -> Any:
        asking = tokens.guard._flow.token_request(wanted, revocation=False)
        return tokens.guard.run(asking, lambda _: PASSWORD)

    assert isinstance(run(asked), Proceed)
    assert run(asked._replace(method="GET")).status == 405
    preflight = request(
        "/t", "OPTIONS", origin=WWW, access_control_request_method="POST"
    )
    assert run(preflight).status == 204


# Telling of it.


def test_every_refusal_is_told_once_and_without_secrets(cookies: House) -> None:
    """Reason, status, method, origin, client and detail; never the token."""
    token = cookies.token(client_id="spa")
    cookies.refuses(request(token=token, origin=EVIL))
    (told,) = [entry for entry in cookies.told if entry["event"] == "refused"]
    assert told == {
        "event": "refused",
        "reason": "foreign_origin",
        "status": 403,
        "method": "GET",
        "origin": EVIL,
        "client_id": "spa",
        "detail": "",
    }
    cookies.refuses(request(token=cookies.token(claims={"iss": None})))
    assert cookies.told[-1]["reason"] == "missing_claim"
    assert cookies.told[-1]["detail"] == "iss"
    assert token not in repr(cookies.told)


def test_a_late_refusal_is_worded_like_an_early_one(house: House) -> None:
    """What an application raises gets the same answer, with CORS of its client."""
    missing = MissingTokenError("no_credentials")
    answer = house.guard.refuse(missing, request(origin=WWW))
    assert answer.status == 401
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    for client_id, origin in (("spa", WWW), ("ssr", SSR), ("batch", None)):
        asked = request(origin=origin, token=house.token(client_id=client_id))
        error = InvalidTokenError("expired")
        answer = house.guard.refuse(error, asked, house.passes(asked))
        assert field(answer, "Access-Control-Allow-Origin") == origin
        assert house.told[-1]["client_id"] == client_id


# Whatever the bytes.

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


async def _read(body: bytes) -> bytes:
    return body


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
        names = [name for name, _ in blocking.headers]
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


def test_what_is_remembered_beside_tokens_is_bounded(house: House) -> None:
    """1024 answers, of 4096 bytes each, with 64 for each scope, and no more."""
    answers: Any = house.guard._flow.authorizer.remembered
    for size, origin, scope, kept in (
        (4097 - len("GET"), None, "", 0),
        (4096 - len("GET"), None, "", 1),
        (4097 - len("GET" + WWW), WWW, "", 1),
        (4096 - len("GET" + WWW), WWW, "", 2),
        (4097 - len("GET") - 3 * 64, None, "a b c", 2),
        (4096 - len("GET") - 3 * 64, None, "a b c", 3),
    ):
        said = house.token(claims={"much": ""}, scope=scope)
        bare = len(house.guard.verify(said).payload)
        long = house.token(claims={"much": "x" * (size - bare)}, scope=scope)
        house.passes(request(token=long, origin=origin))
        assert answers.cache_info().currsize == kept
    token = house.token()
    for path in ("/x", "/y", "/%", "/" + "x" * 500):
        house.passes(request(path, token=token, raw_path="/?%20"))
    assert answers.cache_info().currsize == 3
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


def test_a_field_without_values_was_not_sent(house: House) -> None:
    """Adapters that ask for each field by name may say it with an empty list."""
    answer = house.refuses(Request("GET", "/x", {"authorization": []}))
    assert (answer.status, answer.reason) == (401, "no_credentials")


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
    for answer in (authorizer.authorize(key), authorizer.remembered(*key)):
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
def test_rules_1_and_11_signed_by_the_issuer_and_refused(
    jwt_guard: Guard, sign: Sign, number: str, name: str
) -> None:
    """A good signature does not make a number of it."""
    with pytest.raises(InvalidTokenError, match="malformed"):
        jwt_guard.verify(sign(payload=f'{{"{name}":{number}}}'.encode()))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
def test_rule_2_signed_in_another_encoding_and_refused(
    jwt_guard: Guard, sign: Sign, encoding: str
) -> None:
    """Even though ``json.loads`` would read it."""
    with pytest.raises(InvalidTokenError, match="malformed"):
        jwt_guard.verify(sign(payload='{"sub":"a"}'.encode(encoding)))


@pytest.mark.parametrize("depth", [500, 2_000, 100_000])
def test_rule_16_signed_nesting_never_crashes(
    jwt_issuer: JWTIssuer, sign: Sign, depth: int
) -> None:
    """Refused, or read; claims too deep to be read again later are not let in."""
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
