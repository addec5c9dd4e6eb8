"""Where the four servers are, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from jwtguard import load_policy
from jwtguard.demo.place import Place, environment, examples, free_ports


def test_ports_differ() -> None:
    """Ports picked together are different ones."""
    assert len(set(free_ports(4))) == 4


def test_settings_are_valid(tmp_path: Path) -> None:
    """What the API and the www server are told makes a policy."""
    place = Place.on_free_ports()
    for told in (place.api_environment(tmp_path), place.www_environment()):
        assert load_policy(told).clients_only


def test_children_get_no_foreign_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the person's own settings nor a proxy reach the servers."""
    for name in ("JWTGUARD_REALM", "NOTES_HINT", "http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LANG", "C.UTF-8")
    told = environment({"NOTES_API_URL": "http://127.0.0.1:2"})
    assert {"JWTGUARD_REALM", "NOTES_HINT", "http_proxy", "HTTPS_PROXY"}.isdisjoint(
        told
    )
    assert told["LANG"] == "C.UTF-8"
    assert told["NOTES_API_URL"] == "http://127.0.0.1:2"


def test_the_examples_are_found() -> None:
    """In a checkout they are imported from beside the package."""
    package, told = examples()
    assert package == "examples"
    assert (Path(told["PYTHONPATH"]) / "examples" / "flask_app").is_dir()
