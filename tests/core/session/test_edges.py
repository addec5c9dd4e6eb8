"""Values that no session has: each is refused, or bounded."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.core.session.latest import MOST, Latest
from jwtguard.core.session.packing import Reader, blob_of, packed
from jwtguard.core.session.record import Session, decoded
from jwtguard.core.session.token_answers import expiry


def session(**changes: Any) -> Session:
    """Return a session, changed."""
    known: dict[str, Any] = {
        "id": bytes(16), "generation": 1, "issuer": "https://issuer.example",
        "access": "a", "refresh": None, "obtained_at": 1.0, "access_ends": 301.0,
        "started_at": 1.0, "ends_at": 28801.0,
    }  # fmt: skip
    return Session(**{**known, **changes})


def test_an_id_has_one_length() -> None:
    """An id of another length would shift the next field."""
    with pytest.raises(ValueError, match="id"):
        session(id=b"short").encoded()


def test_another_version_is_not_a_session() -> None:
    """A later version of the package may have written it."""
    data = session().encoded()
    with pytest.raises(ValueError, match="version"):
        decoded(b"\x09" + data[1:])


def test_a_session_has_an_access_token_and_nothing_behind_it() -> None:
    """Bytes that another version of the package, or nobody, has written."""
    data = session().encoded()
    without = data.replace(packed("a") + packed(None), packed(None) + packed(None))
    assert len(without) < len(data)
    for bad in (without, data + b"x"):
        with pytest.raises(ValueError, match="not a session"):
            decoded(bad)


def test_a_session_has_one_encoding() -> None:
    """A JWT that is kept as text is refused: the parts of a JWT are kept decoded."""
    data = session(access="e30.e30").encoded()
    as_text = b"\x00" + blob_of(b"e30.e30")
    other = data.replace(packed("e30.e30"), as_text)
    assert other != data
    with pytest.raises(ValueError, match="canonical encoding"):
        decoded(other)


def test_a_field_has_a_longest_length() -> None:
    """The length of a field is stored in three bytes."""
    with pytest.raises(ValueError, match="too long"):
        blob_of(bytes(1 << 24))


def test_an_unknown_kind_of_token_is_refused() -> None:
    """The guard never writes such bytes."""
    with pytest.raises(ValueError, match="kind"):
        Reader(b"\xf0").token()


@pytest.mark.parametrize("value", [None, True, "1", [], float("nan"), -1, 1e12])
def test_an_expiry_is_a_time(value: Any) -> None:
    """The session cannot store other values."""
    assert expiry({"exp": value}) is None
    assert expiry({"exp": 5}) == 5.0


def test_what_is_known_of_generations_is_bounded() -> None:
    """The oldest are dropped; an older cookie may then be sent once."""
    latest = Latest()
    for number in range(MOST + 1):
        latest.note(session(id=number.to_bytes(16, "big"), generation=7))
    assert latest.is_latest(session(id=(0).to_bytes(16, "big")))
    assert not latest.is_latest(session(id=(1).to_bytes(16, "big")))
