"""The examples of RFC 7515, 7517, 7520 and 8037, with the RFCs' own values.

That they verify proves that they are copied right; each is then changed and refused.
"""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from jwtguard.core.model.encoding import decode_segment
from jwtguard.core.model.jwk_set import parse_given
from jwtguard.core.verify.jose import parse
from jwtguard.errors import InvalidTokenError
from tests.attacks.jws import verifies

Key = dict[str, Any]

JOE = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p"
    "c19yb290Ijp0cnVlfQ"
)
A2_N = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"
    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"
    "bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-"
    "DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
A2_KEY: Key = {"kty": "RSA", "n": A2_N, "e": "AQAB"}
A2_SIGNATURE = (
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-"
    "0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnby"
    "TyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--"
    "xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9F"
    "s98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
A3_KEY: Key = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
A3_SIGNATURE = (
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-"
    "F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
A4_X = (
    "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4"
    "qUxcWceqwQGk"
)
A4_Y = (
    "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-"
    "x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"
)
A4_KEY: Key = {"kty": "EC", "crv": "P-521", "x": A4_X, "y": A4_Y}
A4 = (
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-"
    "l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG"
    "8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukO"
    "XolLzeO_Jn"
)
A1_KEY: Key = {
    "kty": "oct",
    "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"
    "TwjAzZr1Z9CAow",
}
A1 = (
    f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
A5 = f"eyJhbGciOiJub25lIn0.{JOE}."

FRODO = (
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4g"
    "WW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwg"
    "dGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
)
BILBO_N = (
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-"
    "XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-"
    "QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1F"
    "ZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-"
    "tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5"
    "gHdrNP5zw"
)
BILBO_RSA: Key = {
    "kty": "RSA",
    "kid": "bilbo.baggins@hobbiton.example",
    "use": "sig",
    "n": BILBO_N,
    "e": "AQAB",
}
BILBO_X = (
    "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-"
    "7ytDyRXYgCF5cj0Kt"
)
BILBO_Y = (
    "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9c"
    "wlGfP-HqHZR1"
)
BILBO_EC: Key = {
    "kty": "EC",
    "kid": "bilbo.baggins@hobbiton.example",
    "use": "sig",
    "crv": "P-521",
    "x": BILBO_X,
    "y": BILBO_Y,
}
FIGURE_13_HEADER = (
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9"
)
FIGURE_13_SIGNATURE = (
    "MRjdkly7_-"
    "oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp"
    "83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD6"
    "8BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyI"
    "rDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-"
    "ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"
)
FIGURE_13 = f"{FIGURE_13_HEADER}.{FRODO}.{FIGURE_13_SIGNATURE}"
FIGURE_20_HEADER = (
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9"
)
FIGURE_20_SIGNATURE = (
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-"
    "tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQF"
    "lfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2"
    "lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbBy"
    "i7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"
)
FIGURE_20 = f"{FIGURE_20_HEADER}.{FRODO}.{FIGURE_20_SIGNATURE}"
FIGURE_27_HEADER = (
    "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9"
)
FIGURE_27_SIGNATURE = (
    "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-"
    "JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxX"
    "Pn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2"
)
FIGURE_27 = f"{FIGURE_27_HEADER}.{FRODO}.{FIGURE_27_SIGNATURE}"
FIGURE_35_HEADER = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9"
)
FIGURE_35_SIGNATURE = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"
FIGURE_35 = f"{FIGURE_35_HEADER}.{FRODO}.{FIGURE_35_SIGNATURE}"
FRODO_OCT: Key = {
    "kty": "oct",
    "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037",
    "use": "sig",
    "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
}

A37_KEY: Key = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
A37 = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnL"
    "WG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)

# RFC 7517 appendix A.1: one key for encryption, one for signatures.
A1_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
    "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-"
    "5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
    "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb"
    "ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-"
    "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
A1_SET: Key = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            "use": "enc",
            "kid": "1",
        },
        {
            "kty": "RSA",
            "n": A1_N,
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        },
    ]
}

SIGNED = [
    ("RFC 7515 A.2", A2_KEY, f"eyJhbGciOiJSUzI1NiJ9.{JOE}.{A2_SIGNATURE}"),
    ("RFC 7515 A.3", A3_KEY, f"eyJhbGciOiJFUzI1NiJ9.{JOE}.{A3_SIGNATURE}"),
    ("RFC 7515 A.4", A4_KEY, A4),
    ("RFC 7520 4.1", BILBO_RSA, FIGURE_13),
    ("RFC 7520 4.2", BILBO_RSA, FIGURE_20),
    ("RFC 7520 4.3", BILBO_EC, FIGURE_27),
    ("RFC 8037 A.4", A37_KEY, A37),
]
REFUSED = [
    ("RFC 7515 A.1", A1_KEY, A1),
    ("RFC 7515 A.5", A2_KEY, A5),
    ("RFC 7520 4.4", FRODO_OCT, FIGURE_35),
]


@pytest.mark.parametrize(("name", "key", "token"), SIGNED)
def test_a_signed_example_verifies(name: str, key: Key, token: str) -> None:
    """Each example within our algorithms is accepted as the RFC has it."""
    assert verifies(key, token)


@pytest.mark.parametrize(("name", "key", "token"), SIGNED)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_changed_example_does_not(name: str, key: Key, token: str, at: int) -> None:
    """One character less, or another one, in any segment."""
    parts = token.split(".")
    for changed in (parts[at][:-4], "AAAA" + parts[at][4:], parts[at] + "AAAA"):
        assert not verifies(key, ".".join([*parts[:at], changed, *parts[at + 1 :]]))


@pytest.mark.parametrize(("name", "key", "token"), SIGNED)
def test_the_key_of_another_example_does_not_verify(
    name: str, key: Key, token: str
) -> None:
    """No signature fits two keys."""
    others = [other for _, other, _ in SIGNED if other is not key]
    assert not any(verifies({**other, "kid": None}, token) for other in others)


@pytest.mark.parametrize(("name", "key", "token"), REFUSED)
def test_symmetric_and_unsecured_examples_are_refused(
    name: str, key: Key, token: str
) -> None:
    """HMAC and ``none`` are right in the RFC, and never here."""
    assert not verifies(key, token)
    assert not verifies({"keys": [key, A2_KEY, A3_KEY, BILBO_RSA]}, token)


@pytest.mark.parametrize(("key", "token"), [(A1_KEY, A1), (FRODO_OCT, FIGURE_35)])
def test_what_is_refused_is_the_true_example(key: Key, token: str) -> None:
    """The HMAC is right: it is the algorithm that is refused, not a slip of ours."""
    signed, _, tail = token.rpartition(".")
    secret = decode_segment(key["k"].encode())
    right = hmac.digest(secret, signed.encode(), "sha256")
    assert decode_segment(tail.encode()) == right


def test_the_example_set_has_one_key_for_signatures() -> None:
    """RFC 7517 appendix A.1: the other is for encryption."""
    found = parse_given(A1_SET)
    assert [key.kid for key in found.keys] == ["2011-04-29"]
    assert found.keys[0].algorithms == {"RS256"}
    assert found.skipped == 1


def test_private_and_symmetric_example_keys_are_not_taken() -> None:
    """RFC 7517 appendices A.2 and A.3: private members, and HMAC keys, never verify."""
    private = {**A3_KEY, "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}
    for key in (private, A1_KEY, FRODO_OCT):
        with pytest.raises(ValueError, match="no usable keys"):
            parse_given(key)


def test_the_claims_of_the_example_are_read_as_they_stand() -> None:
    """RFC 7515 appendix A: white space and line ends inside JSON mean nothing."""
    claims = parse(SIGNED[1][2]).claims
    assert claims == {
        "iss": "joe",
        "exp": 1300819380,
        "http://example.com/is_root": True,
    }


@pytest.mark.parametrize(
    "token",
    [
        '{"payload":"e30","protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AAAA"}',
        '{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJFUzI1NiJ9"}]}',
    ],
)
def test_json_serialization_is_not_accepted_as_a_compact_token(token: str) -> None:
    """RFC 7515 section 7.2: a bearer token has one form."""
    with pytest.raises(InvalidTokenError, match="malformed"):
        parse(token)
