"""Marks, choices and the credential of an issuer: what they may be."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ConfigurationError, TrustedIssuer

URL = "https://issuer.example"
NO_MARK = (
    'mark: must be a table of claim = value, like {kind = "access"}, or none if access '
    "tokens have no mark"
)
NO_CREDENTIAL = (
    "keys_authorization: must be a whole Authorization field, like Bearer TOKEN "
    "(not shown)"
)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"roles_from": "names"},
            "roles_from: 'names' is not valid; expected values or keys",
        ),
        ({"mark": "access"}, NO_MARK),
        ({"mark": {}}, NO_MARK),
        ({"mark": {"kind": ["access"]}}, NO_MARK),
        ({"mark": {"kind": None}}, NO_MARK),
        ({"mark": {"": "access"}}, NO_MARK),
        ({"mark": {1: "access"}}, NO_MARK),
        ({"keys_authorization": ""}, NO_CREDENTIAL),
        ({"keys_authorization": 5}, NO_CREDENTIAL),
        ({"keys_authorization": "s3cret"}, NO_CREDENTIAL),
        ({"keys_authorization": "Bearer s3cret\r\nX: y"}, NO_CREDENTIAL),
    ],
)
def test_a_wrong_value_is_refused(wrong: dict[str, Any], message: str) -> None:
    """The sentence says what to write, and never shows the credential."""
    with pytest.raises(ConfigurationError) as caught:
        TrustedIssuer(url=URL, audience="api", **wrong)
    assert caught.value.problems == (f"issuer {URL}: {message}",)
