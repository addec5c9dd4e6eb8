"""Hints of ``jwtguard explain`` for text that is not an access token."""

from __future__ import annotations

import pytest

from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.hints import of_form
from jwtguard.testing import JWTIssuer


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


def test_an_id_token_gets_one_hint(jwt_issuer: JWTIssuer) -> None:
    """The rows that fail with it point to that one: no setting has to change."""
    token = jwt_issuer.id_token()
    rows = [one for one in explain(jwt_issuer.guard(), token) if not one.passed]
    assert rows[0].name == "kind"
    assert "send access_token" in rows[0].hint
    assert len(rows) > 1
    for row in rows[1:]:
        assert row.hint == "the row `kind` says why: this is another kind of token"
