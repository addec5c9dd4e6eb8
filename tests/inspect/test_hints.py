"""Hints of ``jwtguard explain`` about text that is not a token."""

from __future__ import annotations

import pytest

from jwtguard.inspect.hints import of_form


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("eyJhbGciOiJSUzI1NiJ9", "has one part in place of three: it was cut"),
        ("eyJhbGciOiJSUzI1NiJ9.e30", "has two parts in place of three: it was cut"),
        ("eyJh.e30.x.y", "has 4 parts in place of three: something was added to it"),
    ],
)
def test_a_jwt_that_was_cut_is_not_called_opaque(token: str, said: str) -> None:
    """It begins with a JSON object in base64url, as no opaque token does."""
    assert of_form(token) == f"begins like a JWT, but {said}"
    assert of_form("abc.def").startswith("an opaque token")
