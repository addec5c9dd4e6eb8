"""Which changes to ``core/`` did no test see? ``python tools/mutants.py [MODULE ...]``.

Reads what ``mutmut run`` left in ``mutants/``. A change that survives is open until a
test sees it, or ``tests/mutants/*.toml`` says why none can. Prints what is open in the
form in which it is written there, then the score; exit status 1 if anything is open,
or is explained and does not survive.
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
    for path in sorted(RAN.glob("*.py.meta")):
        module = path.name.removesuffix(".py.meta")
        if modules and module not in modules:
            continue
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        for name, code in codes.items():
            yield module, name, mutmut.status_by_exit_code[code]


def change(name: str) -> str:
    """Say what was changed where: ``jose.parse: old => new``."""
    where = re.sub(r"__mutmut_\d+$", "", name.removeprefix("jwtguard.core."))
    module, _, function = where.partition(".")
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


def explained(modules: list[str]) -> set[str]:
    """Return the changes that no test can see, each with a reason in its file."""
    found: set[str] = set()
    for path in sorted(KEPT.glob("*.toml")):
        if modules and path.stem not in modules:
            continue
        for group in tomllib.loads(path.read_text("utf-8"))["kept"]:
            if not group["why"].strip():
                raise ValueError(f"{path.name}: a group without a reason")
            found.update(group["changes"])
    return found


def main(modules: list[str]) -> int:
    """Compare, print, return the exit status."""
    counts: dict[str, Counter[str]] = {}
    survivors: dict[str, str] = {}
    for module, name, status in ran(modules):
        counts.setdefault(module, Counter())[status] += 1
        if status in UNSEEN:
            survivors[name] = change(name)
    kept = explained(modules)
    unexplained = sorted(text for text in survivors.values() if text not in kept)
    stale = sorted(kept - set(survivors.values()))
    for title, texts in (("open", unexplained), ("not needed any more", stale)):
        if texts:
            print(f"{title}:")
            print("\n".join(f"  '''{text}'''," for text in texts))
    for module, found in sorted(counts.items()):
        print(f"{module:12}" + "  ".join(f"{k} {v}" for k, v in found.most_common()))
    total = sum(counts.values(), Counter[str]())
    tried = total.total() - total["not checked"]
    unseen = sum(total[status] for status in UNSEEN)
    print(
        f"{tried} changes, {tried - unseen} noticed, {unseen - len(unexplained)} "
        f"explained, {len(unexplained)} open"
    )
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
