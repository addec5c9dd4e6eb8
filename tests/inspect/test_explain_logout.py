"""``explain`` says what a logout path would do with a logout token."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.core.verify.logout import CHECKS
from jwtguard.inspect.explain_logout import ROWS
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check
from jwtguard.testing import FakeClock, JWTIssuer

PATH = "/oidc/logout"


@pytest.fixture
def jwt_clock() -> FakeClock:
    """A clock without fractions of a second."""
    return FakeClock(1_800_000_000)


def rows(issuer: JWTIssuer, token: str, **settings: Any) -> dict[str, Check]:
    guard: Guard = issuer.guard(**{"logout_paths": PATH, **settings})
    return {one.name: one for one in explain(guard, token)}


def test_every_check_of_the_table_has_words() -> None:
    """A check that is added to the table is explained, too."""
    assert list(ROWS) == [check.name for check in CHECKS]


def test_the_rows_are_those_of_the_logout_flow(jwt_issuer: JWTIssuer) -> None:
    """They have the same order, followed by what would end."""
    found = rows(jwt_issuer, jwt_issuer.logout_token())
    assert list(found) == [
        "size", "form", "issuer", "algorithm", "key", "signature", "logout", "kind",
        "type", "events", "nonce", "audience", "times", "names", "ends",
    ]  # fmt: skip
    assert all(one.passed for one in found.values())
    assert PATH in found["logout"].found
    assert found["ends"].found == (
        "all tokens of sub alice of https://issuer.example, "
        "for tokens issued until 2027-01-15 08:00:30"
    )


@pytest.mark.parametrize(
    ("profile", "claims", "ends", "hint"),
    [
        ("keycloak", {"sid": "s1"}, "the session s1", "without this sid stay valid"),
        ("keycloak", {}, "all tokens of sub alice", ""),
        ("generic", {"sid": "s1"}, "all tokens of sub alice", "session would end only"),
        ("generic", {"sid": "s1", "sub": None}, "the session s1", ""),
    ],
)
def test_what_ends_depends_on_logout_of_the_issuer(
    profile: str, claims: Any, ends: str, hint: str, jwt_clock: FakeClock
) -> None:
    """The hint names the setting."""
    issuer = JWTIssuer(profile=profile, clock=jwt_clock)
    found = rows(issuer, issuer.logout_token(claims=claims))["ends"]
    assert found.found.startswith(f"{ends} of {issuer.url}")
    assert hint in found.hint
    assert bool(hint) == bool(found.hint)


def test_every_obstacle_is_shown(jwt_issuer: JWTIssuer) -> None:
    """All failed checks are shown, and not only the first."""
    claims = {"nonce": "n", "aud": "stranger", "iat": 1, "jti": None, "events": {}}
    found = rows(jwt_issuer, jwt_issuer.logout_token(claims=claims))
    refused = {name: one.reason for name, one in found.items() if not one.passed}
    assert refused == {
        "events": "logout_without_event",
        "nonce": "logout_with_nonce",
        "audience": "logout_wrong_audience",
        "times": "logout_too_old",
        "names": "logout_malformed",
    }
    assert "JWTGUARD_CLIENTS" in found["audience"].hint
    assert found["audience"].expected == "spa"
    assert "ends" not in found


def test_reasons_are_those_of_logout_paths(jwt_issuer: JWTIssuer) -> None:
    """Also for issuer, key and signature."""
    forged = jwt_issuer.logout_token().rpartition(".")[0] + "." + "A" * 342
    assert rows(jwt_issuer, forged)["signature"].reason == "logout_bad_signature"
    unknown = jwt_issuer.logout_token(headers={"kid": "other"})
    assert rows(jwt_issuer, unknown)["key"].reason == "logout_unknown_key"
    strange = JWTIssuer("https://stranger.example").logout_token()
    assert rows(jwt_issuer, strange)["issuer"].reason == "logout_unknown_issuer"


def test_without_a_path_no_logout_token_is_taken(jwt_issuer: JWTIssuer) -> None:
    """It names the setting."""
    found = rows(jwt_issuer, jwt_issuer.logout_token(), logout_paths=())["logout"]
    assert (found.passed, found.expected) == (False, "JWTGUARD_LOGOUT_PATHS")


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "application/logout+jwt", None])
def test_it_is_told_by_type_or_events(typ: str | None, jwt_issuer: JWTIssuer) -> None:
    """The type ``logout+jwt`` is only recommended."""
    found = rows(jwt_issuer, jwt_issuer.logout_token(headers={"typ": typ}))
    assert "ends" in found


def test_an_access_token_with_events_is_explained_as_one(
    jwt_issuer: JWTIssuer,
) -> None:
    """It is refused for them, and that is what its owner has to know."""
    found = rows(jwt_issuer, jwt_issuer.token(claims={"events": {}}))
    assert found["kind"].reason == "logout_token"
