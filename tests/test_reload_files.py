"""``JWTGUARD_RELOAD``: settings files are read again once they have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jwtguard import Guard, load_policy
from jwtguard.adapters import Request
from jwtguard.config_files import ConfigFiles
from jwtguard.inspect.check_reload import reload_findings
from jwtguard.testing import FakeClock, JWTIssuer
from tests.waiting import HANG, until

TOML = """
audience = "api"
realm = "{realm}"
reload = {reload}
[[issuers]]
url = "https://id.example/realms/{{realm}}"
tenants_file = "{tenants}"
"""


class Files:
    """A guard whose settings are in files, and what it has told."""

    def __init__(self, folder: Path, clock: FakeClock, **variables: str) -> None:
        self.config, self.tenants = folder / "jwtguard.toml", folder / "tenants"
        self.realm_file = folder / "realm"
        self.clock = clock
        self.stamp = 1_000_000_000
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.write(self.tenants, "acme")
        self.settings()
        self.environ = {"JWTGUARD_CONFIG": str(self.config), **variables}
        self.guard = Guard(
            load_policy(self.environ), clock=clock,
            on_event=lambda *told: self.told.append(told),
        )  # fmt: skip
        self.guard.follow_files(self.environ)

    def write(self, path: Path, text: str) -> None:
        """Write, with a time that differs from any before."""
        path.write_text(text)
        self.stamp += 1
        os.utime(path, (self.stamp, self.stamp))

    def settings(self, realm: str = "first", reload: float = 30) -> None:
        text = TOML.format(realm=realm, reload=reload, tenants=self.tenants)
        self.write(self.config, text)

    def look(self, seconds: float = 30) -> None:
        """Send a request after *seconds*, and wait for what it has started."""
        self.clock.advance(seconds)
        self.guard.decide(Request("GET", "/", {}))
        files = self.guard._files
        if files is not None and files.loading is not None:
            files.loading.join(HANG)
            assert not files.loading.is_alive()

    def accepts(self, *tenants: str) -> bool:
        (issuer,) = self.guard.policy.issuers
        urls = [f"https://id.example/realms/{name}" for name in tenants]
        return all(issuer.tenant_of(url) for url in urls)

    @property
    def realm(self) -> str:
        return self.guard.policy.realm

    def events(self, name: str) -> list[Mapping[str, Any]]:
        return [fields for event, fields in self.told if event == name]


@pytest.fixture
def files(tmp_path: Path, jwt_clock: FakeClock) -> Files:
    return Files(tmp_path, jwt_clock)


def test_a_changed_file_is_loaded_by_the_next_due_request(files: Files) -> None:
    """Not before it is due; without a change nothing is read."""
    files.settings("second")
    files.look(29)
    assert files.realm == "first"
    files.look(1)
    assert files.realm == "second"
    files.look()
    files.look()
    (told,) = files.events("reloaded")
    assert told["added"] == ["realm second"]
    assert told["removed"] == ["realm first"]


def test_the_file_of_tenants_is_one_of_them(files: Files) -> None:
    """A removed tenant is not trusted any more."""
    files.write(files.tenants, "acme\nbeta")
    files.look()
    assert files.accepts("acme", "beta")
    files.write(files.tenants, "beta")
    files.look()
    assert files.accepts("beta")
    assert not files.accepts("acme")


@pytest.mark.parametrize("text", ["x = ", "leeway = -1", "", "realm = 5"])
def test_a_bad_file_keeps_the_old_policy(text: str, files: Files) -> None:
    """It is told once, and what comes after it is loaded."""
    files.write(files.config, text)
    for _ in range(3):
        files.look()
    assert files.realm == "first"
    (told,) = files.events("reload_failed")
    assert told["problem"]
    files.settings("second")
    files.look()
    assert files.realm == "second"


def test_a_missing_file_keeps_the_old_policy(files: Files) -> None:
    """Until it is back."""
    files.config.unlink()
    files.look()
    assert files.realm == "first"
    assert "cannot be read" in files.events("reload_failed")[0]["problem"]
    files.settings("second")
    files.look()
    assert files.realm == "second"


def test_a_policy_that_needs_a_restart_is_told(files: Files) -> None:
    """With the setting to blame."""
    text = TOML.format(realm="second", reload=30, tenants=files.tenants)
    files.write(files.config, 'state_prefix = "other"\n' + text)
    files.look()
    assert files.realm == "first"
    (told,) = files.events("reload_failed")
    assert told["problem"] == (
        "state_prefix: cannot be changed by a reload; restart the process"
    )


def test_a_file_that_is_being_written_waits(files: Files) -> None:
    """If it changes while it is read, the next round looks again."""
    follower = files.guard._files
    assert follower is not None
    files.settings("half")
    stamps: Iterator[Any] = iter([((1, 1, 1),), ((2, 2, 2),)])
    real = follower._stamp
    follower._stamp = lambda: next(stamps)  # type: ignore[method-assign]
    follower.load()
    assert files.realm == "first"
    follower._stamp = real  # type: ignore[method-assign]
    files.look()
    assert files.realm == "half"
    assert not files.events("reload_failed")


def test_variables_are_those_of_the_start(files: Files, tmp_path: Path) -> None:
    """Files that they name are read again; the variables themselves are not."""
    path = tmp_path / "realm"
    path.write_text("from a file")
    own = Files(tmp_path, files.clock, JWTGUARD_REALM_FILE=str(path))
    assert own.realm == "from a file"
    own.environ["JWTGUARD_REALM_FILE"] = "/nowhere"
    own.write(path, "from a file, later")
    own.look()
    assert own.realm == "from a file, later"
    assert str(path) in own.guard.files


def test_the_pause_may_change_and_end(files: Files) -> None:
    """0 means that nobody looks any more."""
    files.settings("second", reload=5)
    files.look()
    files.settings("third", reload=0)
    files.look(5)
    assert files.realm == "third"
    files.settings("fourth")
    files.look(1000)
    assert files.realm == "third"


def test_without_the_setting_nobody_looks(tmp_path: Path, jwt_clock: FakeClock) -> None:
    """The request takes the same way as ever."""
    own = Files(tmp_path, jwt_clock, JWTGUARD_RELOAD="0")
    assert own.guard.files == ()
    own.settings("second")
    own.look()
    assert own.realm == "first"


def test_check_names_the_files(files: Files, jwt_issuer: JWTIssuer) -> None:
    """Where none is looked at, the setting has no effect."""
    (one,) = reload_findings(files.guard)
    assert one.level == "ok"
    assert one.text == f"every 30 s: {files.config} {files.tenants}"
    (one,) = reload_findings(jwt_issuer.guard(reload=30))
    assert one.level == "weak"
    assert not list(reload_findings(jwt_issuer.guard()))


def test_one_load_at_a_time(files: Files) -> None:
    """A slow disk does not pile up threads; a child process starts its own."""
    follower = files.guard._files
    assert follower is not None
    files.settings("second")

    class Running:
        def is_alive(self) -> bool:
            return True

    running: Any = Running()
    follower.loading = running
    follower.look()
    assert follower.loading is running
    files.guard.after_fork()
    assert follower.loading is None
    files.look()
    assert files.realm == "second"


def test_from_env_follows_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a real clock: every request looks."""
    made = Files(tmp_path, FakeClock())
    made.settings("first", reload=0.001)
    monkeypatch.setenv("JWTGUARD_CONFIG", str(made.config))
    guard = Guard.from_env()
    made.settings("second", reload=0.001)

    def changed() -> bool:
        guard.decide(Request("GET", "/", {}))
        return guard.policy.realm == "second"

    assert until(changed)


def test_a_path_that_no_system_knows_is_no_error(jwt_clock: FakeClock) -> None:
    """It cannot be looked at, and settings say what is wrong with it."""
    told: list[str] = []
    environ = {"JWTGUARD_CONFIG": "a\0b"}
    follower = ConfigFiles(
        environ, lambda _: None, jwt_clock.monotonic,
        lambda name, **fields: told.append(name),
    )  # fmt: skip
    assert follower.paths == ("a\0b",)
    follower.load()
    assert told == ["reload_failed"]
