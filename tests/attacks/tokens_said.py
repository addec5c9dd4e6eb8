"""Attacks on what a token says and how it is written. The issuer itself has signed all
of these: an attacker who can shape a token must gain nothing by its shape.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from tests.attacks.attacker import (
    ACCEPTED,
    AUDIENCE,
    NOW,
    ONE,
    claims,
    header,
    heads,
    says,
    sealed,
    signed,
    unsigned,
)
from tests.attacks.tokens_signed import MALFORMED, Row

# ruff: noqa: E501  # a table reads better with one row a line

LOOSE = "RFC 7515 2; Wycheproof"
TEXTS = "RFC 8259; RFC 7493"
TWICE = "RFC 7515 4; RFC 7519 4"
TIMES = "RFC 7519 2, NumericDate"
CLAIM, EXPIRED, EARLY, FUTURE, LACKS, AUD, ISS = (
    "malformed_claim", "expired", "not_yet_valid", "issued_in_future",
    "missing_claim", "wrong_audience", "unknown_issuer",
)  # fmt: skip

TEXT = unsigned()
HEAD, BODY = TEXT.split(".")
TRUE = signed()
TAIL = TRUE.rpartition(".")[2]


def body(text: bytes) -> str:
    """A token with exactly these bytes as its claims."""
    return signed(body=text)


def member(text: str) -> str:
    """A token whose claims hold one member more, written as *text*."""
    body = signed_text().replace("{", f"{{{text},", 1)
    return signed(body=body.encode())


def signed_text() -> str:
    """The claims of a true token as JSON."""
    return json.dumps(claims())


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """A claim of arrays in arrays, or objects in objects."""
    return member(f'"x":{opening * depth}{closing * depth}')


BASE64: list[Row] = [
    *((f"{char!r} after the header", LOOSE, sealed(f"{HEAD}{char}.{BODY}"), MALFORMED) for char in "=+/ ?\n#"),
    *((f"{char!r} after the claims", LOOSE, sealed(f"{HEAD}.{BODY}{char}"), MALFORMED) for char in "=+/ ?\n#"),
    *((f"{char!r} after the signature", LOOSE, TRUE + char, MALFORMED) for char in "=+/ ?\n#\r\t\x00\x0b\u00a0\u2028"),
    *((f"{char!r} before the token", LOOSE, char + TRUE, MALFORMED) for char in " \n\ufeff\x00"),
    ("padding everywhere", LOOSE, sealed(f"{HEAD}==.{BODY}==") + "==", MALFORMED),
    ("the other alphabet", LOOSE, sealed(f"{b64encode(b'?>' * 20).decode()}.{BODY}"), MALFORMED),
    ("stray bits in the signature", LOOSE, TRUE[:-1] + chr(ord(TRUE[-1]) + 1), MALFORMED),
    ("a length that no bytes have", LOOSE, TRUE + "AAA", MALFORMED),
    ("full-width letters", LOOSE, TRUE.replace("A", "\uff21"), MALFORMED),
    ("dots at the end", "RFC 7515 7.1", TRUE + ".", MALFORMED),
    ("a full stop of another script", "RFC 7515 7.1", TRUE.replace(".", "\u3002"), MALFORMED),
    ("two segments", "RFC 7515 7.1", TRUE.rpartition(".")[0], MALFORMED),
    ("no segment", "RFC 7515 7.1", "", MALFORMED),
    ("only dots", "RFC 7515 7.1", "..", MALFORMED),
    ("JSON serialization", "RFC 7515 7.2", '{"payload":"e30"}', MALFORMED),
    ("a token of 1 MB", "resource use", "A" * 2**20, "token_too_long"),
]  # fmt: skip

WRITTEN: list[Row] = [
    ("claims in UTF-16", TEXTS, body(signed_text().encode("utf-16")), MALFORMED),
    ("claims in UTF-16, no BOM", TEXTS, body(signed_text().encode("utf-16-le")), MALFORMED),
    ("claims in UTF-32", TEXTS, body(signed_text().encode("utf-32-be")), MALFORMED),
    ("a BOM", TEXTS, body(b"\xef\xbb\xbf" + signed_text().encode()), MALFORMED),
    ("a BOM in the header", TEXTS, signed(b'\xef\xbb\xbf{"alg":"ES256","kid":"k"}'), MALFORMED),
    ("invalid UTF-8", TEXTS, body(signed_text().replace("alice", "\udcff").encode("utf-8", "surrogateescape")), MALFORMED),
    ("overlong UTF-8", TEXTS, body(signed_text().encode().replace(b"alice", b"\xc0\xae")), MALFORMED),
    ("CESU-8", TEXTS, body(signed_text().encode().replace(b"alice", b"\xed\xa0\xbd\xed\xb8\x80")), MALFORMED),
    ("half a surrogate pair", TEXTS, member('"x":"\\ud800"'), MALFORMED),
    ("half a pair in a name", TEXTS, member('"\\udfff":1'), MALFORMED),
    ("half a pair, deep", TEXTS, member('"x":[{"y":["\\ud800x"]}]'), MALFORMED),
    ("NUL in a string, raw", TEXTS, member('"x":"\x00"'), MALFORMED),
    *((f"the number {text[:9]}", TEXTS, member(f'"x":{text}'), MALFORMED) for text in ("NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 5000, "0x10", "01", "+1", ".5", "1.", "1_000", "\u0661")),
    *((f"a member twice: {text}", TWICE, member(text), MALFORMED) for text in ('"sub":"root"', '"\\u0073ub":"root"', '"x":{"a":1,"a":2}', '"x":[[{"a":1,"\\u0061":1}]]', '"":1,"":2')),
    ("alg twice", TWICE, signed(b'{"alg":"none","alg":"ES256","kid":"k"}'), MALFORMED),
    ("kid twice", TWICE, signed(b'{"alg":"ES256","kid":"evil","kid":"k"}'), MALFORMED),
    ("a member twice, deep in the header", TWICE, signed(b'{"alg":"ES256","kid":"k","x":{"a":1,"a":1}}'), MALFORMED),
    ("comments", TEXTS, body(b"/**/" + signed_text().encode()), MALFORMED),
    ("a comma at the end", TEXTS, body(signed_text().encode()[:-1] + b",}"), MALFORMED),
    ("single quotes", TEXTS, body(signed_text().replace('"', "'").encode()), MALFORMED),
    ("two texts", TEXTS, body(signed_text().encode() * 2), MALFORMED),
    ("text after the end", TEXTS, body(signed_text().encode() + b"x"), MALFORMED),
    ("form feed as white space", TEXTS, body(b"\x0c" + signed_text().encode()), MALFORMED),
    ("an array of claims", "RFC 7519 7.2", signed(body=[claims()]), MALFORMED),
    ("a string of claims", "RFC 7519 7.2", signed(body=b'"{}"'), MALFORMED),
    ("null", "RFC 7519 7.2", signed(body=b"null"), MALFORMED),
    ("nothing", "RFC 7519 7.2", signed(body=b""), MALFORMED),
    ("arrays, 64 deep", "resource use", nested(63), ACCEPTED),
    ("arrays, 65 deep", "resource use", nested(64), MALFORMED),
    ("arrays, 2,000 deep", "resource use", nested(2000), MALFORMED),
    ("objects, 1,200 deep", "resource use", nested(1200, '{"a":', "}"), MALFORMED),
    ("arrays, 5,000 deep", "resource use", nested(5000), MALFORMED),
    ("unbalanced arrays", "resource use", member('"x":' + "[" * 9000), MALFORMED),
    ("a whole number of 4,000 digits", "resource use", member(f'"x":{"9" * 4000}'), ACCEPTED),
    ("3,000 members", "resource use", member('"x":{' + ",".join(f'"{n:x}":0' for n in range(1200)) + "}"), ACCEPTED),
    ("a name like __proto__", "prototype pollution", member('"__proto__":{"scope":"admin"}'), ACCEPTED),
    ("names in another case", "RFC 7519 10.1.1", signed(body=claims(exp=..., EXP=NOW + 300)), LACKS),
    ("exp in Cyrillic", "homoglyphs", signed(body={**claims(exp=...), "\u0435xp": NOW + 300}), LACKS),
    ("exp with a zero-width space", "homoglyphs", signed(body={**claims(exp=...), "exp\u200b": NOW + 300}), LACKS),
]  # fmt: skip


def _times() -> list[Row]:
    odd: list[Any] = [
        "",
        "9999999999",
        "never",
        True,
        False,
        [NOW],
        {"n": NOW},
        1e300,
        10**400,
        -(10**400),
    ]
    rows = [
        (
            f"exp {str(value)[:12]!r} {type(value).__name__}",
            TIMES,
            says(exp=value),
            CLAIM,
        )
        for value in odd
    ]
    rows += [
        (
            f"{name} {str(value)[:12]!r} {type(value).__name__}",
            TIMES,
            says(**{name: value}),
            CLAIM,
        )
        for name in ("nbf", "iat")
        for value in (*odd, None)
    ]
    return rows


NAMELESS: list[Any] = ["", 0, 1, True, ["alice"], {"a": 1}]

SAID: list[Row] = [
    *_times(),
    ("exp null", TIMES, says(exp=None), LACKS),
    ("no exp", "RFC 9068 2.2", says(exp=...), LACKS),
    ("exp 0", TIMES, says(exp=0), EXPIRED),
    ("exp -1", TIMES, says(exp=-1), EXPIRED),
    ("exp -1e300", TIMES, says(exp=-1e300), CLAIM),
    ("exp with a fraction", TIMES, says(exp=NOW + 0.5), ACCEPTED),
    ("exp in milliseconds", TIMES, says(exp=(NOW - 3600) * 1000), ACCEPTED),
    ("exp a second beyond the leeway", "RFC 7519 4.1.4", says(exp=NOW - 31), EXPIRED),
    ("exp at the leeway", "RFC 7519 4.1.4", says(exp=NOW - 30), EXPIRED),
    ("nbf a second beyond the leeway", "RFC 7519 4.1.5", says(nbf=NOW + 31), EARLY),
    ("iat a second beyond the leeway", "RFC 7519 4.1.6", says(iat=NOW + 31), FUTURE),
    *((f"aud {value!r}", "RFC 7519 4.1.3, exactly", says(aud=value), AUD) for value in (
        "", AUDIENCE + "/", AUDIENCE.upper(), AUDIENCE + ".evil.example", AUDIENCE[:-1],
        f"{AUDIENCE} https://evil.example", f"{AUDIENCE},x", f" {AUDIENCE}", f"{AUDIENCE}\x00", "*", "unchecked",
        [], ["*"], ["https://evil.example"], [AUDIENCE + "/"], "http://api.example", "https://\u0430pi.example",
    )),
    *((f"aud {value!r}", "RFC 7519 4.1.3", says(aud=value), CLAIM) for value in (1, True, {AUDIENCE: 1}, [[AUDIENCE]], [AUDIENCE, 1], [AUDIENCE, None], {"0": AUDIENCE})),
    ("aud null", "RFC 7519 4.1.3", says(aud=None), LACKS),
    *((f"iss {value!r}", "RFC 7519 4.1.1, exactly; CVE-2024-53861", says(iss=value), ISS) for value in (
        "", ONE + "/", ONE.upper(), ONE[:-1], ONE + ":443", ONE + "?", ONE + "#", ONE + "/.", "http://one.example",
        f"{ONE} ", f"{ONE}\x00", "https://one.example@evil.example", "https://evil.example/https://one.example",
        "https://%6fne.example", "https://\u043ene.example", [ONE], {"url": ONE}, 1, True,
    )),
    ("iss null", "RFC 7519 4.1.1", says(iss=None), LACKS),
    *((f"sub {sub!r}", "RFC 7519 4.1.2", says(sub=sub), CLAIM) for sub in NAMELESS),
    *((f"client_id {name!r}", "RFC 9068 2.2", says(client_id=name), CLAIM) for name in NAMELESS),
    ("two clients", "RFC 9068 2.2", says(azp="other"), "client_ambiguous"),
    ("jti no string", "RFC 7519 4.1.7", says(jti=1), CLAIM),
    *((f"token_use {use}", "RFC 8725 3.11", says(token_use=use), "id_token") for use in ("id", "ID", "Id")),
    ("an ID token by nonce", "OIDC Core 2", signed(header(typ="JWT"), claims(nonce="n", token_use=...)), "id_token"),
    ("a refresh token", "Keycloak", says(typ="Refresh"), "refresh_token"),
    ("an offline token", "Keycloak", says(typ="Offline"), "refresh_token"),
    ("bound to a key", "RFC 9449 6", says(cnf={"jkt": "x"}), "bound_token"),
    ("bound, in an odd way", "RFC 7800 3", says(cnf=0), "bound_token"),
    ("no typ, no mark", "RFC 8725 3.11", signed(header(typ=...), claims(scope=..., client_id=...)), "not_access_token"),
    ("typ twice in one", "RFC 9068 4", heads(typ="at+jwt, JWT"), "wrong_type"),
]  # fmt: skip
