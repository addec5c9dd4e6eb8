"""The page of what was tested is the page that the tests would write."""

from __future__ import annotations

import ast

from tests.issuers import table


def test_the_page_is_current() -> None:
    """Each promise that was put to the test is on the page, with what it came to.

    What was skipped on this machine is left as it was written on another.
    """
    for row, outcomes in table.results.items():
        if "skipped" not in outcomes:
            assert table.line(row, outcomes) in table.written(row[0]).splitlines()


def test_no_issuer_needs_code() -> None:
    """Every server of the page is reached by variables or a TOML file alone.

    So nothing here makes a policy or a part of one, and each test that has a guard has
    read its settings.
    """
    parts = {"Policy", "TrustedIssuer", "Client", "Profile", "Resource", "ScopeRule"}
    for path in (*table.HERE.glob("*.py"), *table.HERE.glob("keycloak/*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        named = {
            alias.name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and "jwtguard" in (node.module or "")
            for alias in node.names
        }
        assert not named & parts, path.name
        assert not any(
            alias.name.startswith("jwtguard")
            for node in nodes
            if isinstance(node, ast.Import)
            for alias in node.names
        ), path.name
        reads = "load_policy" in named or path.name == "asking.py"
        assert reads or "Guard" not in named, path.name


def test_the_page_promises_nothing_else() -> None:
    """No line of the page is without a test, no server without a version that ran."""
    promises = set()
    for path in table.HERE.glob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                promises.add(table.promise(ast.get_docstring(node)))
    for server in table.ORDER:
        lines = table.written(server).splitlines()
        assert lines[0] == table.title(server)
        rows = [line.split(" | ")[0].removeprefix("| ") for line in lines[4:] if line]
        assert rows
        assert set(rows) <= promises
