"""Sessions with the certified oidc-provider, which rotates and punishes reuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.issuers.examples import AUDIENCE, PASSWORD
from tests.issuers.session_sites import COOKIE, sign_in, sites, survive, visit
from tests.issuers.test_oidc_provider import Provider, missing
from tests.redis_server import Redis, needs_redis
from tests.waiting import ask, until

SERVER = "oidc-provider"
LIFE = 6
CLIENT = {"alg": "ES256", "origins": [], "resource": AUDIENCE, "ttl": LIFE}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
    needs_redis,
]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider whose access tokens live for seconds."""
    folder = tmp_path_factory.mktemp("oidc-provider")
    server = Provider(folder, {"site": CLIENT})
    yield server
    server.stop()


@pytest.mark.parametrize(("store", "count"), [("cookie", 1), ("state", 4)])
def test_tabs_share_a_refresh(
    provider: Provider, tmp_path: Path, store: str, count: int
) -> None:
    """Fifty pages at each expiry stay signed in, though a refresh token works once."""
    with Redis(tmp_path) as redis:
        environ = {
            "JWTGUARD_ISSUER": provider.url,
            "JWTGUARD_AUDIENCE": AUDIENCE,
            "JWTGUARD_SESSION_CLIENT": "site",
            "JWTGUARD_SESSION_SCOPE": "notes:read offline_access",
            "JWTGUARD_SESSION_STORE": store,
            "JWTGUARD_STATE": "memory://" if count == 1 else redis.url,
        }
        with sites(tmp_path, count, environ) as workers:
            cookie = sign_in(workers[0], PASSWORD)
            renewed = survive(workers, cookie, expiries=20, life=LIFE)
            assert renewed == (20 if store == "cookie" else 0)


def test_a_copy_from_before_a_sign_out_is_refused(
    provider: Provider, tmp_path: Path
) -> None:
    """A copy of a session cookie is refused in every worker after the sign-out."""
    with Redis(tmp_path) as redis:
        environ = {
            "JWTGUARD_ISSUER": provider.url,
            "JWTGUARD_AUDIENCE": AUDIENCE,
            "JWTGUARD_SESSION_CLIENT": "site",
            "JWTGUARD_SESSION_SCOPE": "notes:read",
            "JWTGUARD_STATE": redis.url,
        }
        with sites(tmp_path, 2, environ) as workers:
            cookie = sign_in(workers[0], PASSWORD)
            assert visit(workers[1], cookie).status_code == 200
            left = ask(
                "POST", f"{workers[0]}/session/logout",
                headers={"Origin": workers[0], "Cookie": f"{COOKIE}={cookie}"},
            )  # fmt: skip
            assert left.status_code == 204
            assert until(lambda: visit(workers[1], cookie).status_code == 401)
