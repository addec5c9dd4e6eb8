"""The session of a test kit: whose token it holds, and for which guard."""

from __future__ import annotations

import pytest

from jwtguard import AuthError, ConfigurationError
from jwtguard.testing import JWTIssuer
from tests.session_support import SECRET

SESSIONS = {"session_client": "www", "secrets": [SECRET]}


@pytest.mark.parametrize("url", ["https://other.example", None])
def test_a_guard_of_another_issuer_is_named(url: str | None) -> None:
    """The error says which guard to use, whether or not the issuers have one URL."""
    issuer = JWTIssuer()
    other = JWTIssuer(url or issuer.url)
    with pytest.raises(ConfigurationError, match="does not trust the issuer") as told:
        issuer.session(other.guard(**SESSIONS))
    assert told.value.__cause__ is None
    assert "session() of the issuer that the guard trusts" in str(told.value)


def test_a_token_that_the_guard_refuses_keeps_its_reason() -> None:
    """A token of the right issuer that is not valid is refused as in a request."""
    issuer = JWTIssuer()
    with pytest.raises(AuthError, match="expired"):
        issuer.session(issuer.guard(**SESSIONS), expires_in=-3600)


def test_a_guard_without_sessions_is_named() -> None:
    """The error says which settings are missing."""
    issuer = JWTIssuer()
    with pytest.raises(ConfigurationError, match="set session_client and secrets"):
        issuer.session(issuer.guard())


def test_a_token_that_ends_late_has_a_session() -> None:
    """Its end is cut off at the latest time that a session can name."""
    issuer = JWTIssuer()
    headers = issuer.session(issuer.guard(**SESSIONS), claims={"exp": 9 * 10**14})
    assert headers["Cookie"].startswith("__Host-")
