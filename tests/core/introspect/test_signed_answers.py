"""RFC 9701: answers that the issuer has signed for this API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from jwtguard.errors import AuthError, IntrospectionUnavailableError
from jwtguard.guard import Guard
from jwtguard.testing import OpaqueIssuer

TYPE = "token-introspection+jwt"
STRANGER = OpaqueIssuer("https://other.example", alg="ES256")


class Signing:
    """Wraps answers in a JWT: *changes* of its claims, *head* of its header."""

    def __init__(self, issuer: OpaqueIssuer) -> None:
        self.issuer = issuer
        self.changes: dict[str, Any] = {}
        self.head: dict[str, Any] = {}
        self.kind = f"application/{TYPE}"
        self.sign = issuer.sign
        self.text: bytes | None = None

    def __call__(self, found: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        claims = {
            "iss": self.issuer.url, "aud": "api", "iat": self.issuer.clock.time(),
            "token_introspection": dict(found), **self.changes,
        }  # fmt: skip
        present = {name: value for name, value in claims.items() if value is not None}
        made = self.sign(present, TYPE, self.head).encode()
        told = {"content-type": self.kind}
        return 200, told, made if self.text is None else self.text


@pytest.fixture
def signing() -> Signing:
    issuer = OpaqueIssuer(alg="ES256")
    issuer.reply = made = Signing(issuer)
    return made


def outcome(signing: Signing, audience: str = "") -> str:
    issuer = signing.issuer
    guard: Guard = issuer.guard(**({"audience": audience} if audience else {}))
    try:
        return guard.verify(issuer.opaque_token()).subject
    except IntrospectionUnavailableError:
        return "unavailable"
    except AuthError as error:
        return error.reason


def test_a_signed_answer_is_read(signing: Signing) -> None:
    """With the issuer's own key, and for the client that asks."""
    assert outcome(signing) == "alice"
    signing.changes = {"aud": signing.issuer.audience}
    assert outcome(signing) == "alice"
    assert outcome(signing, audience="unchecked") == "unavailable"
    signing.changes = {"aud": ["other", "api"]}
    signing.head = {"typ": f"application/{TYPE}"}
    assert outcome(signing) == "alice"


def test_a_signed_answer_may_be_no(signing: Signing) -> None:
    """Then the token is refused, as with a plain one."""
    signing.changes = {"token_introspection": {"active": False}}
    assert outcome(signing) == "inactive"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-api"},
        {"aud": None},
        {"aud": 5},
        {"iss": "https://other.example"},
        {"iss": None},
        {"iat": None},
        {"iat": True},
        {"iat": "1800000000"},
        {"iat": 9e12},
        {"token_introspection": None},
        {"token_introspection": [{"active": True}]},
        {"token_introspection": "eyJhbGciOiJub25lIn0.e30."},
        {"token_introspection": {"token_introspection": {"active": True}}},
        {"token_introspection": {"active": True, "token_introspection": {}}},
    ],
    ids=repr,
)
def test_an_answer_for_others_is_none(
    signing: Signing, changes: dict[str, Any]
) -> None:
    """Another audience or issuer, no time, or an answer inside an answer."""
    signing.changes = changes
    assert outcome(signing) == "unavailable"


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "logout+jwt", "", None])
def test_another_type_is_no_answer(signing: Signing, typ: str | None) -> None:
    """RFC 9701 section 5: an access token must not be read as an answer."""
    signing.head = {"typ": typ}
    assert outcome(signing) == "unavailable"


def test_another_key_is_no_answer(signing: Signing) -> None:
    """Neither a key of somebody else, nor a symmetric one, nor none."""
    signing.sign = STRANGER.sign
    assert outcome(signing) == "unavailable"
    own = signing.issuer.published[0]["kid"]
    key = ec.generate_private_key(ec.SECP256R1())
    for made in (
        lambda c, t, _: jwt.encode(c, key, "ES256", headers={"kid": own, "typ": t}),
        lambda c, t, _: jwt.encode(c, "k" * 40, "HS256", headers={"typ": t}),
        lambda c, t, _: jwt.encode(c, "", "none", headers={"typ": t}),
    ):
        signing.sign = made
        assert outcome(signing) == "unavailable"


@pytest.mark.parametrize("text", [b"", b"a.b", b"\xff.\xff.\xff", b"{}", b"a.b.c.d.e"])
def test_a_malformed_one_is_no_answer(signing: Signing, text: bytes) -> None:
    """Whatever its Content-Type says."""
    signing.text = text
    assert outcome(signing) == "unavailable"


@pytest.mark.parametrize("typ", [TYPE, "secevent+jwt"])
@pytest.mark.parametrize("accepted", [(), (TYPE, "secevent+jwt", "at+jwt")])
def test_an_answer_is_no_access_token(typ: str, accepted: tuple[str, ...]) -> None:
    """The same key signs both; whatever ``header_types`` says."""
    issuer = OpaqueIssuer(alg="ES256")
    types = {"header_types": accepted} if accepted else {}
    guard = issuer.guard(**types)
    for claims in ({}, {"token_introspection": {"active": True}}):
        head = typ if not claims else "at+jwt"
        with pytest.raises(AuthError) as caught:
            guard.verify(issuer.token(typ=head, claims=claims))
        assert caught.value.reason == "wrong_type"
