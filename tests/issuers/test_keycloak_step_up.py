"""What Keycloak's tokens say about the login: ``auth_time``, and ``amr``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest

from jwtguard import Guard, load_policy
from jwtguard.adapters import Proceed, Request
from tests.issuers.examples import AUDIENCE
from tests.issuers.keycloak.login_form import Browser
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.test_keycloak import pytestmark
from tests.waiting import until

__all__ = ["pytestmark"]

SERVER = "Keycloak"
AGE = 5
"""Seconds that the password counts as typed just now."""


class At:
    """A clock that stands still at the moment when a token was issued."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def time(self) -> float:
        """Return that moment."""
        return self._moment

    def monotonic(self) -> float:
        """Go on."""
        return time.monotonic()


def inside(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


Decide = Callable[..., Any]


@pytest.fixture
def decide(keycloak: Keycloak, tmp_path: Path) -> Decide:
    """Decide on a token as if it was just issued, with a rule for all paths."""
    settings = {
        "JWTGUARD_ISSUER": keycloak.issuer(),
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_PROFILE": "keycloak",
        "JWTGUARD_LEEWAY": "0",
        "JWTGUARD_CONFIG": str(tmp_path / "rules.toml"),
    }

    def decided(token: str, rule: str = "") -> Any:
        text = f'[[scopes]]\npath = "/*"\n{rule}' if rule else ""
        (tmp_path / "rules.toml").write_text(text)
        guard = Guard(load_policy(settings), clock=At(inside(token)["iat"]))
        return guard.decide(
            Request("GET", "/x", {"authorization": [f"Bearer {token}"]})
        )

    return decided


@pytest.fixture
def reason(decide: Decide) -> Callable[..., str]:
    """Return why a recent login is missing, or an empty string."""

    def of(token: str, max_age: int = 60) -> str:
        decision = decide(token, f"max_age = {max_age}")
        return "" if isinstance(decision, Proceed) else decision.reason

    return of


@pytest.fixture
def browser(keycloak: Keycloak) -> Iterator[Browser]:
    with closing(Browser(keycloak)) as opened:
        yield opened


def test_recent_login(browser: Browser, reason: Callable[..., str]) -> None:
    """A recent login is required: a refresh does not help, the form again does."""
    got = browser.sign_in()
    assert reason(got["access_token"]) == ""
    login = inside(got["access_token"])["auth_time"]
    asked = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    tokens: list[str] = []

    def later() -> bool:
        tokens.append(browser.token(**asked)["access_token"])
        return bool(inside(tokens[-1])["iat"] > login + 1)

    assert until(later)
    quiet = browser.sign_in()["access_token"]  # no form: the session is still good
    for token in (tokens[-1], quiet):
        assert inside(token)["auth_time"] == login
        age = inside(token)["iat"] - login
        assert reason(token, max_age=age - 1) == "login_too_old"
    again = browser.sign_in(max_age="1")["access_token"]
    assert inside(again)["auth_time"] > login
    assert reason(again) == ""


def test_password_grant(
    keycloak: Keycloak, decide: Decide, reason: Callable[..., str]
) -> None:
    """Tokens of the password grant lack `auth_time`; a reference in `amr` ages."""
    assert reason(keycloak.grant()["access_token"]) == "auth_time_missing"
    flow = keycloak.ask("GET", "/main/authentication/flows/direct%20grant/executions")
    (password,) = (
        one["id"]
        for one in flow.json()
        if one.get("providerId") == "direct-grant-validate-password"
    )
    reference = {"default.reference.value": "pwd", "default.reference.maxAge": str(AGE)}
    keycloak.create(
        f"/main/authentication/executions/{password}/config",
        {"alias": "password", "config": reference},
    )
    mapper = {
        "name": "amr",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-amr-mapper",
        "config": {"access.token.claim": "true"},
    }
    keycloak.create(f"{keycloak.client_path('spa')}/protocol-mappers/models", mapper)

    def methods(token: str) -> tuple[str, ...]:
        found: tuple[str, ...] = decide(token).principal.amr
        return found

    got = keycloak.grant()
    assert methods(got["access_token"]) == ("pwd",)
    asked = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    assert until(lambda: not methods(keycloak.grant(**asked)["access_token"]))
    assert methods(keycloak.grant()["access_token"]) == ("pwd",)
