"""Revocation forms behind real servers: what is accepted there ends the token."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.testing import JWTIssuer
from tests.servers.test_servers import GUNICORN, SERVERS, Serve, get
from tests.waiting import ask

pytestmark = pytest.mark.slow

PATHS = {"JWTGUARD_REVOCATION_PATHS": "/revoke /lazy"}


def revoke(running: Any, path: str, token: str) -> int:
    """Post the form as a page of the client does."""
    form = {"client_id": "spa", "token": token}
    headers = {"Origin": "https://www.example"}
    return ask("POST", running.url(path), data=form, headers=headers).status_code


@pytest.mark.parametrize("server", SERVERS)
def test_an_accepted_form_ends_the_session(
    server: str, issuer: JWTIssuer, serve: Serve
) -> None:
    """The next request is 401; other sessions stay."""
    running = serve(*SERVERS[server], **PATHS)
    token, other = (issuer.token(claims={"sid": sid}) for sid in ("s1", "s2"))
    assert [get(running, one).status_code for one in (token, other)] == [200, 200]
    assert revoke(running, "/revoke", token) == 200
    assert [get(running, one).status_code for one in (token, other)] == [401, 200]


def test_a_lazy_answer_counts_too(issuer: JWTIssuer, serve: Serve) -> None:
    """Its status is known with the first bytes; a form to another path ends nothing."""
    running = serve(*GUNICORN, "--threads=4", **PATHS)
    token = issuer.token()
    fields = {"client_id": "spa", "token": token}
    answer = ask(
        "POST",
        running.url("/notes"),
        data=fields,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200
    assert get(running, token).status_code == 200
    assert revoke(running, "/lazy", token) == 200
    assert get(running, token).status_code == 401
