"""RFC 7662 section 2.2: which answers are answers, and which are failures."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.core.introspect.answers import (
    BusyError,
    DeniedError,
    OneTokenError,
    check_status,
    claims_of,
    plain_document,
)
from jwtguard.core.model.effects import (
    FetchFailedError,
    Incoming,
    UnusableAnswerError,
)

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", DeniedError),
        (403, b"", DeniedError),
        (400, b'{"error": "invalid_client"}', DeniedError),
        (400, b'{"error": "unauthorized_client"}', DeniedError),
        (400, b'{"error": "invalid_request"}', OneTokenError),
        (400, b"not JSON", OneTokenError),
        (400, b"[]", OneTokenError),
        (413, b"", OneTokenError),
        (302, b"", UnusableAnswerError),
        (404, b"", UnusableAnswerError),
        (429, b"", UnusableAnswerError),
        (500, b'{"error": 5}', UnusableAnswerError),
        (204, b"", UnusableAnswerError),
    ],
)
def test_other_statuses_are_failures(status: int, body: bytes, kind: type) -> None:
    """Wrong credentials of ours, a token that cannot be asked about, or an outage."""
    with pytest.raises(FetchFailedError) as caught:
        check_status(Incoming(status, {}, body), NOW)
    assert type(caught.value) is kind
    assert f"status {status}" in str(caught.value)


def test_200_is_an_answer() -> None:
    """And nothing else is."""
    check_status(Incoming(200, {}, b""), NOW)


def test_a_wait_is_kept() -> None:
    """429 and 503 may both say how long."""
    for status in (429, 503):
        got = Incoming(status, {"retry-after": "9"}, b"")
        with pytest.raises(BusyError) as caught:
            check_status(got, NOW)
        assert caught.value.retry_after == 9


@pytest.mark.parametrize(
    "value", ["true", "True", 1, 1.0, [True], {}, None, False, "absent"]
)
def test_only_true_is_active(value: Any) -> None:
    """Any other value, and a missing one, mean that the token is not."""
    document = {"active": value, "sub": "a"}
    if value == "absent":
        del document["active"]
    assert claims_of(document) is None


def test_claims_are_the_rest() -> None:
    """``active`` is no claim."""
    assert claims_of({"active": True, "sub": "a"}) == {"sub": "a"}


@pytest.mark.parametrize("document", [[], "active", None, 5, [{"active": True}]])
def test_what_is_no_object_is_a_failure(document: Any) -> None:
    """Such an answer says nothing about the token."""
    with pytest.raises(UnusableAnswerError):
        claims_of(document)


@pytest.mark.parametrize(
    ("kind", "body", "good"),
    [
        ("application/json", b"{}", True),
        ("Application/JSON; charset=utf-8", b"{}", True),
        ("", b"{}", True),
        ("text/html", b"{}", False),
        ("application/jwt", b"{}", False),
        ("application/json", b"<html>", False),
        ("application/json", b'{"a": 1, "a": 2}', False),
        ("application/json", b"", False),
    ],
)
def test_an_answer_is_json(kind: str, body: bytes, good: bool) -> None:
    """By its type and by what it is; a login page is neither."""
    got = Incoming(200, {"content-type": kind} if kind else {}, body)
    if good:
        assert plain_document(got) == {}
        return
    with pytest.raises(UnusableAnswerError):
        plain_document(got)
