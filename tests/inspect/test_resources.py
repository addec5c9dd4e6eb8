"""``jwtguard check`` reads the issuer's metadata as clients of the API will."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard.inspect.check_resources import resource_findings
from tests.inspect.test_check_logout import Announcing, guard_of

API = "https://api.example"
HERE = {"authorization_endpoint": "https://issuer.example/auth"}
PKCE = "code_challenge_methods_supported"


def notes(said: Mapping[str, Any], **settings: Any) -> list[str]:
    """Return what is noted about an issuer whose metadata say this."""
    guard = guard_of(Announcing(said), **{"resource": API, **settings})
    return [one.text for one in resource_findings(guard) if one.level == "note"]


@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256"])
def test_an_issuer_without_pkce(methods: Any) -> None:
    """Clients of MCP refuse to sign in where S256 is not announced."""
    (text,) = notes({**HERE, PKCE: methods})
    assert text.startswith("https://issuer.example: its metadata lacks S256")


def test_an_issuer_with_pkce() -> None:
    """Nothing is said of it, nor of one where nobody signs in by redirect."""
    assert notes({**HERE, PKCE: ["plain", "S256"]}) == []
    assert notes({}) == []


def test_without_a_resource_nobody_looks() -> None:
    """Clients find the issuer by the metadata of the API alone."""
    assert notes(HERE, resource=None) == []
