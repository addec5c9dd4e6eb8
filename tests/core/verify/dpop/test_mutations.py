"""RFC 9449 section 4.3: each way to spoil a good proof is refused for its reason."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import get_default_algorithms

from jwtguard.testing import JWTIssuer
from jwtguard.testing.keys import new_key, public_members
from tests.core.verify.dpop.proof_support import (
    URL,
    Prover,
    der_signature,
    segment,
    signed,
)

Made = Callable[[Prover], str]
BIG = "x" * 100_000


def claims(**changed: Any) -> Made:
    return lambda house: house.proof(claims=changed)


def header(**changed: Any) -> Made:
    return lambda house: house.proof(headers=changed)


def jwk(**changed: Any) -> Made:
    return lambda house: house.proof(headers={"jwk": {**house.key.jwk, **changed}})


def no_jwk(name: str) -> Made:
    def make(house: Prover) -> str:
        left = {k: v for k, v in house.key.jwk.items() if k != name}
        return house.proof(headers={"jwk": left})

    return make


def iat(seconds: float) -> Made:
    """Return a proof that was made so many seconds from now."""
    return lambda house: house.proof(
        claims={"iat": house.issuer.clock.time() + seconds}
    )


def parts(change: Callable[[str, str, str], str]) -> Made:
    return lambda house: change(*house.proof().split("."))


def whole(**given: Any) -> Made:
    """Return a proof with this very ``header`` or ``claims``, signed all the same."""

    def make(house: Prover) -> str:
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": house.key.jwk}
        said = {"header": head, "claims": {}, **given}
        return signed(said["header"], said["claims"], house.key._private, "ES256")

    return make


def by_key(alg: str, private: Any) -> Made:
    """Return a proof that is signed well, by another key."""

    def make(house: Prover) -> str:
        head = {"typ": "dpop+jwt", "alg": alg, "jwk": public_members(private)}
        return signed(head, {}, private, alg)

    return make


def by_der(house: Prover) -> str:
    text = house.proof().rpartition(".")[0]
    private = house.key._private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return f"{text}.{segment(der_signature(private, text))}"


def by_hmac(house: Prover) -> str:
    head = {"typ": "dpop+jwt", "alg": "HS256", "jwk": house.key.jwk}
    text = f"{segment(head)}.{segment({})}"
    mac = get_default_algorithms()["HS256"].sign(text.encode(), segment(head).encode())
    return f"{text}.{segment(mac)}"


def foreign_signature(house: Prover) -> str:
    text = house.proof().rpartition(".")[0]
    return f"{text}.{house.proof().rpartition('.')[2]}"


def twice(name: str, value: str) -> Made:
    """Return a proof that states a claim twice."""

    def make(house: Prover) -> str:
        said = f'{{"{name}":{value},"{name}":{value}}}'.encode()
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": house.key.jwk}
        return signed(head, said, house.key._private, "ES256")

    return make


def other_method(method: str) -> Made:
    return lambda house: house.proof(method=method)


def other_url(url: str) -> Made:
    return lambda house: house.proof(claims={"htu": url})


def other_token(house: Prover) -> str:
    return house.proof(token=house.key.token(scope="more"))


def stray_bits(house: Prover) -> str:
    """Return a proof whose signature decodes to the same bytes, spelt differently."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    proof = house.proof()
    return proof[:-1] + letters[letters.index(proof[-1]) + 1]


P384, RSA2048 = new_key("ES384"), new_key("RS256")
RSA1024 = rsa.generate_private_key(65537, 1024)
MALFORMED, KEY, TYPE = "dpop_malformed", "dpop_key", "dpop_type"
ALGORITHM, SIGNATURE, URL_REASON = "dpop_algorithm", "dpop_signature", "dpop_url"
NO_KEYS: list[Any] = [
    None, "", "x", 1, [], {}, {"keys": []}, {"kty": "oct", "k": "AA"},
]  # fmt: skip
NO_TIMES: list[Any] = [None, "", "1800000000", True, [1], {}]

FORM: list[tuple[str, Made, str]] = [
    ("empty", lambda _: "", MALFORMED),
    ("no JWT", lambda _: "proof", MALFORMED),
    ("two parts", parts(lambda h, c, _: f"{h}.{c}"), MALFORMED),
    ("four parts", parts(lambda h, c, s: f"{h}.{c}.{s}.{s}"), MALFORMED),
    ("five parts", parts(lambda h, c, s: f"{h}.{c}.{s}.{s}.{s}"), MALFORMED),
    ("without signature", parts(lambda h, c, _: f"{h}.{c}."), MALFORMED),
    ("detached claims", parts(lambda h, _, s: f"{h}..{s}"), MALFORMED),
    ("without header", parts(lambda _, c, s: f".{c}.{s}"), MALFORMED),
    ("padded", parts(lambda h, c, s: f"{h}.{c}.{s}=="), MALFORMED),
    ("base64, not base64url", parts(lambda h, c, s: f"{h}.{c}.{s[:-1]}+"), MALFORMED),
    ("a blank inside", parts(lambda h, c, s: f"{h}. {c}.{s}"), MALFORMED),
    ("a line break inside", parts(lambda h, c, s: f"{h}.{c}\n.{s}"), MALFORMED),
    ("a NUL inside", parts(lambda h, c, s: f"{h}.{c}.{s}\0"), MALFORMED),
    ("a letter outside ASCII", parts(lambda h, c, s: f"{h}.{c}.{s}\u00e9"), MALFORMED),
    ("in quotes", lambda house: f'"{house.proof()}"', MALFORMED),
    ("with a scheme", lambda house: f"DPoP {house.proof()}", MALFORMED),
    ("two in a field", lambda h: f"{h.proof()}, {h.proof()}", "dpop_repeated"),
    ("a comma behind", lambda house: f"{house.proof()},", "dpop_repeated"),
    ("over 8 KiB", claims(more="x" * 8192), MALFORMED),
    ("a jti of 100 KB", claims(jti=BIG), MALFORMED),
    ("stray bits in the signature", stray_bits, MALFORMED),
    ("header in odd length", parts(lambda h, c, s: f"A.{c}.{s}"), MALFORMED),
    ("claims in odd length", parts(lambda h, _, s: f"{h}.A.{s}"), MALFORMED),
    ("header no JSON", whole(header=b"{"), MALFORMED),
    ("header an array", whole(header=[]), MALFORMED),
    ("header a string", whole(header="dpop+jwt"), MALFORMED),
    ("header null", whole(header=None), MALFORMED),
    ("header not UTF-8", whole(header=b'{"typ":"\xff"}'), MALFORMED),
    ("header states typ twice", whole(header=b'{"typ":1,"typ":1}'), MALFORMED),
    ("header nested too deep", whole(header=b"[" * 3000), MALFORMED),
    ("claims no JSON", whole(claims=b"{"), MALFORMED),
    ("claims an array", whole(claims=[]), MALFORMED),
    ("claims a number", whole(claims=1), MALFORMED),
    ("claims null", whole(claims=None), MALFORMED),
    ("claims not UTF-8", whole(claims=b'{"jti":"\xff"}'), MALFORMED),
    ("claims with half a surrogate", whole(claims=b'{"jti":"\\ud800"}'), MALFORMED),
    ("claims with NaN", whole(claims=b'{"iat":NaN}'), MALFORMED),
    ("crit", header(crit=["exp"]), MALFORMED),
    ("crit, empty", header(crit=[]), MALFORMED),
    ("b64 false", header(b64=False), MALFORMED),
]
HEADER: list[tuple[str, Made, str]] = [
    *(
        (f"typ {typ!r}", header(typ=typ), TYPE)
        for typ in (
            None, "", "JWT", "jwt", "at+jwt", "DPoP+JWT", "dpop+jwt ", "dpop",
            "application/dpop+jwt", 1, ["dpop+jwt"], {"typ": "dpop+jwt"}, True,
        )
    ),
    *(
        (f"alg {alg!r}", header(alg=alg), ALGORITHM)
        for alg in (
            None, "", "none", "None", "HS256", "es256", "ES256 ", "RS384", "RS1",
            "ES256K", "A128KW", 1, ["ES256"], True,
        )
    ),
    ("HS256 with the public key", by_hmac, ALGORITHM),
    *(
        (f"jwk {value!r}"[:40], header(jwk=value), KEY)
        for value in NO_KEYS
    ),
    ("the key by x5c alone", header(jwk=None, x5c=["MII"]), KEY),
    ("the key by jku alone", header(jwk=None, jku="https://evil.example/jwks"), KEY),
    ("the key by kid alone", header(jwk=None, kid="k"), KEY),
    *((f"jwk without {name}", no_jwk(name), KEY) for name in ("kty", "crv", "x", "y")),
    *(
        (f"jwk with the private {name}", jwk(**{name: "AQAB"}), KEY)
        for name in ("d", "p", "q", "dp", "dq", "qi", "k", "oth")
    ),
    ("jwk of another curve", jwk(crv="P-384"), KEY),
    ("jwk of an unknown curve", jwk(crv="secp256k1"), KEY),
    ("jwk of another type", jwk(kty="RSA"), KEY),
    ("jwk of type OKP", jwk(kty="OKP", crv="Ed25519"), KEY),
    ("jwk kty in small letters", jwk(kty="ec"), KEY),
    ("jwk off the curve", jwk(x=segment(b"\1" * 32), y=segment(b"\1" * 32)), KEY),
    ("jwk at infinity", jwk(x=segment(b"\0" * 32), y=segment(b"\0" * 32)), KEY),
    ("jwk x too short", jwk(x=segment(b"\1" * 31)), KEY),
    ("jwk x too long", jwk(x=segment(b"\0" + b"\1" * 32)), KEY),
    ("jwk x a number", jwk(x=1), KEY),
    ("jwk x padded", lambda h: jwk(x=h.key.jwk["x"] + "=")(h), KEY),
    ("jwk for encryption", jwk(use="enc"), KEY),
    ("jwk that may not verify", jwk(key_ops=["sign"]), KEY),
    ("jwk for another algorithm", jwk(alg="ES384"), KEY),
    ("alg of another curve", header(alg="ES384"), KEY),
    ("alg of another kind of key", header(alg="RS256"), KEY),
    ("alg EdDSA over an EC key", header(alg="EdDSA"), KEY),
    ("RSA of 1024 bits", by_key("RS256", RSA1024), KEY),
    ("a good proof of another key", by_key("ES256", new_key("ES256")), "dpop_binding"),
    ("a good proof of an RSA key", by_key("PS256", RSA2048), "dpop_binding"),
    ("a good proof of a P-384 key", by_key("ES384", P384), "dpop_binding"),
]  # fmt: skip
CLAIMS: list[tuple[str, Made, str]] = [
    *(
        (f"{name} {value!r}", claims(**{name: value}), MALFORMED)
        for name in ("jti", "htm", "htu", "ath")
        for value in (None, 1, True, ["x"], {"x": 1})
    ),
    ("jti empty", claims(jti=""), MALFORMED),
    ("jti of 257 characters", claims(jti="x" * 257), MALFORMED),
    *(
        (f"iat {value!r}", claims(iat=value), MALFORMED)
        for value in NO_TIMES
    ),
    ("iat infinite", whole(claims=b'{"iat":1e999}'), MALFORMED),
    ("nonce null is no string", whole(claims=b'{"nonce":null}'), MALFORMED),
    ("nonce a number", claims(nonce=1), MALFORMED),
    ("jti twice", twice("jti", '"a"'), MALFORMED),
    *(
        (f"htm {method!r}", other_method(method), "dpop_method")
        for method in ("POST", "get", "Get", "GET ", " GET", "", "GET,POST", "HEAD")
    ),
    *(
        (f"htu {url!r}"[:60], other_url(url), URL_REASON)
        for url in (
            "", "/x", "x", "https:", "https://api.example", "https://api.example/y",
            "https://api.example/x/", "http://api.example/x", "https://evil.example/x",
            "https://api.example:444/x", "https://api.example.evil.example/x",
            "https://user@api.example/x", "https://user:pw@api.example/x",
            "https://api.example@evil.example/x", "https://api.example/X",
            "https://api.example/x;v=1", "https://api.example/x%2F", "data:,x",
            "https://api.example\\x", "https://api.example/\tx", " " + URL,
        )
    ),
    ("ath of another token", other_token, "dpop_token_hash"),
    ("ath empty", claims(ath=""), "dpop_token_hash"),
    ("ath padded", lambda h: claims(ath=_ath(h) + "=")(h), "dpop_token_hash"),
    ("ath in hex", claims(ath="ab" * 32), "dpop_token_hash"),
    ("ath cut off", lambda h: claims(ath=_ath(h)[:-1])(h), "dpop_token_hash"),
    ("ath in lower case", lambda h: claims(ath=_ath(h).lower())(h), "dpop_token_hash"),
    *(
        (f"made {seconds} s from now", iat(seconds), "dpop_time")
        for seconds in (-61, -3600, -9e9, 31, 3600, 1e9)
    ),
    ("made in 1970", claims(iat=0), "dpop_time"),
    ("made in a number without end", claims(iat=10**400), "dpop_time"),
    ("made before that many seconds", claims(iat=-(10**400)), "dpop_time"),
    ("made in milliseconds", claims(iat=1_800_000_000_000), "dpop_time"),
]  # fmt: skip
SIGNED: list[tuple[str, Made, str]] = [
    ("signature of another proof", foreign_signature, SIGNATURE),
    ("signature of zeros", parts(lambda h, c, _: f"{h}.{c}.{'A' * 86}"), SIGNATURE),
    ("signature cut off", parts(lambda h, c, s: f"{h}.{c}.{s[:40]}"), SIGNATURE),
    ("signature of one byte", parts(lambda h, c, _: f"{h}.{c}.AA"), SIGNATURE),
    ("signature doubled", parts(lambda h, c, s: f"{h}.{c}.{'A' * 172}"), SIGNATURE),
    ("signature in DER", by_der, SIGNATURE),
]  # fmt: skip
MUTATIONS = [*FORM, *HEADER, *CLAIMS, *SIGNED]


def _ath(house: Prover) -> str:
    return segment(sha256(house.bound.encode()).digest())


@pytest.fixture(scope="module")
def house() -> Prover:
    return Prover(JWTIssuer(alg="ES256"))


@pytest.mark.parametrize(
    ("made", "reason"), [pytest.param(m, r, id=name) for name, m, r in MUTATIONS]
)
def test_a_spoilt_proof_is_refused_for_its_own_reason(
    house: Prover, made: Made, reason: str
) -> None:
    """And says so in the scheme ``DPoP`` alone; a good proof passes behind it."""
    proof = made(house)
    answer = house.refuses(house.asked(proof))
    assert (answer.status, answer.reason) == (401, reason)
    challenges = [v for name, v in answer.headers if name == "WWW-Authenticate"]
    assert len(challenges) == 1
    code = "invalid_token" if reason == "dpop_binding" else "invalid_dpop_proof"
    assert challenges[0].startswith(f'DPoP realm="api", error="{code}"')
    assert proof[-20:] not in str(answer) or len(proof) < 20
    assert house.passes(house.asked())


def test_there_are_enough_of_them() -> None:
    """At least 120, and no two alike."""
    names = [name for name, _, _ in MUTATIONS]
    assert len(names) == len(set(names)) >= 120


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"])
def test_a_good_proof_passes(jwt_issuer: JWTIssuer, alg: str) -> None:
    """Of each kind of key, twice: the second time its header is remembered."""
    house = Prover(jwt_issuer, alg)
    for _ in range(2):
        decision = house.passes(house.asked())
        assert decision.principal is not None
        assert (decision.principal.bound, decision.carrier) == ("dpop", "header")
        assert decision.principal.thumbprint == house.key.thumbprint


@pytest.mark.parametrize(
    "more",
    [
        {"kid": "k"}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"},
        {"x5c": ["MII"]}, {"cty": "x"}, {"b64": True},
    ],
)  # fmt: skip
def test_what_a_header_says_beside_is_not_read(
    jwt_issuer: JWTIssuer, more: dict[str, Any]
) -> None:
    """No key and no certificate is fetched for it."""
    house = Prover(jwt_issuer)
    before = jwt_issuer.fetches
    assert house.passes(house.asked(house.proof(headers=more)))
    assert jwt_issuer.fetches == before


def test_rsa_keys_are_bounded(jwt_issuer: JWTIssuer) -> None:
    """4,096 bits at most: the client chooses how much work each proof is."""
    house = Prover(jwt_issuer)
    private = rsa.generate_private_key(65537, 4104)
    assert house.reason_of(by_key("RS256", private)(house)) == KEY


@pytest.mark.parametrize("algorithms", [("ES384",), ("EdDSA", "Ed25519")])
def test_only_the_listed_algorithms_are_accepted(
    jwt_issuer: JWTIssuer, algorithms: tuple[str, ...]
) -> None:
    """And the challenge lists them."""
    house = Prover(jwt_issuer, dpop_algorithms=algorithms)
    answer = house.refuses(house.asked())
    assert answer.reason == ALGORITHM
    assert f'algs="{" ".join(algorithms)}"' in str(answer.headers)
