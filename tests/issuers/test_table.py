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
