"""What is judged is what is routed, in every framework that we know of."""

from __future__ import annotations

import pytest

from tests.routing.differential import APPS, Target, allowed, reached
from tests.routing.handlers import HANDLERS

PLAIN = {
    name: path.replace("**", "a/b").replace("*", "7") for name, path in HANDLERS.items()
}


@pytest.mark.parametrize("app", APPS)
def test_a_plain_path_reaches_its_handler(app: str) -> None:
    """For who is allowed to, and for nobody else: the comparison compares something."""
    for name, path in PLAIN.items():
        target = Target(path, "", prefixed=False, raw=True)
        assert reached(app, "scopes", "rich", target) == [name]
        for settings in ("scopes", "public", "open"):
            for caller in ("poor", "nobody"):
                expected = [name] if allowed(settings, name, caller) else []
                assert reached(app, settings, caller, target) == expected


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("prefixed", [True, False])
def test_a_root_path_changes_no_rule(app: str, prefixed: bool) -> None:
    """Whether the server puts it in front of the path or not."""
    for name, path in PLAIN.items():
        target = Target(path, "/api", prefixed=prefixed, raw=True)
        for caller in ("rich", "poor", "nobody"):
            for found in reached(app, "scopes", caller, target):
                assert found == name
                assert allowed("scopes", name, caller)


FOUND = [
    # Litestar: cut at the first occurrence of the root.
    ("litestar", "public", "nobody", "/static/api/admin/report", "/api", False),
    ("litestar", "scopes", "poor", "/notes/api/admin/report", "/api", False),
    # Quart and Django: no segment boundary.
    ("quart", "scopes", "poor", "/apiadmin/report", "/api", False),
    ("litestar", "scopes", "poor", "admin/report", "/api", True),
    # Bottle: a byte that is not UTF-8 is dropped.
    ("bottle", "scopes", "poor", "/adm%FFin/report", "", False),
    ("bottle", "open", "nobody", "/adm%FFin/report", "", False),
    # re.IGNORECASE takes U+0130 and U+0131 for an i.
    ("django", "scopes", "poor", "/adm%C4%B1n/report", "", False),
    ("django under ASGI", "open", "nobody", "/adm%C4%B0n/report", "", False),
    # A slash at the end is dropped, so that "below /static" is /static itself.
    ("litestar", "public", "nobody", "/static/", "", False),
    ("litestar", "optional", "nobody", "/static/", "", False),
    ("flask without strict slashes", "public", "nobody", "/static/", "", False),
    ("falcon that drops a slash", "public", "nobody", "/static/", "", False),
    # Falcon leaves the root path where it is.
    ("falcon under ASGI", "scopes", "poor", "/admin/report", "/admin", False),
    ("falcon under ASGI", "public", "nobody", "/static/keys", "/users", True),
]


@pytest.mark.parametrize(("app", "settings", "caller", "path", "root", "on"), FOUND)
def test_what_ran_the_wrong_handler_once(
    app: str, settings: str, caller: str, path: str, root: str, on: bool
) -> None:
    """Each of these ran a handler that the caller had no business with."""
    target = Target(path, root, prefixed=on, raw=True)
    for name in reached(app, settings, caller, target):
        assert allowed(settings, name, caller)
