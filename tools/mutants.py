"""Which changes to ``core/`` did no test see? ``python tools/mutants.py [MODULE ...]``.

Reads what ``mutmut run`` left in ``mutants/``. A change that survives is open until a
test sees it, or ``tests/mutants/*.toml`` says why none can: there, each reason names a
function and how many changes to it survive. Prints the changes to functions where more
or fewer survive than that, then the score; exit status 1 if there are any.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

mutmut = import_module("mutmut.__main__")

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "mutants"
RAN = ROOT / "mutants" / "jwtguard" / "core"
UNSEEN = ("survived", "no tests")


def ran(modules: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and status of each change that was tried."""
    for path in sorted(RAN.rglob("*.py.meta")):
        parts = path.relative_to(RAN).as_posix().removesuffix(".py.meta").split("/")
        module = ".".join(parts)
        if modules and parts[-1] not in modules:
            continue
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        for name, code in codes.items():
            yield module, name, mutmut.status_by_exit_code[code]


def change(name: str) -> str:
    """Say what was changed where: ``verify.jose.parse: old => new``."""
    where = re.sub(r"__mutmut_\d+$", "", name.removeprefix("jwtguard.core."))
    module, _, function = where.rpartition(".")
    function = function.removeprefix("xǁ").removeprefix("x_").replace("ǁ", ".")
    lines = [
        line
        for line in mutmut.get_diff_for_mutant(name).splitlines()
        if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")
    ]
    old, new = (
        " ".join(" ".join(line[1:].split()) for line in lines if line[0] == sign)
        for sign in "-+"
    )
    return f"{module}.{function}: {old} => {new}"


def explained(modules: list[str]) -> Counter[str]:
    """Return how many changes to each function no test can see."""
    found: Counter[str] = Counter()
    for path in sorted(KEPT.glob("*.toml")):
        if modules and path.stem not in modules:
            continue
        for group in tomllib.loads(path.read_text("utf-8"))["kept"]:
            if not group["why"].strip():
                raise ValueError(f"{path.name}: a group without a reason")
            found[group["function"]] += group["changes"]
    return found


def main(modules: list[str]) -> int:
    """Compare, print, return the exit status."""
    counts: dict[str, Counter[str]] = {}
    survivors: dict[str, list[str]] = {}
    for module, name, status in ran(modules):
        counts.setdefault(module, Counter())[status] += 1
        if status in UNSEEN:
            text = change(name)
            survivors.setdefault(text.partition(": ")[0], []).append(text)
    kept = explained(modules)
    unlike = sorted(
        name
        for name in {*survivors, *kept}
        if len(survivors.get(name, ())) != kept[name]
    )
    for name in unlike:
        found = survivors.get(name, [])
        print(f"{name}: {len(found)} survive, {kept[name]} explained")
        print("".join(f"  {text}\n" for text in found), end="")
    for module, found_of in sorted(counts.items()):
        print(f"{module:12}" + "  ".join(f"{k} {v}" for k, v in found_of.most_common()))
    total = sum(counts.values(), Counter[str]())
    tried = total.total() - total["not checked"]
    unseen = sum(total[status] for status in UNSEEN)
    print(
        f"{tried} changes, {tried - unseen} noticed, {sum(kept.values())} explained, "
        f"{len(unlike)} functions to look at"
    )
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
