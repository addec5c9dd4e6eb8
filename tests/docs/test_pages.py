"""What the pages say is compared with the code, and their links with each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwtguard import errors, events, testing
from jwtguard.core.model.policy_fields import REPORT_ONLY
from jwtguard.core.model.profiles import PROFILES
from jwtguard.options import CONFIG, SETTINGS
from jwtguard.reasons import REASONS
from tests.wire.test_wire import CASES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
KUBERNETES = ("JWTGUARD_SERVICE", "JWTGUARD_PORT")

_FENCE = re.compile(r"^```.*?^```$|^<!--.*?^-->$", re.DOTALL | re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]*(?:\.py)?)(?:::(\w+)(?:\[[^`]*)?)?`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """Return the page without its blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are written in links."""
    headings = re.findall(r"^#{1,3} (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def by_name(page: Path) -> str:
    """Name the page as a reader would."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link between pages names a file that exists, and a heading in it."""
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), f"{link}: no such page"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_variables_exist(page: Path) -> None:
    """A variable that a page names is one that the settings know."""
    known = {setting.variable for setting in SETTINGS} | {CONFIG}
    known |= {f"{name}_FILE" for name in known - {CONFIG}}
    named = set(re.findall(r"JWTGUARD_[A-Z][A-Z_]*[A-Z]", page.read_text("utf-8")))
    # A name on purpose misspelt, to show what is said of it.
    unknown = named - known - {"JWTGUARD_LEWAY"}
    assert not {name for name in unknown if not name.startswith(KUBERNETES)}


def test_every_setting_is_on_its_page() -> None:
    """The settings page lists each setting once."""
    text = (DOCS / "settings.md").read_text("utf-8")
    listed = " ".join(
        re.findall(r"^```\{settings\}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    )
    assert sorted(listed.split()) == sorted(setting.name for setting in SETTINGS)


def rows(page: Path) -> Iterator[list[str]]:
    """Yield the cells of each table row of a page."""
    for line in prose(page).splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.split("|")[1:-1]]


def error_rows() -> dict[str, tuple[str, str, str]]:
    """Return what the errors page says of each reason: status, code, sentence."""
    found = {}
    for line in prose(DOCS / "errors.md").splitlines():
        match = re.fullmatch(r"\| `(\w+)` \| (\d+) \| (?:`(\w+)`)? ?\| (.+) \|", line)
        if match:
            reason, status, code, sentence = match.groups()
            assert reason not in found
            found[reason] = (status, code or "", sentence)
    return found


def test_every_reason_is_on_its_page() -> None:
    """The errors page is the registry: status, code, and what the client reads."""
    assert error_rows() == {
        reason: (str(known.status), known.code, known.sentence)
        for reason, known in REASONS.items()
    }


def raised() -> Iterator[tuple[str, int, str]]:
    """Yield reason, status and code of each refusal that the package can make."""
    for path in (ROOT / "jwtguard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            kind = getattr(errors, node.func.id, None)
            constants = [arg for arg in node.args if isinstance(arg, ast.Constant)]
            if node.func.id == "Problem":  # a claim check; the second says of what
                kind, constants = errors.InvalidTokenError, constants[:1]
                if constants and str(constants[0].value).startswith("logout_"):
                    kind = errors.GrantError
            if not isinstance(kind, type) or not issubclass(kind, errors.AuthError):
                continue
            if len(constants) != 1 or constants[0].value not in REASONS:
                continue
            given: dict[str, Any] = {
                keyword.arg or "": keyword.value.value
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant)
            }
            made = kind(str(constants[0].value), **given)
            yield made.reason, made.status, made.code


def test_status_and_code_are_those_of_the_code() -> None:
    """Each refusal that the package raises has the status and code of the page."""
    listed = error_rows()
    found = list(raised())
    assert len({reason for reason, _, _ in found}) > 40
    for reason, status, code in found:
        assert listed[reason][:2] == (str(status), code), reason


def test_special_refusals_are_those_of_the_code() -> None:
    """The refusals whose class names its own reason are on the page as they are."""
    listed = error_rows()
    for error in (errors.InsecureTransportError(), errors.KeysUnavailableError()):
        assert listed[error.reason][:2] == (str(error.status), error.code)


def test_profiles_are_those_of_the_code() -> None:
    """The table of profiles has each profile, with the claims that it looks in."""
    listed = {row[0].strip("`"): row for row in rows(DOCS / "issuers/index.md")}
    for name, profile in PROFILES.items():
        row = listed[name]
        for cell, claims in (
            (3, profile.client_claims),
            (4, profile.scope_claims),
            (5, profile.role_claims),
        ):
            assert re.findall(r"`([^`]+)`", row[cell]) == list(claims), name


def test_events_are_those_of_the_code() -> None:
    """The observability page has each event and its fields."""
    told_by_code = re.compile(r"^\* (``.*?)(?=^\*|\Z)", re.DOTALL | re.MULTILINE)
    known = told_by_code.findall(events.__doc__ or "")
    listed = {
        row[0]: row[2] for row in rows(DOCS / "observability.md") if len(row) == 3
    }
    for line in known:
        names, _, told = line.partition(":")
        for name in re.findall(r"``(\w+)``", names):
            fields = re.findall(r"`(\w+)`", listed[f"`{name}`"])
            assert fields == re.findall(r"``(\w+)``", told.split("\n\n")[0])


def test_what_may_be_reported_only_is_that_of_the_code() -> None:
    """The page has each word, with the reasons that it turns into events."""
    listed = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[2])
        for row in rows(DOCS / "report-only.md")
        if len(row) == 3
    }
    for word in REPORT_ONLY:
        known = [reason for reason, one in REASONS.items() if one.report_only == word]
        assert sorted(listed[word]) == sorted(known), word


def test_fixtures_are_on_the_testing_page() -> None:
    """The testing page names each fixture of the plugin."""
    text = (DOCS / "testing.md").read_text("utf-8")
    for name in testing.__all__:
        assert f"`{name}`" in text


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_tests_exist(page: Path) -> None:
    """Every test file or folder on a page exists, and every test is in its file."""
    for name, test in _TEST.findall(prose(page)):
        assert (ROOT / name).exists(), name
        assert not test or f"def {test}(" in (ROOT / name).read_text("utf-8"), test


def test_evidence_exists() -> None:
    """Each test, and each case of one, is in the file that the comparison names."""
    page = prose(DOCS / "comparison.md")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[([^`]+)\])?`", page)
    assert len(named) > 20
    for file, test, case in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), test
        assert not case or case in {each.name for each in CASES}, case
    assert len(named) == page.count("`tests/") == page.count("::test_")


def test_each_cell_of_the_comparison_has_evidence() -> None:
    """Ours names tests; a peer's was measured, or its row says where it was read."""
    page = prose(DOCS / "comparison.md")
    told = dict(
        re.findall(r"^\* \*\*(\w\d)\*\*: (`tests/(?:.|\n  )+)", page, re.MULTILINE)
    )
    shown, peers = [], []
    for question, ours, *others in rows(DOCS / "comparison.md"):
        if ours == "jwtguard":
            peers = others
        if ours == "jwtguard" or not peers:
            continue
        shown.append(ours.rpartition("(")[2].rstrip(")"))
        sources = told[shown[-1]].replace("\n ", "")
        read = " ".join(re.findall(r"[\w, -]+ \(S\)", sources))
        assert len(others) == len(peers), question
        for peer, cell in zip(peers, others, strict=True):
            assert cell == "not checked" or cell.endswith((" (M)", " (S)")), cell
            assert not cell.endswith("(S)") or peer in read, f"{question}: {peer}"
    assert shown == list(told)
    assert len(shown) > 20


def test_the_package_is_called_by_its_right_name() -> None:
    """No page tells anyone to install the unrelated distribution."""
    for page in PAGES:
        for name in re.findall(r"pip install (\S+)", page.read_text("utf-8")):
            assert name.strip('"`').startswith(("jwtguard-middleware", "."))


@pytest.mark.slow
def test_the_site_builds(tmp_path: Path) -> None:
    """The site builds without a warning, and asks for nothing from the network."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "html").rglob("*.html"):
        text = page.read_text("utf-8")
        fetched = re.findall(r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//', text)
        fetched += re.findall(r'<link[^>]*href="(?:https?:)?//[^>]*>', text)
        assert not fetched, page.name
        assert "<!-- run" not in text
