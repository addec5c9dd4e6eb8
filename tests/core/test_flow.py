"""The whole flow: requests as values in, decisions as values out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from jwtguard import AuthError, Guard, TrustedIssuer
from jwtguard.core.model.decision import Respond
from jwtguard.core.model.effects import Incoming
from jwtguard.core.model.policy_fields import DPOP_ALGORITHMS
from jwtguard.errors import InvalidTokenError, MissingTokenError
from jwtguard.reasons import REASONS
from jwtguard.testing import AUDIENCE, JWTIssuer
from tests.core.flow_support import (
    EVIL,
    RULES,
    SSR,
    WWW,
    House,
    Sign,
    field,
    principal,
    request,
)


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
        ("HOBA x", "unsupported_scheme"),
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
        ("WWW-Authenticate", f'DPoP realm="api", algs="{" ".join(DPOP_ALGORITHMS)}"'),
        ("Vary", "Origin"),
    )
    sentence = json.loads(answer.body)["error_description"]
    assert sentence == REASONS[reason].sentence


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
def test_an_issuer_claim_of_another_type_is_unknown(
    house: House, sign: Sign, iss: Any
) -> None:
    """Compared exactly, and without a fetch. RFC 7519 section 4.1.1."""
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


def test_a_public_key_is_never_used_as_a_shared_secret(jwt_issuer: JWTIssuer) -> None:
    """HS256 signed with the published key text: the oldest trick.

    RFC 8725 section 2.1.
    """
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
def test_a_malformed_answer_of_the_key_server_is_an_outage(
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


def test_head_has_no_body_but_its_length(house: House) -> None:
    """RFC 9110 section 9.3.2."""
    answer = house.refuses(request(method="HEAD"))
    assert answer.body == b""
    assert int(field(answer, "Content-Length") or 0) > 0


def test_a_token_on_plain_http_is_refused(house: House) -> None:
    """403 for known tokens too; peer and remedy are for the log alone."""
    token = house.token()
    for _ in range(2):
        answer = house.refuses(request(token=token, scheme="http"))
        house.passes(request(token=token))
    assert (answer.status, answer.reason) == (403, "insecure_transport")
    document = json.loads(answer.body)
    assert document["error"] == "insecure_transport"
    assert document["error_description"] == "Access tokens are accepted over HTTPS only"
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


def test_a_missing_scope_is_403_and_named(jwt_issuer: JWTIssuer) -> None:
    """All that the endpoint needs, for the client that asked. RFC 6750 section 3.1."""
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
def test_an_ambiguous_path_is_400_where_rules_require(
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
