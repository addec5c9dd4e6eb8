"""What a session holds survives its bytes, and no other bytes are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.session.record import Session, decoded
from jwtguard.testing import JWTIssuer

TIMES = st.integers(0, 2**40).map(lambda ms: ms / 1000)
TEXT = st.text(max_size=80)
JWT_LIKE = st.lists(
    st.sampled_from(["", "AA", "AB", "e30", "e31", "a", "-_8"]), max_size=7
)
TOKENS = TEXT | JWT_LIKE.map(".".join)
SESSIONS = st.builds(
    Session,
    id=st.binary(min_size=16, max_size=16),
    generation=st.integers(0, 2**32 - 1),
    issuer=TEXT,
    access=TOKENS,
    refresh=st.none() | TOKENS,
    obtained_at=TIMES,
    access_ends=TIMES,
    started_at=TIMES,
    ends_at=TIMES,
)


def session(**changes: object) -> Session:
    known: dict[str, object] = {
        "id": bytes(16), "generation": 0, "issuer": "https://issuer.example",
        "access": "a", "refresh": None, "obtained_at": 1.0, "access_ends": 301.0,
        "started_at": 1.0, "ends_at": 28801.0,
    }  # fmt: skip
    return Session(**{**known, **changes})  # type: ignore[arg-type]


@given(SESSIONS)
def test_every_session_survives(made: Session) -> None:
    """Tokens may have any form, as issuers may issue tokens other than JWTs."""
    assert decoded(made.encoded()) == made


@given(st.binary(max_size=300))
def test_other_bytes_are_a_value_error(data: bytes) -> None:
    """Only ``ValueError`` is raised, and only canonical encodings are accepted."""
    try:
        found = decoded(data)
    except ValueError:
        return
    assert found.encoded() == data


@given(SESSIONS, st.data())
def test_no_two_encodings_mean_the_same(made: Session, data: st.DataObject) -> None:
    """A changed byte gives another session, or a ``ValueError``."""
    encoded = bytearray(made.encoded())
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        assert decoded(bytes(encoded)) != made
    except ValueError:
        return


def test_a_jwt_is_kept_decoded() -> None:
    """The record stores bytes instead of base64url, which saves a quarter."""
    token = JWTIssuer().token(scope="notes:read notes:write " * 20)
    made = session(access=token)
    assert len(made.encoded()) < 0.78 * len(token) + 120
    assert decoded(made.encoded()).access == token


@pytest.mark.parametrize("time", [-1.0, float("nan"), float("inf"), 1e15])
def test_times_out_of_range_are_refused(time: float) -> None:
    """``encoded`` raises an error for a time that it cannot write."""
    with pytest.raises(ValueError, match="time"):
        session(access_ends=time).encoded()


def test_a_session_shows_no_token() -> None:
    """Its repr, which may be logged, contains no token."""
    made = session(access="secret-a", refresh="secret-r", id=b"i" * 16)
    assert "secret" not in repr(made)
    assert "iiii" not in repr(made)
    assert made.name.isalnum()
