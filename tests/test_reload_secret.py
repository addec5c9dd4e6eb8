"""A secret that was replaced: its file is read once the issuer refuses the old one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jwtguard import Guard, load_policy
from jwtguard.errors import IntrospectionUnavailableError
from jwtguard.testing import OpaqueIssuer
from jwtguard.testing.introspection import CLIENT, SECRET
from tests.waiting import HANG


class Replaced:
    """A guard with a secret that its issuer does not accept, and a file for another."""

    def __init__(self, folder: Path, reload: str = "3600") -> None:
        self.issuer = OpaqueIssuer(alg="ES256")
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.file = folder / "secret"
        self.file.write_text("the one before")
        environ = {
            "ISSUER": self.issuer.url, "AUDIENCE": self.issuer.audience,
            "INTROSPECT": "opaque", "INTROSPECT_CLIENT_ID": CLIENT,
            "INTROSPECT_CLIENT_SECRET_FILE": str(self.file), "RELOAD": reload,
            "INTROSPECT_TIMEOUT": str(HANG),
        }  # fmt: skip
        variables = {f"JWTGUARD_{name}": value for name, value in environ.items()}
        self.guard = Guard(
            load_policy(variables), clock=self.issuer.clock, transport=self.issuer,
            on_event=lambda *told: self.told.append(told),
        )  # fmt: skip
        self.guard.follow_files(variables)

    def refused(self) -> None:
        """Ask about a token, and wait for whatever that has started."""
        with pytest.raises(IntrospectionUnavailableError):
            self.guard.verify(self.issuer.opaque_token())
        files = self.guard._files
        if files is not None and files.loading is not None:
            files.loading.join(HANG)
            assert not files.loading.is_alive()

    def events(self) -> list[str]:
        """Return the names of the events that are about this."""
        names = ("introspection_denied", "reloaded", "reload_failed")
        return [name for name, _ in self.told if name in names]


def test_the_file_is_read_after_a_401(tmp_path: Path) -> None:
    """Long before the next reload is due; the next request has the new secret."""
    at = Replaced(tmp_path)
    at.file.write_text(SECRET)
    at.refused()
    assert at.events() == ["introspection_denied", "reloaded"]
    assert at.guard.verify(at.issuer.opaque_token()).subject == "alice"


def test_a_reload_applies_to_the_client_of_the_endpoint() -> None:
    """Though the keys of the issuer are kept."""
    issuer = OpaqueIssuer(alg="ES256")
    guard = issuer.guard(introspect_client_secret="the one before")
    assert guard.verify(issuer.token())
    with pytest.raises(IntrospectionUnavailableError):
        guard.verify(issuer.opaque_token())
    fetches = issuer.fetches
    guard.reload(issuer.policy(introspect_ttl=5))
    token = issuer.opaque_token()
    assert guard.verify(token)
    assert guard.verify(issuer.token())
    assert issuer.fetches == fetches
    issuer.clock.advance(5)
    assert guard.verify(token)
    assert issuer.introspections == 3


def test_a_file_that_is_the_same_is_not_read(tmp_path: Path) -> None:
    """Each refusal looks again, at most once for each pause of the questions."""
    at = Replaced(tmp_path)
    for _ in range(3):
        at.refused()
    assert at.events() == ["introspection_denied"]
    assert at.guard._files is not None
    assert at.guard._files.loading is None
    at.issuer.clock.advance(5)
    at.file.write_text(SECRET)
    at.refused()
    assert at.guard.verify(at.issuer.opaque_token()).subject == "alice"


def test_the_secret_of_sessions_too(tmp_path: Path) -> None:
    """A refresh that fails may be due to the secret of the site's client."""
    at = Replaced(tmp_path)
    at.file.write_text(SECRET)
    at.guard.emit("signed_in", issuer=at.issuer.url)
    assert at.guard._files is not None
    assert at.guard._files.loading is None
    at.guard.emit(
        "session_refresh_failed", issuer=at.issuer.url, problem="invalid_client"
    )
    assert at.guard._files.loading is not None
    at.guard._files.loading.join(HANG)
    assert at.events() == ["reloaded"]


def test_another_failure_is_no_reason_to_look(tmp_path: Path) -> None:
    """A server that is down says nothing about the secret."""
    at = Replaced(tmp_path)
    at.file.write_text(SECRET)
    at.issuer.down()
    at.refused()
    assert at.events() == []


def test_without_reload_the_file_is_read_at_the_start_only(tmp_path: Path) -> None:
    """``JWTGUARD_RELOAD=0`` means that nothing changes in a running process."""
    at = Replaced(tmp_path, reload="0")
    at.file.write_text(SECRET)
    at.refused()
    at.issuer.clock.advance(5)
    at.refused()
    assert at.events() == ["introspection_denied"] * 2


def test_a_bad_file_keeps_the_old_secret(tmp_path: Path) -> None:
    """And says what is wrong, without the secret."""
    at = Replaced(tmp_path)
    at.file.unlink()
    at.refused()
    assert at.events() == ["introspection_denied", "reload_failed"]
    assert "the one before" not in str(at.told)
