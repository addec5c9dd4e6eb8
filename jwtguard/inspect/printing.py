"""How ``jwtguard check`` and ``explain`` print for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .routes import Finding
from .routes.report import Row
from .shown import Check

_COLOURS = {"ok": "32", "note": "36", "weak": "33", "wrong": "31"}


def print_findings(findings: Sequence[Finding]) -> None:
    """Print one line for each finding."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        level = painted(f"{finding.level:5}", finding.level)
        print(f"{level}  {finding.what:{width}}  {finding.text}")


def print_rows(rows: Sequence[Row]) -> None:
    """Print the table of routes, the columns aligned."""
    if not rows:
        return
    head = Row(
        level="", methods="method", path="path", requirements="needs", handler="handler"
    )
    cells = [(r.methods, _at(r), r.requirements, r.handler) for r in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    print()
    for row, texts in zip((head, *rows), cells, strict=True):
        level = painted(f"{row.level:5}", row.level)
        columns = zip(texts, widths, strict=True)
        line = "  ".join([level, *(f"{text:{width}}" for text, width in columns)])
        print(line.rstrip())


def _at(row: Row) -> str:
    return f"{row.path} as {row.example}" if row.example else row.path


def print_check(one: Check) -> None:
    """Print one check: what was found, and what may help if it failed."""
    mark = painted("passed", "ok") if one.passed else painted("failed", "wrong")
    print(f"{mark}  {one.name:9}  {one.found}")
    told = (("expected", one.expected), ("reason", one.reason), ("hint", one.hint))
    for name, text in told if not one.passed else told[2:]:
        if text:
            print(f"        {name + ':':10} {text}")


def painted(text: str, level: str) -> str:
    """Return *text* in the colour of *level*, on a terminal."""
    if not level or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m"
