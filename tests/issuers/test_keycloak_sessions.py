"""Sessions with the real Keycloak, whose refresh tokens work once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.issuers.examples import AUDIENCE, PASSWORD, SCOPE
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.session_sites import sign_in, sites, survive, visit
from tests.redis_server import Redis, needs_redis
from tests.waiting import until

SERVER = "Keycloak"
LIFE = 8

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
    needs_redis,
]


@pytest.fixture(scope="module")
def strict(keycloak: Keycloak) -> Iterator[Keycloak]:
    """Access tokens live for seconds; a refresh token that comes twice ends all."""
    before = keycloak.ask("GET", "/main").json()
    keycloak.change(
        "/main", accessTokenLifespan=LIFE, revokeRefreshToken=True,
        refreshTokenMaxReuse=0,
    )  # fmt: skip
    yield keycloak
    names = ("accessTokenLifespan", "revokeRefreshToken", "refreshTokenMaxReuse")
    keycloak.change("/main", **{name: before[name] for name in names})


def environ(keycloak: Keycloak, store: str, state: str) -> dict[str, str]:
    return {
        "JWTGUARD_ISSUER": keycloak.issuer(),
        "JWTGUARD_PROFILE": "keycloak",
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_SESSION_CLIENT": "www",
        "JWTGUARD_SESSION_SCOPE": SCOPE,
        "JWTGUARD_SESSION_STORE": store,
        "JWTGUARD_STATE": state,
    }


@pytest.mark.parametrize(("store", "count"), [("cookie", 1), ("state", 4)])
def test_tabs_share_a_refresh(
    strict: Keycloak, tmp_path: Path, store: str, count: int
) -> None:
    """Fifty pages at each expiry stay signed in, though a refresh token works once."""
    with Redis(tmp_path) as redis:
        state = "memory://" if count == 1 else redis.url
        with sites(tmp_path, count, environ(strict, store, state)) as workers:
            cookie = sign_in(workers[0], PASSWORD)
            renewed = survive(workers, cookie, expiries=20, life=LIFE)
            assert renewed == (20 if store == "cookie" else 0)


def test_a_session_that_an_administrator_ends_is_over(
    strict: Keycloak, tmp_path: Path
) -> None:
    """If an administrator ends a session, its visitor has to sign in again."""
    with sites(tmp_path, 1, environ(strict, "cookie", "memory://")) as (site,):
        cookie = sign_in(site, PASSWORD)
        users = strict.ask("GET", "/main/users?username=alice").json()
        strict.ask("POST", f"/main/users/{users[0]['id']}/logout")
        assert until(lambda: visit(site, cookie).status_code == 401)
