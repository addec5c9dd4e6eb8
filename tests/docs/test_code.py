"""What the pages show is run: Python, TOML, and the variables of the shell blocks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from jwtguard import load_policy
from jwtguard.issuer import Config as IssuerConfig
from jwtguard.testing import JWTIssuer

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
AUDIENCE = "https://api.example.com"
OPTIONAL = ("aiohttp", "fastmcp", "mcp", "opentelemetry", "prometheus_client")
"""What a recipe may import without being a dependency of the project."""

NODE = shutil.which("node")

_BLOCK = re.compile(
    r"^(?:```(?P<kind>\w+)\n(?P<shown>.*?)^```|<!-- run\n(?P<hidden>.*?)^-->)$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """One block of a page: its language, its text, and the line it begins at."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks and the hidden ones, in order."""
    text = page.read_text("utf-8")
    for match in _BLOCK.finditer(text):
        line = text[: match.start()].count("\n") + 1
        shown = match["shown"]
        if shown is None:
            yield Block("python", match["hidden"], line)
        else:
            yield Block(match["kind"], shown, line)


def having(kind: str) -> list[Path]:
    """Return the pages that have a block of this language."""
    return [page for page in PAGES if any(b.kind == kind for b in blocks(page))]


SAMPLES = {"status": 401, "keys": 1, "skipped": 0, "age": 4.5, "origin": None}
"""Values of those fields of events that are not text."""


def every_event() -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each event of the observability page with its fields, and one to come."""
    page = (ROOT / "docs/observability.md").read_text("utf-8")
    for name, fields in re.findall(r"\n\| `(\w+)` \| [A-Z]+ \| (.*) \|(?=\n)", page):
        yield name, {f: SAMPLES.get(f, "x") for f in re.findall(r"`(\w+)`", fields)}
    yield "not_yet_known", {}


def by_name(page: Path) -> str:
    """Name the page as a reader would."""
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def issuer() -> Iterator[JWTIssuer]:
    """A real issuer on loopback, whose tokens are for the API of the pages."""
    issuer = JWTIssuer(audience=AUDIENCE)
    with issuer.served():
        yield issuer


@pytest.fixture
def environ(issuer: JWTIssuer) -> Iterator[dict[str, str]]:
    """The environment that the quickstart asks for, and nothing else of ours.

    What the code of a page sets beside that ends with its test.
    """
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("JWTGUARD_")]:
        del os.environ[name]
    needed = {
        "JWTGUARD_ISSUER": issuer.url,
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_CLIENTS": "spa=https://www.example.com",
    }
    os.environ.update(needed)
    yield needed
    os.environ.clear()
    os.environ.update(before)


PROJECTS = {
    "docs/how-to/aiohttp.md",
    "docs/how-to/django-rest.md",
    "docs/how-to/django.md",
    "docs/how-to/flask-site.md",
}
"""Pages whose blocks are files, and which test_projects.py runs."""


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize(
    "page", [p for p in having("python") if by_name(p) not in PROJECTS], ids=by_name
)
def test_python_runs(
    page: Path, issuer: JWTIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page's Python runs from top to bottom, and does what the page says."""
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look there
    namespace = vars(module)
    namespace["issuer"] = issuer
    namespace["every_event"] = every_event
    for block in blocks(page):
        if block.kind != "python":
            continue
        # Blank lines in front make a traceback point at the page itself.
        code = compile("\n" * block.line + block.text, str(page), "exec")
        try:
            exec(code, namespace)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise
            pytest.skip(f"{error.name} is not installed")


ELSEWHERE = {
    "docs/tutorial.md": {"html"},
    "docs/how-to/nginx.md": {"nginx"},
    "docs/how-to/containers.md": {"dockerfile", "yaml"},
    "docs/mtls.md": {"nginx", "yaml"},
    "docs/how-to/keycloak-compose.md": {"yaml"},  # tests/issuers
}
"""Kinds of blocks that test_tutorial.py and test_deployed.py run, and test_mtls.py."""


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_no_code_is_only_looked_at(page: Path) -> None:
    """Every block is of a kind that some test here runs; JSON is JSON."""
    text = page.read_text("utf-8")
    kinds = set(re.findall(r"^```(\w+)\n", text, re.MULTILINE))
    run = {"python", "toml", "console", "json", "js"} | ELSEWHERE.get(
        by_name(page), set()
    )
    assert kinds - {"text"} <= run
    for block in (b for b in blocks(page) if b.kind == "json"):
        assert json.loads(block.text)


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize("page", having("js"), ids=by_name)
def test_javascript_parses(page: Path) -> None:
    """What a page's script would do needs a browser; that it is one does not."""
    for block in (b for b in blocks(page) if b.kind == "js"):
        command = [str(NODE), "--input-type=module", "--check"]
        done = subprocess.run(command, input=block.text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_each_recipe_takes_each_event() -> None:
    """The page runs its formatter and its hooks with all events of its table."""
    assert len(list(every_event())) > 7
    text = (ROOT / "docs/observability.md").read_text("utf-8")
    recipes = text.count("def on_event(") + text.count("JSONFormatter())")
    assert text.count("in every_event():") == recipes == 4


def test_fifteen_lines_protect_and_test_an_application() -> None:
    """The first program of the testing page is short, and is a whole."""
    first = next(b for b in blocks(ROOT / "docs/testing.md") if b.kind == "python")
    assert len(first.text.splitlines()) < 15
    assert "JWTGuard(app" in first.text
    assert "def test_" in first.text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["docs/testing.md", "README.md"])
def test_tests_on_a_page_pass(
    name: str, environ: dict[str, str], tmp_path: Path
) -> None:
    """The tests that a page shows pass under pytest, with the plugin as installed."""
    code = [block.text for block in blocks(ROOT / name) if block.kind == "python"]
    (tmp_path / "test_page.py").write_text("\n".join(code), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "test_page.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def toml_blocks() -> list[tuple[Path, Block]]:
    """Return every TOML block with its page."""
    return [(page, b) for page in PAGES for b in blocks(page) if b.kind == "toml"]


@pytest.mark.parametrize(
    ("page", "block"),
    toml_blocks(),
    ids=[f"{by_name(page)}:{b.line}" for page, b in toml_blocks()],
)
def test_toml_loads(page: Path, block: Block, tmp_path: Path) -> None:
    """A TOML block is a configuration file of the guard or the issuer, or a part."""
    config = tmp_path / "jwtguard.toml"
    config.write_text(block.text, "utf-8")
    if "[[users]]" in block.text:
        assert IssuerConfig.load(config).users
        return
    environ = {"JWTGUARD_CONFIG": str(config)}
    if "issuers" not in block.text:
        environ["JWTGUARD_ISSUER"] = "https://id.example.com"
    if "audience" not in block.text:
        environ["JWTGUARD_AUDIENCE"] = AUDIENCE
    assert load_policy(environ).issuers


Page = tuple[dict[str, str], str]

_EXPORT = re.compile(r'^\$ export (JWTGUARD_\w+)=(?:"([^"]*)"|(\S+))$', re.MULTILINE)


def exports() -> list[tuple[str, Page]]:
    """Return the variables that each shell block sets, and the page's TOML."""
    found = []
    for page in PAGES:
        toml = next((b.text for b in blocks(page) if b.kind == "toml"), "")
        for block in (b for b in blocks(page) if b.kind == "console"):
            exported = {m[1]: m[2] or m[3] or "" for m in _EXPORT.finditer(block.text)}
            assert len(exported) == block.text.count("export JWTGUARD_"), block
            if exported:
                found.append((f"{by_name(page)}:{block.line}", (exported, toml)))
    return found


@pytest.mark.parametrize(
    ("exported", "toml"), [s for _, s in exports()], ids=[i for i, _ in exports()]
)
def test_exported_settings_are_good(
    exported: dict[str, str], toml: str, tmp_path: Path
) -> None:
    """What a shell block exports is a good configuration, with issuer and audience."""
    needed = {
        "JWTGUARD_ISSUER": "https://id.example.com",
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_CLIENTS": "spa=https://www.example.com",
    }
    if " " in exported.get("JWTGUARD_ISSUER", ""):
        del needed["JWTGUARD_CLIENTS"]  # of several issuers, a client names its own
    if "JWTGUARD_CONFIG" in exported:
        config = tmp_path / "jwtguard.toml"
        config.write_text(toml, "utf-8")
        exported, needed = {**exported, "JWTGUARD_CONFIG": str(config)}, {}
    secret = tmp_path / "secret"
    secret.write_text(_pem(), "utf-8")
    given = {k: str(secret) if k.endswith("_FILE") else v for k, v in exported.items()}
    made = urlsafe_b64encode(bytes(range(32))).decode()
    given = {k: v.replace("$(jwtguard secret)", made) for k, v in given.items()}
    assert load_policy({**needed, **given}).issuers


def _pem() -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        generate_private_key,
    )
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = generate_private_key(SECP256R1()).public_key()
    form = PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(Encoding.PEM, form).decode()
