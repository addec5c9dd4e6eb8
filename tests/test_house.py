"""The test of the house: which room may know which, and how large a room may grow."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jwtguard
from tools import house

ROOT = Path(jwtguard.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FRAMEWORKS = (
    "flask",
    "werkzeug",
    "starlette",
    "fastapi",
    "limits",
    "publicsuffixlist",
    "redis",
    "authlib",
    "pytest",
)
MAY_USE = {
    "flask": {"flask.py", "gateway/flask_refusals.py", "inspect/routes/flask.py"},
    "werkzeug": {"flask.py", "gateway/flask_refusals.py", "inspect/routes/flask.py"},
    "starlette": {
        "starlette.py",
        "fastapi.py",
        "gateway/fastapi_routes.py",
        "gateway/starlette_endpoints.py",
        "gateway/starlette_refusals.py",
        "inspect/routes/starlette.py",
        "inspect/routes/fastapi.py",
    },
    "fastapi": {
        "fastapi.py",
        "gateway/fastapi_routes.py",
        "inspect/routes/fastapi.py",
    },
    "limits": {"outside/rate_limit.py"},
    "publicsuffixlist": {"outside/public_suffixes.py"},
    "redis": {"outside/redis_connection.py", "outside/redis_state.py"},
    "pytest": {"testing/__init__.py"},
    "authlib": set(),
}
APART = ("demo", "issuer", "_examples")
"""Programs that come with the package: they use frameworks, and nobody imports them."""
PURE = {
    "__future__", "base64", "binascii", "collections", "concurrent", "contextlib",
    "cryptography", "dataclasses", "enum", "functools", "hashlib", "hmac",
    "ipaddress", "json", "jwt", "math", "random", "re", "threading", "types", "typing",
    "urllib", "weakref",
}  # fmt: skip
NEVER = {"socket", "httpx", "time", "datetime", "os", "logging", "asyncio", "anyio"}


def module_of(path: Path) -> str:
    parts = ["jwtguard", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module that *path* imports, in functions and for types too."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{name}.{alias.name}"
                yield full if full in MODULES else name


MODULES = {module_of(path): path for path in FILES}
OWN = {
    name: {found for found in imports_of(path) if found in MODULES} - {name}
    for name, path in MODULES.items()
}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def apart(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] in APART


ROOMS = ("model", "extract", "verify", "authorize", "respond")
"""The rooms of ``core``: each may use itself and those before it."""


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=relative)
def test_the_rooms_of_the_core_use_only_those_below(path: Path) -> None:
    """A request goes from extract to respond; no step looks back."""
    room = path.relative_to(ROOT / "core").parts[0]
    if room not in ROOMS:
        return
    for name in OWN[module_of(path)]:
        other = name.removeprefix("jwtguard.core.").partition(".")[0]
        if name.startswith("jwtguard.core."):
            assert other in ROOMS[: ROOMS.index(room) + 1], name


def test_imports_go_one_way() -> None:
    """No cycles, not even inside functions or for types."""
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for other in OWN[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=relative)
def test_the_core_is_pure(path: Path) -> None:
    """No I/O, no framework, no clock: itself, errors, and what computes."""
    for name in imports_of(path):
        top = name.partition(".")[0]
        assert top not in NEVER
        if top == "jwtguard":
            assert name == "jwtguard.errors" or name.startswith("jwtguard.core")
        else:
            assert top in PURE, name


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=relative)
def test_the_core_opens_no_file_and_prints_nothing(path: Path) -> None:
    """What needs no import can do I/O too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "exec", "eval"}


@pytest.mark.parametrize("path", [f for f in FILES if not apart(f)], ids=relative)
def test_only_the_file_named_after_a_framework_imports_it(path: Path) -> None:
    """A new version of one framework touches its file, and that in ``routes``."""
    for name in imports_of(path):
        top = name.partition(".")[0]
        assert relative(path) in MAY_USE.get(top, {relative(path)}), name


def test_starlette_py_is_used_by_fastapi_py_alone() -> None:
    """And the other framework files by nobody, the programs apart."""
    for name, used in OWN.items():
        if apart(MODULES[name]) or name == "jwtguard.cli":
            continue
        found = used & {f"jwtguard.{f}" for f in ("starlette", "flask", "fastapi")}
        assert found <= (
            {"jwtguard.starlette"} if name == "jwtguard.fastapi" else set()
        )


def test_what_lists_routes_is_for_the_command_line() -> None:
    """No process that serves requests loads ``routes``, whatever it guards."""
    for name, used in OWN.items():
        listing = ("jwtguard.inspect.routes", "jwtguard.inspect.check_")
        if name.startswith(listing) or name in (
            "jwtguard.cli",
            "jwtguard.inspect.explain_app",
            "jwtguard.inspect.printing",
        ):
            continue
        assert not {
            other for other in used if other.startswith("jwtguard.inspect.routes")
        }


def test_routes_of_one_framework_are_read_without_the_others() -> None:
    """Whoever installed one framework needs no other; ``fastapi`` has Starlette."""
    for name in ("flask", "starlette", "fastapi"):
        others = {f"jwtguard.{other}" for other in ("flask", "starlette", "fastapi")}
        assert not OWN[f"jwtguard.inspect.routes.{name}"] & others
    assert "jwtguard.inspect.routes.starlette" not in OWN["jwtguard.inspect.routes"]


def test_the_package_does_not_import_the_programs_and_the_test_kit() -> None:
    """A production process never loads them; cli starts them."""
    for name, used in OWN.items():
        if apart(MODULES[name]) or name == "jwtguard.cli":
            continue
        for other in used:
            assert not apart(MODULES[other]), (name, other)
            kit = other.startswith("jwtguard.testing") and "testing" not in name
            assert not kit, (name, other)
            assert other != "jwtguard.cli", (name, other)


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after *statement*."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_no_framework() -> None:
    """Not even the ones that are installed."""
    loaded = loaded_by("import jwtguard, jwtguard.wsgi, jwtguard.asgi")
    assert "jwtguard.guard" in loaded
    assert not loaded & set(FRAMEWORKS)
    assert not {"jwtguard.testing", "jwtguard.relay", "jwtguard.cli"} & loaded


def test_importing_the_package_starts_nothing() -> None:
    """No thread, no event loop, no socket."""
    code = "import threading, jwtguard; print(threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"


def test_the_front_door_has_exactly_these_names() -> None:
    """Public names are promises."""
    assert jwtguard.__all__ == [
        "AuthError",
        "ClaimRule",
        "Client",
        "ConfigurationError",
        "Guard",
        "JWTGuardError",
        "Policy",
        "Principal",
        "ScopeRule",
        "TrustedIssuer",
        "load_policy",
    ]
    for name in jwtguard.__all__:
        assert getattr(jwtguard, name)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("wsgi", "GuardMiddleware"),
        ("asgi", "GuardMiddleware"),
        (
            "flask",
            "JWTGuard current_principal require_scope require_any_scope require_role",
        ),
        (
            "starlette",
            "GuardMiddleware principal_of require_scope require_any_scope require_role",
        ),
        ("fastapi", "FastAPIGuard"),
        ("forward", "BearerForward"),
        ("profiles", "Profile PROFILES GENERIC"),
        ("relay", "TokenRelay"),
        ("testing", "FakeClock JWTIssuer jwt_issuer jwt_guard jwt_clock jwt_session"),
    ],
)
def test_public_names_are_where_they_were_promised(module: str, names: str) -> None:
    """Import paths are flat."""
    found = importlib.import_module(f"jwtguard.{module}")
    for name in names.split():
        assert name in vars(found)


PUBLIC = (
    "adapters", "asgi", "errors", "events", "fastapi", "flask", "forward", "guard",
    "profiles", "reasons", "relay", "rules", "settings", "starlette", "state",
    "testing", "wsgi",
)  # fmt: skip


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_lists_its_names(module: str) -> None:
    """What it does not list may change with any version."""
    found = importlib.import_module(f"jwtguard.{module}")
    assert found.__all__
    for name in found.__all__:
        assert not name.startswith("_")
        assert getattr(found, name) is not None


def test_no_page_and_no_example_imports_from_the_core() -> None:
    """It is private: what users need has a public place."""
    top = ROOT.parent
    pages = [top / "README.md", *(top / "docs").rglob("*.md")]
    for path in [*pages, *(top / "examples").rglob("*.py")]:
        if "_build" not in path.parts:
            text = path.read_text("utf-8")
            assert "from jwtguard.core" not in text, path
            assert "import jwtguard.core" not in text, path


def test_starlette_hands_on_the_very_same_middleware() -> None:
    """One class under two names, not two."""
    asgi = importlib.import_module("jwtguard.asgi")
    starlette = importlib.import_module("jwtguard.starlette")
    assert starlette.GuardMiddleware is asgi.GuardMiddleware


def test_the_package_is_typed() -> None:
    """PEP 561."""
    assert (ROOT / "py.typed").is_file()


@pytest.mark.parametrize("number", house.numbers(), ids=lambda number: number.name)
def test_the_numbers_of_the_house_are_kept(number: house.Number) -> None:
    """A file that nobody reads whole hides things; so do a function and a detour."""
    assert number.good, f"{number.value} (limit {number.limit})"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """A docstring at the top, and one on every public class and function."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
