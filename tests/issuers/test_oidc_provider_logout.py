"""oidc-provider's back-channel logout, when a browser ends its session there."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.issuers.examples import AUDIENCE, DOORS, WWW, Examples, examples
from tests.issuers.test_oidc_provider import Provider, missing
from tests.ports import free_port
from tests.redis_server import Redis, needs_redis
from tests.waiting import until

SERVER = "oidc-provider"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
    needs_redis,
]
CALLBACK = f"{WWW}/callback"
REVOKED = "The access token was revoked"


@pytest.fixture(scope="module")
def port() -> int:
    """The API's port, which the provider has to know."""
    return free_port()


@pytest.fixture(scope="module")
def provider(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider where browsers sign in, and that tells the API of logouts."""
    metadata = {
        "grant_types": ["password", "authorization_code"],
        "response_types": ["code"],
        "redirect_uris": [CALLBACK],
        "backchannel_logout_uri": f"http://127.0.0.1:{port}/oidc/logout",
        "backchannel_logout_session_required": True,
    }
    spa = {"alg": "RS256", "origins": [WWW], "metadata": metadata}
    server = Provider(tmp_path_factory.mktemp("oidc-provider"), {"spa": spa})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def place(
    provider: Provider, port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    """Both examples with one Redis; the clocks are one, so they may be exact."""
    folder = tmp_path_factory.mktemp("logout")
    with (
        Redis(folder) as redis,
        examples(
            folder,
            provider.url,
            both={"JWTGUARD_STATE": redis.url, "JWTGUARD_LEEWAY": "0"},
            api={"JWTGUARD_CLIENTS": f"spa={WWW} www"},
            port=port,
        ) as found,
    ):
        yield found


@pytest.fixture
def browser(provider: Provider) -> Iterator[httpx.Client]:
    """A browser in which alice has signed in at the provider."""
    with httpx.Client(
        base_url=provider.url, trust_env=False, follow_redirects=True
    ) as client:
        verifier = "v" * 43
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "client_id": "spa",
            "response_type": "code",
            "scope": "openid notes:read",
            "resource": AUDIENCE,
            "redirect_uri": CALLBACK,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        page = client.get("/auth", params=asked)
        for prompt in ({"prompt": "login", "login": "alice"}, {"prompt": "consent"}):
            form = re.search(r'action="([^"]+)"', page.text)
            assert form, page.text
            page = client.post(form[1], data=prompt, follow_redirects=False)
            while not page.headers.get("Location", CALLBACK).startswith(CALLBACK):
                page = client.get(page.headers["Location"], follow_redirects=False)
        assert "code=" in page.headers["Location"]
        yield client


def end_session(browser: httpx.Client) -> None:
    """Sign out at the provider, and say yes."""
    page = browser.get("/session/end")
    xsrf = re.search(r'name="xsrf" value="([^"]+)"', page.text)
    assert xsrf, page.text
    form = {"xsrf": xsrf[1], "logout": "yes"}
    done = browser.post("/session/end/confirm", data=form)
    assert done.status_code == 200, done.text


def is_revoked(place: Examples, door: str, token: str) -> bool:
    """Whether *door* refuses the token because it was revoked."""
    answer = place.ask(door, token, WWW)
    if answer.status_code == 200:
        return False
    assert (answer.status_code, answer.json()["error_description"]) == (401, REVOKED)
    return True


def test_a_session_ends(
    provider: Provider, place: Examples, browser: httpx.Client
) -> None:
    """If a session ends, the tokens of its user get 401 in every process."""
    tokens = [provider.grant()["access_token"] for _ in range(2)]
    assert not any(is_revoked(place, door, one) for door in DOORS for one in tokens)
    end_session(browser)
    assert all(is_revoked(place, "flask", token) for token in tokens)

    def at_the_site() -> bool:
        return all(is_revoked(place, "starlette", token) for token in tokens)

    assert until(at_the_site, 10)

    second = int(time.time())
    assert until(lambda: int(time.time()) > second)
    fresh = provider.grant()["access_token"]
    assert not any(is_revoked(place, door, fresh) for door in DOORS)
    assert all(is_revoked(place, door, one) for door in DOORS for one in tokens)


def test_metadata(provider: Provider) -> None:
    """The metadata announces back-channel logout with sessions."""
    url = f"{provider.url}/.well-known/openid-configuration"
    found = httpx.get(url, trust_env=False).json()
    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True
