"""RFC 7517: which members of a key set verify, and that the others do no harm."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_decode, base64url_encode

from jwtguard.core.model.jwk import MAX_TRIED, Key
from jwtguard.core.model.jwk_set import (
    MAX_KEYS,
    parse_given,
    parse_jwk_set,
    parse_members,
)

PRIVATE_RSA = rsa.generate_private_key(65537, 2048)
PRIVATE_EC = ec.generate_private_key(ec.SECP256R1())
PRIVATE_ED = ed25519.Ed25519PrivateKey.generate()
RSA_JWK: dict[str, Any] = RSAAlgorithm.to_jwk(PRIVATE_RSA.public_key(), as_dict=True)
EC_JWK: dict[str, Any] = ECAlgorithm.to_jwk(PRIVATE_EC.public_key(), as_dict=True)
ED_JWK: dict[str, Any] = OKPAlgorithm.to_jwk(PRIVATE_ED.public_key(), as_dict=True)
for _jwk in (RSA_JWK, EC_JWK, ED_JWK):
    _jwk.pop("key_ops", None)
GOOD = {**EC_JWK, "kid": "good"}


def number(value: int) -> str:
    size = (value.bit_length() + 7) // 8
    return base64url_encode(value.to_bytes(size, "big")).decode()


def usable(member: Any) -> Key | None:
    """Return the key of *member*, published beside a good one that must survive."""
    found = parse_members({"keys": [member, GOOD]})
    assert found.by_kid["good"]
    assert len(found.keys) + found.skipped == 2
    return found.keys[0] if len(found.keys) == 2 else None


def exactly(message: str | None) -> str:
    """Match *message* and nothing else; None: whatever a library says."""
    return "." if message is None else rf"\A{re.escape(message)}\Z"


def signed(alg: str) -> tuple[bytes, bytes]:
    private: Any = PRIVATE_EC
    if alg[:2] in ("RS", "PS"):
        private = PRIVATE_RSA
    elif alg in ("EdDSA", "Ed25519"):
        private, alg = PRIVATE_ED, "EdDSA"
    head, body, _ = (token := jwt.encode({}, private, alg)).split(".")
    signature = jwt.api_jws.PyJWS().decode_complete(
        token, options={"verify_signature": False}
    )["signature"]
    return f"{head}.{body}".encode(), signature


@pytest.mark.parametrize(
    ("member", "algorithms"),
    [
        (RSA_JWK, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ({**RSA_JWK, "alg": "PS256"}, {"PS256"}),
        ({**RSA_JWK, "use": "sig", "key_ops": ["verify"]}, None),
        (EC_JWK, {"ES256"}),
        (ED_JWK, {"EdDSA", "Ed25519"}),
        ({**ED_JWK, "alg": "EdDSA"}, {"EdDSA", "Ed25519"}),
        ({**ED_JWK, "alg": "Ed25519"}, {"EdDSA", "Ed25519"}),
        ({**EC_JWK, "x5c": 1, "unknown": {}}, {"ES256"}),
    ],
)
def test_a_key_verifies_with_its_own_algorithms(
    member: dict[str, Any], algorithms: set[str] | None
) -> None:
    """The key type fits some algorithms, and ``alg`` narrows them."""
    key = usable(member)
    assert key is not None
    assert algorithms is None or key.algorithms == algorithms
    for alg in key.algorithms:
        text, signature = signed(alg)
        assert key.verifies(alg, text, signature)
        assert not key.verifies(alg, text + b"x", signature)
        assert not key.verifies(alg, text, signature[:-1])
        assert not key.verifies(alg, text, b"")


@pytest.mark.parametrize("curve", [("P-384", "ES384"), ("P-521", "ES512")])
def test_each_curve_has_one_algorithm(curve: tuple[str, str]) -> None:
    """RFC 7518 section 3.4."""
    made = {"P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[curve[0]]
    public = ec.generate_private_key(made).public_key()
    key = usable(ECAlgorithm.to_jwk(public, as_dict=True))
    assert key is not None
    assert key.algorithms == {curve[1]}


WEAK = rsa.generate_private_key(65537, 1024)
WEAK_JWK = RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True)
N = PRIVATE_RSA.public_key().public_numbers().n
MODULI = [0, 1, 2**1023, 2**2047 - 1, 2**8192 + 1, 2**100000 + 1]
EXPONENTS = [0, 1, 2, 4, 65536, 2**32 + 1, 2**64 + 1, 2**2000 + 1, 2**60000 + 1]


@pytest.mark.parametrize("e", [3, 5, 17, 65537, 2**31 + 11, 2**32 - 1])
def test_a_good_exponent_is_usable(e: int) -> None:
    """Odd, from 3 to 32 bits: issuers use them."""
    assert usable({"kty": "RSA", "n": number(N), "e": number(e)}) is not None


@pytest.mark.parametrize("e", EXPONENTS, ids=range(len(EXPONENTS)))
def test_an_rsa_exponent_out_of_range_is_unusable(e: int) -> None:
    """1, even, zero or huge: skipped, quickly, without an exception.

    RFC 8017 section 3.1.
    """
    assert usable({"kty": "RSA", "n": number(N), "e": number(e) or "AA"}) is None


@pytest.mark.parametrize("n", [2**2047 + 1, 2**8192 - 1], ids=["2048", "8192"])
def test_a_modulus_of_2048_to_8192_bits_is_usable(n: int) -> None:
    """Both ends belong to it."""
    assert usable({"kty": "RSA", "n": number(n), "e": "AQAB"}) is not None


@pytest.mark.parametrize("n", MODULI, ids=range(len(MODULI)))
def test_an_rsa_modulus_too_small_or_large_is_unusable(n: int) -> None:
    """Under 2048 bits nothing verifies; over 8192 it would only cost time.

    RFC 7518 section 3.3.
    """
    assert usable({"kty": "RSA", "n": number(n) or "AA", "e": "AQAB"}) is None
    assert usable(WEAK_JWK) is None


ROCA = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


def chip_made(power: int, but: int = 0) -> int:
    """Return a modulus that is a power of 65537 modulo each prime, *but* for one."""
    n, step = 2**2047 + 1, 2
    for p in ROCA:
        powers = {pow(65537, any_power, p) for any_power in range(p)}
        while n % p in powers if p == but else n % p != pow(65537, power, p):
            n += step
        step *= p
    return n


@pytest.mark.parametrize("power", [0, 1, 2, 12345])
def test_a_modulus_that_can_be_factored_is_unusable(power: int) -> None:
    """CVE-2017-15361: whichever power of 65537 the chip made it of."""
    n = chip_made(power)
    assert usable({"kty": "RSA", "n": number(n), "e": "AQAB"}) is None


@pytest.mark.parametrize("prime", ROCA)
def test_a_modulus_that_the_chip_cannot_have_made_is_usable(prime: int) -> None:
    """One prime that does not fit is enough: nobody's good key is refused."""
    n = chip_made(1, but=prime)
    assert usable({"kty": "RSA", "n": number(n), "e": "AQAB"}) is not None


def shifted(jwk: dict[str, Any]) -> tuple[str, str]:
    """Return x and y of the same point, cut a byte too early."""
    x, y = (base64url_decode(jwk[name]) for name in "xy")
    return base64url_encode(x[:-1]).decode(), base64url_encode(x[-1:] + y).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},  # rule 14
        {"use": ["sig"]},
        {"use": ""},
        {"key_ops": []},  # rule 13
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"key_ops": {"verify": 1}},
        {"alg": "RS384", "kty": "EC"},  # rule 12
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": ""},
        {"alg": 1},
        {"alg": ["ES256"]},
        {"kid": 1},
        {"kid": ["a"]},
        {"kty": 1},
        {"kty": None},
        {"kty": "ec"},
        {"kty": ["EC"]},
        {"crv": 1},
        {"crv": ["P-256"]},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"x": 1},
        {"x": ""},
        {"x": None},
        {"x": EC_JWK["x"] + "="},
        {"x": "é"},
        {"x": "AA"},
        {"x": "AA" + EC_JWK["x"]},
        dict(zip("xy", shifted(EC_JWK), strict=True)),
        {"y": EC_JWK["x"]},
        *({"x": EC_JWK["x"][:-4] + c * 4 + EC_JWK["x"][-4:]} for c in "=+/ \n"),
        {"d": "AA"},
        {"k": "AA"},
    ],
)
def test_a_key_with_members_that_do_not_fit_is_skipped(
    change: dict[str, Any],
) -> None:
    """The good key beside it works. RFC 7517 section 5."""
    assert usable({**EC_JWK, **change}) is None


@pytest.mark.parametrize(
    "member",
    [
        None,
        1,
        "x",
        [],
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": RSA_JWK["n"], "e": "A+AB"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "OKP", "crv": "X25519", "x": ED_JWK["x"]},
        {"kty": "OKP", "crv": "Ed448", "x": ED_JWK["x"]},
        {"kty": "OKP"},
        {**ED_JWK, "x": "AA"},
        {**ED_JWK, "alg": "ES256"},
        {"kty": "oct", "k": "c2VjcmV0"},  # rule 15
        {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "use": "sig"},
        {**RSA_JWK, "alg": "HS256"},
        {**RSA_JWK, "alg": "RSA-OAEP"},
        json.loads(RSAAlgorithm.to_jwk(PRIVATE_RSA)),
    ],
)
def test_an_element_that_is_not_a_public_key_is_skipped(member: Any) -> None:
    """Symmetric, private, incomplete, or no object at all. RFC 7517 section 5."""
    assert usable(member) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", None),
        (b"[]", "a JWK set must be a JSON object"),
        (b"null", "a JWK set must be a JSON object"),
        (b"{}", "keys is not an array"),
        (b'{"keys":null}', "keys is not an array"),
        (b'{"keys":"x"}', "keys is not an array"),
        (b'{"keys":{}}', "keys is not an array"),
        (b'{"keys":[]}', "no usable keys"),
        (b'{"keys":[{}]}', "no usable keys"),
        (b'{"keys":[NaN]}', "NaN or Infinity"),
        (b'{"keys":[],"keys":[]}', "a member twice"),
        (b"\xff", None),
        (b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"keys":[' + b"9" * 5000 + b"]}", None),
    ],
)
def test_a_malformed_key_set_is_a_value_error(text: bytes, message: str | None) -> None:
    """The fetch has failed, and it is said why; nothing else can escape.

    RFC 7517 section 5.1.
    """
    with pytest.raises(ValueError, match=exactly(message)):
        parse_jwk_set(text)


def test_a_set_is_read_from_its_document() -> None:
    """Usable keys in order; how many were left out."""
    found = parse_jwk_set(json.dumps({"keys": [GOOD, {}, RSA_JWK]}).encode())
    assert [key.kid for key in found.keys] == ["good", None]
    assert found.skipped == 1


def test_a_huge_set_is_read_in_part() -> None:
    """No more than MAX_KEYS members cost time."""
    found = parse_members({"keys": [GOOD, *[None] * (2 * MAX_KEYS)]})
    assert len(found.keys) + found.skipped == MAX_KEYS


def test_the_material_is_that_of_the_key_not_of_its_name() -> None:
    """A key renamed is the same key; another under its name is not."""
    one, other = usable(EC_JWK), usable({**EC_JWK, "kid": "x"})
    third = usable({**ED_JWK, "kid": "x"})
    assert one is not None
    assert other is not None
    assert third is not None
    assert one.material == other.material != third.material


def selected(keys: list[Mapping[str, Any]], kid: str | None, kidless: str) -> int:
    return len(parse_members({"keys": keys}).select("ES256", kid, kidless))


def test_a_kid_decides_where_keys_have_names() -> None:
    """Every key of that name that fits is tried, and no other."""
    named = {**EC_JWK, "kid": "a"}
    assert selected([named, GOOD], "a", "try") == 1
    assert selected([named, named], "a", "never") == 2
    assert selected([named, GOOD], "b", "try") == 0
    other = {**ED_JWK, "kid": "a"}
    assert selected([other, GOOD], "a", "try") == 0
    assert selected([other, named], "a", "never") == 1
    assert selected([named, other], "a", "never") == 1
    assert selected([named] * 20, "a", "never") == MAX_TRIED


@pytest.mark.parametrize(("kidless", "tried"), [("never", 0), ("one", 0), ("try", 8)])
def test_without_kid_the_setting_decides(kidless: str, tried: int) -> None:
    """``one`` needs exactly one fitting key, ``try`` takes up to eight."""
    assert selected([GOOD] * 9, None, kidless) == tried
    assert selected([EC_JWK, ED_JWK], None, "one") == 1
    assert selected([EC_JWK, ED_JWK], "any", "one") == 1
    assert selected([ED_JWK], None, "try") == 0


def pem(private: Any) -> str:
    return public_pem(private.public_key())


def public_pem(public: Any) -> str:
    form = PublicFormat.SubjectPublicKeyInfo
    text: str = public.public_bytes(Encoding.PEM, form).decode()
    return text


def rsa_pem(n: int, e: int) -> str:
    return public_pem(rsa.RSAPublicNumbers(e, n).public_key())


def test_keys_can_be_given_in_each_form() -> None:
    """A JWK set, one JWK, their JSON text, or PEM blocks with text around them."""
    for given in (
        {"keys": [EC_JWK]},
        EC_JWK,
        json.dumps(EC_JWK),
        json.dumps({"keys": [EC_JWK]}),
        pem(PRIVATE_EC).replace("\n", "\\n"),
        pem(PRIVATE_EC).replace("\n", "\\r\\n"),
        f"# ours\n{pem(PRIVATE_EC)}\n# its PRIVATE half is elsewhere\n\n",
    ):
        (key,) = parse_given(given).keys
        assert key.algorithms == {"ES256"}
    several = parse_given(pem(PRIVATE_EC) + pem(PRIVATE_RSA) + pem(PRIVATE_ED))
    assert len(several.keys) == 3


def test_a_certificate_gives_its_key() -> None:
    """What operators have at hand is often a certificate."""
    key, text = parse_given(_certificate()), _certificate()
    assert key.keys[0].algorithms == {"ES256"}
    with pytest.raises(ValueError, match=r"."):
        parse_given(text.replace("M", "?"))


def test_a_kind_of_key_that_is_not_known_is_skipped_in_pem() -> None:
    """Whatever the installed version of cryptography says about it."""
    der = b64decode("".join(_certificate().splitlines()[1:-1]))
    # The object identifier of elliptic curves, changed likewise.
    other = der.replace(
        b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x02\x7b"
    )
    assert other != der
    certificate = UNKNOWN_KIND.replace("PUBLIC KEY", "CERTIFICATE")
    certificate = certificate.replace(UNKNOWN_DER, b64encode(other).decode())
    found = parse_given("\n".join((UNKNOWN_KIND, certificate, pem(PRIVATE_EC))))
    assert len(found.keys) == 1
    assert found.skipped == 2


def _certificate() -> str:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(PRIVATE_EC.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(PRIVATE_EC, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


# The object identifier of Ed25519, changed into one that nobody has given away.
UNKNOWN_DER = b64encode(
    PRIVATE_ED.public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    .replace(b"\x2b\x65\x70", b"\x2b\x65\x7b")
).decode()
UNKNOWN_KIND = f"-----BEGIN PUBLIC KEY-----\n{UNKNOWN_DER}\n-----END PUBLIC KEY-----"


NULL_ED = ed25519.Ed25519PublicKey.from_public_bytes(bytes(32))
UNUSABLE = "no usable keys"
CUT_OFF = (
    "the PEM text has no END line, so it was cut off, as some env files do at a line "
    "break; write \\n for each, or use JWTGUARD_KEYS_FILE"
)
UNREADABLE = (
    "neither a JWK set (JSON) nor PEM text; a path belongs in JWTGUARD_KEYS_FILE"
)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[]", UNREADABLE),
        ("nonsense", UNREADABLE),
        (5, UNREADABLE),
        ("{}", "keys is not an array"),
        ('{"keys":[]}', UNUSABLE),
        ("-----BEGIN PUBLIC KEY-----", CUT_OFF),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", None),
        (pem(WEAK), "RSA modulus out of range"),
        (rsa_pem(N, 2**32 + 1), "RSA exponent out of range"),
        (rsa_pem(chip_made(1), 65537), "an RSA key whose private half can be computed"),
        (public_pem(NULL_ED), "an Ed25519 key of small order"),
        (UNKNOWN_KIND, UNUSABLE),
        (pem(ec.generate_private_key(ec.SECP256K1())), UNUSABLE),
        (pem(ed448.Ed448PrivateKey.generate()), UNUSABLE),
        (pem(dsa.generate_private_key(2048)), UNUSABLE),
        ({"kty": "oct", "k": "c2VjcmV0"}, UNUSABLE),
        (json.loads(RSAAlgorithm.to_jwk(PRIVATE_RSA)), UNUSABLE),
    ],
)
def test_given_keys_that_cannot_be_used_are_a_value_error(
    given: Any, message: str | None
) -> None:
    """The operator reads what is wrong with them at start-up."""
    with pytest.raises(ValueError, match=exactly(message)):
        parse_given(given)


def test_a_private_key_in_pem_is_refused_by_name() -> None:
    """It has no business on a resource server."""
    text = PRIVATE_EC.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()
    message = "a private key: only public keys belong here"
    with pytest.raises(ValueError, match=exactly(message)):
        parse_given(text)
