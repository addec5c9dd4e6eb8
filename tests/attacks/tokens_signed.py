"""Attacks on header and signature: what, where it is known from, what must come."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwtguard.core.model.encoding import decode_segment
from tests.attacks.attacker import (
    ACCEPTED,
    EC_MINE,
    EC_OTHER,
    ED,
    ED_MINE,
    OTHER,
    P384,
    RSA,
    RSA_MINE,
    b64,
    claims,
    header,
    heads,
    public,
    signed,
    unsigned,
)

# ruff: noqa: E501  # a table reads better with one row a line

Row = tuple[str, str, str, str]
"""What is tried, its source, the token, and the reason that the log must name."""

NONE = "RFC 8725 2.1; CVE-2015-9235"
CONFUSED = "RFC 8725 2.1; CVE-2016-5431, CVE-2024-54150"
EMBEDDED = "RFC 8725 3.10; CVE-2018-0114"
KID = "RFC 8725 3.10"
CRIT = "RFC 7515 4.1.11; CVE-2025-59420"
ECDSA = "Wycheproof; CVE-2022-21449"
EDDSA = "RFC 8032 5.1.7; Wycheproof"
PSS = "RFC 8725 3.1"

ALG, ENC, UNKNOWN, BAD, CRITICAL, MALFORMED = (
    "wrong_algorithm", "encrypted", "unknown_key", "bad_signature",
    "unsupported_critical", "malformed",
)  # fmt: skip


def tail(token: str, signature: bytes) -> str:
    """Put another signature under *token*."""
    return f"{token.rpartition('.')[0]}.{b64(signature)}"


def unsecured(alg: str) -> str:
    """A token that says that it needs no signature."""
    return unsigned(header(alg=alg)) + "."


def hmacked(secret: bytes, alg: str = "HS256", kid: str = "rsa") -> str:
    """A token whose HMAC key is something that everybody knows."""
    text = unsigned(header(alg=alg, kid=kid))
    digest = getattr(hashlib, alg.replace("HS", "sha"))
    return f"{text}.{b64(hmac.new(secret, text.encode(), digest).digest())}"


def by_me(**changes: Any) -> str:
    """A token of mine, signed with my own key."""
    return signed(header(**changes), key=EC_MINE)


PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PKCS1 = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
MINE = public(EC_MINE, kid="k")

CRITS: list[Any] = [[], ["exp"], ["b64"], ["alg"], ["unheard"], "b64", None, {}, 1]

HEADERS: list[Row] = [
    *(
        (f"alg {alg!r}, no signature", NONE, unsecured(alg), ALG)
        for alg in ("none", "None", "NONE", "nOnE", "none ", "")
    ),
    ("alg none under a true signature", NONE, heads(alg="none"), ALG),
    ("no signature under a true alg", NONE, unsigned() + ".", BAD),
    *(
        (f"{alg} with the public key, as {name}", CONFUSED, hmacked(secret, alg), ALG)
        for alg in ("HS256", "HS384", "HS512")
        for name, secret in {
            "PEM": PEM,
            "PEM without line end": PEM.strip(),
            "PKCS 1": PKCS1,
            "DER": DER,
            "nothing": b"",
        }.items()
    ),
    ("HS256 with an EC key's x", CONFUSED, hmacked(MINE["x"].encode(), kid="k"), ALG),
    *(
        (f"alg {alg!r} under a true signature", "RFC 7518 3.1", heads(alg=alg), ALG)
        for alg in (
            "es256", "ES256 ", "ES256K", "ES384", "RS1", "RS256", "Ed448", "EdDSA",
            "dir", "RSA-OAEP", "A128KW", "PBES2-HS256+A128KW", "\u0130ES256",
        )
    ),
    ("RS256 read as PS256", PSS, signed(header(alg="PS256", kid="rsa"), key=RSA, alg="RS256"), BAD),
    ("ES256 key under EdDSA's name", "RFC 8725 3.1", heads(alg="EdDSA", kid="ed"), BAD),
    ("a P-384 key for ES256", "RFC 7518 3.4", heads(kid="p384"), ALG),
    ("ES384 by P-384, named ES256", "RFC 7518 3.4", signed(header(kid="p384"), key=P384, alg="ES384"), ALG),
    ("my key in jwk", EMBEDDED, by_me(jwk=MINE), BAD),
    ("my key in jwk, no kid", EMBEDDED, by_me(jwk=MINE, kid=...), BAD),
    ("my key in jwk, under its own name", EMBEDDED, by_me(jwk=MINE, kid="m"), UNKNOWN),
    ("a jwk of type oct", EMBEDDED, by_me(jwk={"kty": "oct", "k": "AAAA"}), BAD),
    ("my key set in jku", EMBEDDED, by_me(jku="https://evil.example/jwks"), BAD),
    ("jku that looks like the issuer", EMBEDDED, by_me(jku="https://one.example@evil.example/"), BAD),
    ("my certificate in x5u", EMBEDDED, by_me(x5u="https://evil.example/c.pem"), BAD),
    ("my certificate in x5c", EMBEDDED, by_me(x5c=["AAAA"]), BAD),
    ("x5t of a published key", EMBEDDED, by_me(**{"x5t#S256": "AAAA"}), BAD),
    *(
        (f"kid {kid[:24]!r}", KID, by_me(kid=kid), UNKNOWN)
        for kid in (
            "", "K", " k", "k ", "k\x00", "../../../../dev/null", "/dev/null",
            "' UNION SELECT 'x", "k' OR '1'='1", "|touch x", "$(id)", "file:///etc/passwd",
            "https://evil.example/jwks", "{{7*7}}", "%00", "k" * 8000,
        )
    ),
    ("no kid, signed by me", KID, by_me(kid=...), BAD),
    ("kid of an RSA key", KID, by_me(kid="rsa"), ALG),
    *(
        (f"crit {value!r}", CRIT, heads(crit=value), CRITICAL)
        for value in CRITS
    ),
    ("b64 false, critical", "RFC 7797", heads(b64=False, crit=["b64"]), CRITICAL),
    ("b64 false, not critical", "RFC 7797 6", heads(b64=False), MALFORMED),
    ("b64 of another type", "RFC 7797 6", heads(b64=0), MALFORMED),
    ("a payload that is not encoded", "RFC 7797 5.2", f"{b64('{}')}.{{}}.AAAA", MALFORMED),
    ("zip, a deflated payload", "RFC 7516 4.1.3; CVE-2024-33664", signed(header(zip="DEF"), zlib.compress(b"{}" * 999)[2:-4]), MALFORMED),
    ("zip, but not deflated", "RFC 7515 4", heads(zip="DEF"), ACCEPTED),
    ("five segments", "RFC 7516 3.1", f"{b64('{}')}.e30.e30.e30.AAAA", ENC),
    ("a JWE with alg none inside", "RFC 8725 2.4", f"{b64('{}')}..e30.{b64(unsecured('none'))}.AAAA", ENC),
    ("a token in a token", "RFC 7519 5.2", signed(header(cty="JWT"), heads()), MALFORMED),
    ("a token in a string", "RFC 7519 5.2", signed(header(cty="JWT"), {"jwt": heads()}), "missing_claim"),
    ("typ of another kind", "RFC 8725 3.11", heads(typ="secevent+jwt"), "wrong_type"),
    ("typ dpop+jwt", "RFC 9449 4.2", heads(typ="dpop+jwt"), "wrong_type"),
    ("a logout token by typ", "OIDC Back-Channel 2.4", heads(typ="logout+jwt"), "logout_token"),
]  # fmt: skip

TRUE = signed()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SIGNATURE = decode_segment(TRUE.rpartition(".")[2].encode())
R, S = (int.from_bytes(SIGNATURE[at : at + 32], "big") for at in (0, 32))
ED_TRUE = signed(header(alg="EdDSA", kid="ed"), key=ED, alg="EdDSA")
ED_SIGNATURE = decode_segment(ED_TRUE.rpartition(".")[2].encode())
ED_ORDER = 2**252 + 27742317777372353535851937790883648493
RSA_TRUE = signed(header(alg="RS256", kid="rsa"), key=RSA, alg="RS256")
RSA_SIGNATURE = decode_segment(RSA_TRUE.rpartition(".")[2].encode())
N = RSA.public_key().public_numbers().n


def pair(r: int, s: int) -> str:
    """A token under the ECDSA signature (r, s)."""
    return tail(TRUE, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def plus_order() -> str:
    """An Ed25519 signature whose S is the true one and the group's order."""
    scalar = int.from_bytes(ED_SIGNATURE[32:], "little") + ED_ORDER
    return tail(ED_TRUE, ED_SIGNATURE[:32] + scalar.to_bytes(32, "little"))


SIGNATURES: list[Row] = [
    ("the true token", "RFC 7515 A.3", TRUE, ACCEPTED),
    ("r = s = 0, psychic", ECDSA, pair(0, 0), BAD),
    ("r = 0", ECDSA, pair(0, S), BAD),
    ("s = 0", ECDSA, pair(R, 0), BAD),
    ("r = s = 1", ECDSA, pair(1, 1), BAD),
    ("r = s = n", ECDSA, pair(ORDER, ORDER), BAD),
    ("r = n, s = 1", ECDSA, pair(ORDER, 1), BAD),
    ("r = n - 1", ECDSA, pair(ORDER - 1, S), BAD),
    ("all bits set", ECDSA, pair(2**256 - 1, 2**256 - 1), BAD),
    ("r and s swapped", ECDSA, pair(S, R), BAD),
    # Issuers make either of the two: no secret is needed to turn one into the other,
    # and it says the same. So no signature, and no hash of a token, names a session.
    ("s replaced by n - s", "SEC 1 4.1.4", pair(R, ORDER - S), ACCEPTED),
    ("ECDSA in DER", "RFC 7518 3.4", tail(TRUE, encode_dss_signature(R, S)), BAD),
    ("a byte more", "RFC 7518 3.4", tail(TRUE, SIGNATURE + b"\x00"), BAD),
    ("a byte before", "RFC 7518 3.4", tail(TRUE, b"\x00" + SIGNATURE), BAD),
    ("a byte less", "RFC 7518 3.4", tail(TRUE, SIGNATURE[:-1]), BAD),
    ("padded to P-384", "RFC 7518 3.4", tail(TRUE, bytes(16) + SIGNATURE[:32] + bytes(16) + SIGNATURE[32:]), BAD),
    ("no signature", "RFC 7515 5.2", tail(TRUE, b""), BAD),
    ("a signature of 12 kB", "resource use", tail(TRUE, bytes(9000)), BAD),
    ("RSA: signature 0", "RFC 8017 8.2.2", tail(RSA_TRUE, bytes(256)), BAD),
    ("RSA: signature 1", "RFC 8017 8.2.2", tail(RSA_TRUE, (1).to_bytes(256, "big")), BAD),
    ("RSA: n - 1", "RFC 8017 8.2.2", tail(RSA_TRUE, (N - 1).to_bytes(256, "big")), BAD),
    ("RSA: n", "RFC 8017 5.2.2", tail(RSA_TRUE, N.to_bytes(256, "big")), BAD),
    ("RSA: a byte before", "RFC 8017 8.2.2", tail(RSA_TRUE, b"\x00" + RSA_SIGNATURE), BAD),
    ("RSA: negated", "RFC 8017 8.2.2", tail(RSA_TRUE, (N - int.from_bytes(RSA_SIGNATURE, "big")).to_bytes(256, "big")), BAD),
    ("RSA: my key", "RFC 7515 5.2", signed(header(alg="RS256", kid="rsa"), key=RSA_MINE, alg="RS256"), BAD),
    ("Ed25519: true", "RFC 8037 3.1", ED_TRUE, ACCEPTED),
    ("Ed25519: all zero", EDDSA, tail(ED_TRUE, bytes(64)), BAD),
    ("Ed25519: R of small order, S = 0", EDDSA, tail(ED_TRUE, b"\x01" + bytes(63)), BAD),
    ("Ed25519: S and the order", EDDSA, plus_order(), BAD),
    ("Ed25519: a byte more", EDDSA, tail(ED_TRUE, ED_SIGNATURE + b"\x00"), BAD),
    ("Ed25519: my key", EDDSA, signed(header(alg="EdDSA", kid="ed"), key=ED_MINE, alg="EdDSA"), BAD),
    ("signature of another token", "RFC 7515 5.2", tail(heads(), SIGNATURE[::-1]), BAD),
    ("payload of another token", "RFC 7515 5.2", f"{unsigned(body=claims(sub='root'))}.{b64(SIGNATURE)}", BAD),
    ("header of another token", "RFC 7515 5.2", f"{unsigned(header(typ='JWT'))}.{b64(SIGNATURE)}", BAD),
]  # fmt: skip

MIXED: list[Row] = [
    ("the other issuer, its own key", "RFC 8725 3.8", signed(body=claims(iss=OTHER), key=EC_OTHER), ACCEPTED),
    ("the other's key, this issuer's name", "RFC 8725 3.8; key confusion across issuers", signed(key=EC_OTHER), BAD),
    ("this issuer's key, the other's name", "RFC 8725 3.8", signed(body=claims(iss=OTHER)), BAD),
    ("the other's name, a kid only we have", "RFC 8725 3.8", signed(header(kid="rsa", alg="RS256"), claims(iss=OTHER), RSA, "RS256"), UNKNOWN),
    ("an issuer in the header", "RFC 7519 5.3", signed(header(iss=OTHER), key=EC_OTHER), BAD),
    ("the name twice, ours last", "RFC 8725 3.8", signed(body=b'{"iss":"%s","iss":"https://one.example"}' % OTHER.encode(), key=EC_OTHER), MALFORMED),
]  # fmt: skip
