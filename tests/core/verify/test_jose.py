"""RFC 7515 and RFC 8725: only the one way to write a compact token is read."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.utils import base64url_encode

from jwtguard.core.model.encoding import decode_segment, names, parse_json
from jwtguard.core.verify.jose import parse
from jwtguard.errors import InvalidTokenError

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HEADER = b'{"alg":"ES256","kid":"k"}'


def compact(header: bytes = HEADER, payload: bytes = b"{}", tail: str = "AAAA") -> str:
    """Write a token; its signature is nonsense."""
    return f"{segment(header)}.{segment(payload)}.{tail}"


def segment(content: bytes) -> str:
    return base64url_encode(content).decode()


def refused(token: str, reason: str = "malformed") -> bool:
    with pytest.raises(InvalidTokenError) as caught:
        parse(token)
    return caught.value.reason == reason


def test_a_token_is_taken_apart_without_loss() -> None:
    """Header members, claims, payload bytes and signing input are as they were sent."""
    token = compact(b'{"alg":"ES256","kid":"k","typ":"AT+JWT"}', b'{"sub": "alice"}')
    found = parse(token)
    assert found.header == ("ES256", "k", "at+jwt")
    assert found.claims == {"sub": "alice"}
    assert found.payload == b'{"sub": "alice"}'
    assert found.signature == b"\x00\x00\x00"
    assert found.signing_input.decode() + ".AAAA" == token


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000]
)
@pytest.mark.parametrize("place", ["header", "claims", "deep"])
def test_numbers_that_are_not_finite_are_malformed(number: str, place: str) -> None:
    """NaN, infinities, and numbers too large to be held are no JSON.

    RFC 8259 section 6.
    """
    text = f'{{"alg":"ES256","exp":{number}}}'.encode()
    if place == "deep":
        text = f'{{"alg":"ES256","x":[{{"y":{number}}}]}}'.encode()
    assert refused(compact(header=text) if place == "header" else compact(payload=text))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "utf-8-sig"])
@pytest.mark.parametrize("place", ["header", "claims"])
def test_other_encodings_than_utf_8_are_malformed(encoding: str, place: str) -> None:
    """What ``json.loads(bytes)`` would detect by itself is refused.

    RFC 8259 section 8.1.
    """
    text = '{"alg":"ES256"}'.encode(encoding)
    assert refused(compact(header=text) if place == "header" else compact(payload=text))


@pytest.mark.parametrize("text", [b'{"sub":"\xff"}', b'{"sub":"\xc0\xaf"}', b"\x80"])
def test_invalid_utf_8_is_malformed(text: bytes) -> None:
    """Overlong forms and stray bytes are no UTF-8. RFC 8259 section 8.1."""
    assert refused(compact(payload=text))


def test_half_a_surrogate_pair_is_refused() -> None:
    """An escaped surrogate would be a str that cannot be sent anywhere."""
    assert refused(compact(payload=rb'{"sub":"\ud800"}'))
    assert parse(compact(payload=rb'{"sub":"\ud83d\ude00"}')).claims["sub"] == "😀"


@pytest.mark.parametrize("char", ["=", "+", "/", "?", " ", "\n", "~", "é", "\x00"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_characters_outside_base64url_are_malformed(char: str, at: int) -> None:
    """Wherever they are, and however many: skipped, they would be a second spelling.

    RFC 7515 section 2.
    """
    parts = compact(payload=b'{"sub":"alice"}').split(".")
    part = parts[at]
    for others in (char, char * 2, char * 3, char * 4):
        for changed in (part + others, others + part, part[:4] + others + part[4:]):
            assert refused(".".join([*parts[:at], changed, *parts[at + 1 :]]))


@pytest.mark.parametrize("stray", ["A", "AAAAA", "AB", "AAB", "_w_", "-_-"])
def test_stray_bits_are_refused(stray: str) -> None:
    """A second way to write the same bytes would be a second token."""
    with pytest.raises(ValueError, match=r"^stray bits$"):
        decode_segment(stray.encode())


@pytest.mark.parametrize("depth", [2_000, 20_000, 100_000])
@pytest.mark.parametrize("place", ["header", "claims"])
def test_deep_nesting_is_malformed(depth: int, place: str) -> None:
    """Arrays in arrays end in a refusal, never in RecursionError.

    RFC 8259 section 9.
    """
    nested = b"[" * depth + b"]" * depth
    text = b'{"alg":"ES256","x":' + nested + b"}"
    assert refused(compact(header=text) if place == "header" else compact(payload=text))


@pytest.mark.parametrize(
    "forms", [["[%s]"], ['{"a":%s}'], ["[%s]", '{"a":%s}'], ['{"a":1,"b":%s}']]
)
def test_64_levels_of_nesting_are_read_and_no_more(forms: list[str]) -> None:
    """Arrays and objects count alike; what lies beside them, or in a text, does not.

    RFC 8259 section 9.
    """
    text = "1"
    for level in range(63):
        text = forms[level % len(forms)] % text
    for outer in (
        "[%s]",
        '{"a":%s}',
        "[%s" + ",{}" * 99 + "]",
        '["' + "[{" * 99 + '",%s]',
    ):
        parse_json((outer % text).encode())
        with pytest.raises(ValueError, match=r"^nested too deep$"):
            parse_json((outer % f"[{text}]").encode())
        with pytest.raises(ValueError, match=r"^nested too deep$"):
            parse_json((outer % f'{{"a":{text}}}').encode())


@pytest.mark.parametrize("text", ["[]", '"x"', "1", "null", "true", "", "{", "{}{}"])
@pytest.mark.parametrize("place", ["header", "claims"])
def test_header_and_claims_must_be_json_objects(text: str, place: str) -> None:
    """Any other JSON value is no header and no set of claims. RFC 7519 section 7.2."""
    raw = text.encode()
    assert refused(compact(header=raw) if place == "header" else compact(payload=raw))


JSON_TYPES = ["1", "1.5", "true", "[]", '["ES256"]', "{}", '{"alg":"ES256"}']


@pytest.mark.parametrize("value", [*JSON_TYPES, "null"])
def test_an_alg_that_is_not_a_string_is_refused(value: str) -> None:
    """Only a string is an algorithm. RFC 7515 section 4.1.1."""
    assert refused(compact(header=f'{{"alg":{value}}}'.encode()))
    assert refused(compact(header=b'{"kid":"k"}'))


@pytest.mark.parametrize("name", ["kid", "typ"])
@pytest.mark.parametrize("value", [*JSON_TYPES, "null"])
def test_kid_and_typ_must_be_strings(name: str, value: str) -> None:
    """Only a string names a key or a type. RFC 7515 sections 4.1.4 and 4.1.9."""
    assert refused(compact(header=f'{{"alg":"ES256","{name}":{value}}}'.encode()))


@pytest.mark.parametrize("value", [*JSON_TYPES, "null", '["exp"]', '["b64"]', '""'])
def test_crit_of_any_type_is_refused(value: str) -> None:
    """We understand no extension, so none can be critical. RFC 7515 section 4.1.11."""
    header = f'{{"alg":"ES256","crit":{value}}}'.encode()
    assert refused(compact(header=header), "unsupported_critical")


def test_other_header_parameters_are_ignored() -> None:
    """What is not critical may be there. RFC 7515 section 4."""
    header = b'{"alg":"ES256","jku":"https://evil.example","x":{"y":[1]},"b64":true}'
    assert parse(compact(header=header)).header == ("ES256", None, "")


@pytest.mark.parametrize(
    "text",
    [b'{"alg":"ES256","alg":"none"}', b'{"alg":"ES256","x":{"a":1,"\\u0061":1}}'],
)
def test_a_member_twice_is_refused(text: bytes) -> None:
    """Parsers differ in which of two they take."""
    assert refused(compact(header=text))
    assert refused(compact(payload=text))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", ".....", "a.b.c.d", "é.é.é"])
def test_text_that_is_not_a_jws_is_malformed(token: str) -> None:
    """Opaque tokens, too few and too many segments."""
    assert refused(token)


def test_an_encrypted_token_is_told_from_garbage() -> None:
    """Five segments are a JWE, and the developer reads so."""
    assert refused("a.b.c.d.e", "encrypted")


def test_a_token_without_signature_has_an_empty_one() -> None:
    """No key makes the empty signature: it is parsed, and never verifies."""
    assert parse(compact(tail="")).signature == b""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a b", ["a", "b"]),
        (" a  b ", ["a", "b"]),
        ("a\u00a0b", ["a\u00a0b"]),
        ("a\tb\nc", ["a\tb\nc"]),
        (["a", "b c", 1, None, ""], ["a", "b c"]),
        ({"a": 1}, []),
        (1, []),
        (True, []),
        (None, []),
    ],
)
def test_scopes_are_split_at_spaces_only(value: Any, found: list[str]) -> None:
    """Other white space is part of a name; other types name nothing.

    RFC 6749 section 3.3.
    """
    assert list(names(value)) == found


def test_ordinary_json_is_read() -> None:
    """Numbers, escapes and white space as RFC 8259 has them."""
    assert parse_json(b' {"a": [1, -2.5e3, "\\u00e9"]} ') == {"a": [1, -2500.0, "é"]}


def test_brackets_in_a_text_nest_nothing() -> None:
    """A text is a text, however it looks."""
    assert parse_json(b'"' + b"[{" * 99 + b'"') == "[{" * 99


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"keys":[],"keys":[]}', "a member twice"),
        (b'{"keys":1e400}', "no finite number"),
        (b'{"keys":NaN}', "NaN or Infinity"),
        (b'{"keys":-Infinity}', "NaN or Infinity"),
        (b'{"keys":', r"Expecting value: line 1 column 9 \(char 8\)"),
        (b"{}{}", r"Extra data: line 1 column 3 \(char 2\)"),
        (b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
    ],
)
def test_it_is_said_what_is_wrong_with_a_document(text: bytes, message: str) -> None:
    """Who looks after the server reads it where keys or metadata cannot be had."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_json(text)


# What PyJWT refuses, we refuse.

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "exp", "x"]), JSON_VALUES, max_size=4
)


def _reads(token: str) -> Any:
    try:
        return parse(token)
    except InvalidTokenError:
        return None


@given(OBJECTS, OBJECTS, st.binary(max_size=70))
def test_every_token_we_read_pyjwt_reads_alike(
    header: Any, claims: Any, signature: bytes
) -> None:
    """The strict parser accepts a subset of PyJWT's, and finds the same in it."""
    header = {"alg": "ES256", **header}
    token = compact(
        json.dumps(header).encode(), json.dumps(claims).encode(), segment(signature)
    )
    found = _reads(token)
    if found is None:
        return
    other = jwt.api_jws.PyJWS().decode_complete(
        token, options={"verify_signature": False}
    )
    assert other["header"]["alg"] == found.header.alg
    assert other["header"].get("kid") == found.header.kid
    assert other["payload"] == found.payload
    assert other["signature"] == found.signature
    assert json.loads(other["payload"]) == found.claims


@given(st.text(alphabet=ALPHABET + ".=+/ ", max_size=60) | st.text(max_size=60))
def test_garbage_is_refused_and_never_crashes(text: str) -> None:
    """Whatever the text: a parsed token, or InvalidTokenError."""
    _reads(text)
    _reads(f"{segment(HEADER)}.{text}.AAAA")


@given(st.binary(max_size=60))
def test_arbitrary_bytes_in_a_segment_never_crash(content: bytes) -> None:
    """base64url of anything is refused, or read."""
    _reads(compact(header=content))
    _reads(compact(payload=content))


@given(st.binary(max_size=40))
def test_a_segment_has_one_spelling(content: bytes) -> None:
    """Decoding gives back what encoding took, and no other text gives the same."""
    text = segment(content)
    assert decode_segment(text.encode()) == content
    if text:
        for last in ALPHABET:
            changed = (text[:-1] + last).encode()
            try:
                same = decode_segment(changed) == content
            except ValueError:
                same = False
            assert same == (last == text[-1])


@pytest.mark.parametrize(
    ("token", "detail"),
    [("undefined", "the client's variable is not set"), ("abc", "lacks the two dots")],
)
def test_what_is_no_token_is_named_for_the_log(token: str, detail: str) -> None:
    """A word that a variable without a value becomes, or an opaque token."""
    with pytest.raises(InvalidTokenError) as caught:
        parse(token)
    assert detail in caught.value.detail
