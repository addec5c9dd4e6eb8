"""What ``check`` and ``explain`` say of the pages of a client."""

from __future__ import annotations

import pytest

from jwtguard import Client, Guard
from jwtguard.core.respond.near_misses import of_origin
from jwtguard.inspect.check_policy import check
from jwtguard.testing import JWTIssuer

CLIENTS = (
    Client(id="batch"),
    Client(
        id="spa",
        origins="https://www.example",
        origin_patterns="https://app-*.preview.example.com",
    ),
)


def test_check_says_who_can_have_a_page(jwt_issuer: JWTIssuer) -> None:
    """A pattern is a note: the owner of the domain decides."""
    policy = jwt_issuer.policy(clients=CLIENTS)
    guard = Guard(policy, clock=jwt_issuer.clock, transport=jwt_issuer.transport)
    (found,) = [one for one in check(guard) if "can publish" in one.text]
    assert (found.level, found.what) == ("note", "client spa")
    assert "https://app-*.preview.example.com" in found.text


@pytest.mark.parametrize(
    ("origin", "client_id", "expected"),
    [
        ("https://app-1.preview.example.com", "batch", "belongs to client spa"),
        ("https://app-1.x.example.com", "spa", "does not fit https://app-*"),
        ("https://www.example:444", "spa", "another port"),
    ],
)
def test_explain_names_the_pattern(origin: str, client_id: str, expected: str) -> None:
    """That fits, or that does not."""
    assert expected in of_origin(origin, client_id, CLIENTS)
