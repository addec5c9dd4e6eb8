"""What is sealed can be read by this application alone, and for one use alone."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.model.sealing import (
    OVERHEAD,
    Sealer,
    UnknownSecretError,
    UnsealError,
)
from tests.session_support import OTHER_SECRET, SECRET

SEALER = Sealer((SECRET,), secrets.token_bytes)


@given(st.binary(max_size=400), st.text(max_size=20), st.binary(max_size=32))
def test_what_was_sealed_opens(data: bytes, context: str, own: bytes) -> None:
    """The use and the additional key have to be the same."""
    sealed = SEALER.seal(data, context, own)
    assert SEALER.open(sealed, context, own) == data
    assert len(sealed) == len(data) + OVERHEAD


@given(st.binary(max_size=120), st.data())
def test_a_changed_byte_does_not_open(data: bytes, draws: st.DataObject) -> None:
    """This holds for the version, the tag, the salt, the message and the seal."""
    sealed = bytearray(SEALER.seal(data, "cookie"))
    at = draws.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= draws.draw(st.integers(1, 255))
    with pytest.raises(UnsealError):
        SEALER.open(bytes(sealed), "cookie")


@given(st.binary(max_size=200))
def test_other_bytes_do_not_open(data: bytes) -> None:
    """Without a secret, an attacker cannot create a message that opens."""
    with pytest.raises(UnsealError):
        SEALER.open(data, "cookie")


@given(st.integers(0, 120))
def test_a_cut_message_does_not_open(length: int) -> None:
    """A message that lacks a single byte does not open."""
    sealed = SEALER.seal(bytes(100), "cookie")
    with pytest.raises(UnsealError):
        SEALER.open(sealed[: min(length, len(sealed) - 1)], "cookie")


def test_it_opens_for_its_site_only() -> None:
    """Two sites that share a secret must not share sessions."""
    one, other = (Sealer((SECRET,), secrets.token_bytes, site) for site in ("a", "ab"))
    sealed = one.seal(b"x", "bc")
    assert one.open(sealed, "bc") == b"x"
    for context in ("bc", "c"):
        with pytest.raises(UnsealError):
            other.open(sealed, context)


def test_it_opens_for_its_use_and_with_its_key_only() -> None:
    """A cookie with another name does not open, nor a record without its cookie."""
    sealed = SEALER.seal(b"x", "cookie a", b"k" * 32)
    for context, own in [("cookie b", b"k" * 32), ("cookie a", b""), ("", b"k" * 32)]:
        with pytest.raises(UnsealError):
            SEALER.open(sealed, context, own)


def test_secrets_are_rotated() -> None:
    """The first secret seals, and all open; a removed secret has its own error."""
    old, new = (Sealer((one,), secrets.token_bytes) for one in (SECRET, OTHER_SECRET))
    both = Sealer((OTHER_SECRET, SECRET), secrets.token_bytes)
    assert both.open(old.seal(b"x", "c"), "c") == b"x"
    assert new.open(both.seal(b"x", "c"), "c") == b"x"
    with pytest.raises(UnknownSecretError):
        new.open(old.seal(b"x", "c"), "c")


def test_no_message_looks_like_another() -> None:
    """Each message has a new salt, and therefore a new key and nonce."""
    sealed = [SEALER.seal(b"the same", "c") for _ in range(50)]
    assert len({one[5:21] for one in sealed}) == 50
    assert len({one[21:] for one in sealed}) == 50


def test_a_salt_of_the_same_bytes_gives_the_same_message() -> None:
    """Only the argument *random* makes messages differ."""
    fixed = Sealer((SECRET,), bytes)
    assert fixed.seal(b"x", "c") == fixed.seal(b"x", "c")
