"""Secrets: what counts as one, and the keys that are derived from it."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest

from jwtguard import ConfigurationError
from jwtguard.core.model.secret_keys import derive
from jwtguard.testing import JWTIssuer

ZERO_TO_31 = urlsafe_b64encode(bytes(range(32))).decode()
OTHER = urlsafe_b64encode(bytes(range(100, 140))).decode()


def by_rfc_5869(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 without salt, from the text of the RFC."""
    key = hmac.digest(bytes(32), secret, sha256)
    found = block = b""
    for counter in range(1, length // 32 + 2):
        block = hmac.digest(key, block + info + bytes([counter]), sha256)
        found += block
    return found[:length]


@pytest.mark.parametrize(
    ("label", "length", "expected"),
    [
        (
            "session",
            32,
            "ed3c1ccd4a7c823baa9b91b0f141229a4e766086fa5b03533f2fc6446eaa9375",
        ),
        ("nonce", 16, "5411916bf87190bf339b0bbd4d880788"),
    ],
)
def test_keys_never_change(label: str, length: int, expected: str) -> None:
    """What one version sealed, the next one must read."""
    assert [key.hex() for key in derive([ZERO_TO_31], label, length)] == [expected]


@pytest.mark.parametrize("length", [1, 32, 33, 64])
def test_keys_are_those_of_rfc_5869(length: int) -> None:
    """HKDF-SHA256: no salt, and the label as info."""
    assert derive([OTHER], "session", length) == (
        by_rfc_5869(bytes(range(100, 140)), b"jwtguard session", length),
    )


def test_each_use_and_each_secret_has_a_key_of_its_own() -> None:
    """In the order of the secrets: the first makes, all read."""
    both = derive([ZERO_TO_31, OTHER], "session")
    assert both == (*derive([ZERO_TO_31], "session"), *derive([OTHER], "session"))
    assert len({*both, *derive([ZERO_TO_31, OTHER], "nonce")}) == 4


def test_padding_makes_no_difference() -> None:
    """Base64url is written with and without it."""
    assert derive([ZERO_TO_31], "x") == derive([ZERO_TO_31.rstrip("=")], "x")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((), ()),
        (ZERO_TO_31, (ZERO_TO_31,)),
        ([ZERO_TO_31, OTHER, ZERO_TO_31], (ZERO_TO_31, OTHER)),
    ],
)
def test_a_policy_keeps_secrets_in_order(given: Any, kept: tuple[str, ...]) -> None:
    """One or more, each once."""
    assert JWTIssuer().policy(secrets=given).secrets == kept


def test_random_bytes_are_never_taken_for_a_weak_secret() -> None:
    """What `jwtguard secret` prints is one."""
    made = [secrets.token_urlsafe(32) for _ in range(1000)]
    assert JWTIssuer().policy(secrets=made).secrets == tuple(made)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["hunter2"], "number 1: 5 bytes are too few; at least 32"),
        ([ZERO_TO_31, "hunter2hunter2!"], "number 2: not valid base64url"),
        (["A" * 43], "number 1: not random"),
        (["A" * 41], "number 1: not valid base64url"),
        ([ZERO_TO_31[:42]], "number 1: 31 bytes are too few; at least 32"),
        ([ZERO_TO_31.replace("_", "/").replace("-", "+") + "+/"], "number 1: not"),
        ([None], "number 1: not valid base64url"),
        ([b"x" * 43], "number 1: not valid base64url"),
        (7, "must be a list of strings"),
        ({"hunter2": 1}, "must be a list of strings"),
        (b"hunter2", "must be a list of strings"),
    ],
)
def test_a_weak_secret_is_refused_and_not_repeated(given: Any, problem: str) -> None:
    """The text counts secrets, and says how to make one."""
    with pytest.raises(ConfigurationError) as found:
        JWTIssuer().policy(secrets=given)
    (text,) = found.value.problems
    assert problem in text
    assert "hunter2" not in text
    assert ZERO_TO_31[:42] not in text


def test_secrets_are_never_shown() -> None:
    """Neither is the URL of the store: it may hold a password."""
    made = JWTIssuer().policy(secrets=ZERO_TO_31, state="redis://:hunter2@cache")
    assert ZERO_TO_31 not in repr(made)
    assert "hunter2" not in repr(made)
