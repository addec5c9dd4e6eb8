"""Which answers of a token endpoint refuse our own client secret."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import TrustedIssuer
from jwtguard.core.model.effects import Incoming
from jwtguard.core.relay.own_secret import report_denied

URL = "https://id.example/realms/a/token?x=1"


def told(status: int, body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of one answer."""
    events: list[tuple[str, dict[str, Any]]] = []
    issuer = TrustedIssuer(url="https://id.example", audience="a")
    report_denied(
        Incoming(status, {}, body), URL, issuer, lambda e, **f: events.append((e, f))
    )
    return events


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client"])
def test_an_answer_about_the_client_is_reported(status: int, code: str) -> None:
    """With the host, the status and the code, and nothing else of the answer."""
    body = f'{{"error": "{code}", "error_description": "hush"}}'.encode()
    problem = f"id.example: status {status}, {code}"
    fields = {"issuer": "https://id.example", "problem": problem}
    assert told(status, body) == [("client_secret_denied", fields)]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error": "invalid_grant"}'),
        (401, b'{"error": "invalid_grant"}'),
        (401, b'{"error": ["invalid_client"]}'),
        (401, b'["invalid_client"]'),
        (401, b"invalid_client"),
        (401, b""),
        (200, b'{"error": "invalid_client"}'),
        (503, b'{"error": "invalid_client"}'),
    ],
)
def test_other_answers_say_nothing_about_the_secret(status: int, body: bytes) -> None:
    """A wrong password is often a 401 too."""
    assert told(status, body) == []
