"""Print the numbers of the house: ``python tools/house.py``.

How long functions and files are, how many comments there are, whether imports run in
circles, and how often a request changes the module on its way. ``tests/test_house.py``
holds them. Exit status 1 if one is over its limit.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # started as a script, it finds only its own folder

from tools.moves import moves  # noqa: E402

PACKAGE = ROOT / "jwtguard"
MOVES = {
    "a known token": 10,
    "a known token with its client's origin": 11,
    "a known token with a foreign origin": 20,
}
"""How many each request of ``tools/moves.py`` may take: each is a place to read."""


@dataclass(frozen=True)
class Number:
    """One number: what it is now, and what it may be at most (or at least)."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def good(self) -> bool:
        """Whether the number keeps its limit."""
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit


def numbers() -> list[Number]:
    """Measure everything, without I/O beyond reading the sources."""
    files = sorted(PACKAGE.rglob("*.py"))
    functions = [lines for path in files for lines in function_lengths(path)]
    lengths = [len(path.read_text("utf-8").splitlines()) for path in files]
    tests = [
        len(path.read_text("utf-8").splitlines())
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "node_modules" not in path.parts
    ]
    comments = sum(map(comment_lines, files))
    counted = moves()
    return [
        Number("lines of a function, median", median(functions), 6),
        Number("lines of a function, 90th percentile", ninetieth(functions), 18),
        Number("lines of a function, longest", max(functions), 40),
        Number("lines of a file, median", median(lengths), 110),
        Number("lines of a file, longest", max(lengths), 280),
        Number("lines of a test file, longest", max(tests), 500),
        Number(
            "comments in 100 lines", 100 * comments / sum(lengths), 2.5, at_least=True
        ),
        *(
            Number(f"moves between modules, {name}", counted[name], limit)
            for name, limit in MOVES.items()
        ),
    ]


def ninetieth(values: list[int]) -> float:
    """Return the 90th percentile of *values*."""
    return quantiles(values, n=10)[-1]


def function_lengths(path: Path) -> Iterator[int]:
    """Yield the lines of each function's body, its docstring left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield (node.end_lineno or 0) - body[0].lineno + 1


def comment_lines(path: Path) -> int:
    """Count the comments of *path* that say something to a reader."""
    readline = io.StringIO(path.read_text("utf-8")).readline
    found = (
        t.string
        for t in tokenize.generate_tokens(readline)
        if t.type == tokenize.COMMENT
    )
    return sum(not text.startswith(("# noqa", "# type:", "# fmt:")) for text in found)


def main() -> int:
    """Print each number beside its limit."""
    found = numbers()
    for number in found:
        sign = ">=" if number.at_least else "<="
        mark = "" if number.good else "   <-- over the limit"
        print(f"{number.name:62} {number.value:6.1f} {sign} {number.limit:g}{mark}")
    return 0 if all(number.good for number in found) else 1


if __name__ == "__main__":
    sys.exit(main())
