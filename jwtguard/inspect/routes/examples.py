"""Concrete paths for a route or a path rule; whether they lead there is asked later.

Nothing here has to be exact: a path that reaches another handler, or none, is dropped
by whoever asks the router.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .model import Route

_PARAMETER = re.compile(
    r"\{(\w+)(?::\w+)?\}"  # Starlette
    r"|<(?:\w+(?:\(.*?\))?:)?(\w+)>"  # werkzeug
)
# Converters of frameworks accept numbers, UUIDs, dates, or words of a choice: some of
# these fit nearly all of them.
_VALUES = (
    "a", "7", "b-2_c~", "\u00e9 x", "1.5", "0", "-1", "en", "EN",
    "deadbeef", "00000000-0000-4000-8000-000000000001", "2026-01-05", "2026",
    "v1", "abc", "ABC", "a.txt", "a@b.example", "true", "EUR",
)  # fmt: skip
"""Texts of many shapes; the first that fit a parameter stand for it."""
_DEEP = ("q/r", "x/y", "q/")
"""Texts for parameters that take several segments."""
_FEW = 4


class Example(NamedTuple):
    """A path. ``plain``: made of the route alone; ``odd``: for a forgiving router."""

    path: str
    odd: bool = False
    plain: bool = False


def examples_of(route: Route, rules: Sequence[str]) -> Iterator[Example]:
    """Yield paths that may reach *route*, the plainest first.

    *rules* are the patterns of the guard in front: parameters are filled with what
    they name too.
    """
    template, fits = route.template, dict(route.patterns)
    named = frozenset(part for rule in rules for part in rule.split("/"))
    plain = list(dict.fromkeys(_filled(template, fits, named)))
    outside = template.removesuffix(route.inner)
    prefix = next(iter(_filled(outside, fits)), "")
    for path in plain:
        yield Example(path, plain=True)
    for rule in rules:
        for inner in _aligned(route.inner, fits, rule):
            yield Example(prefix + inner)
            yield Example(_slashed(prefix + inner), odd=True)
    for path in plain[:1]:
        # Of one plain path only: each spelling is tried on the whole application.
        for odd in _spellings(path):
            yield Example(odd, odd=True)


def examples_under(rule: str, prefix: str) -> Iterator[Example]:
    """Yield paths that fall under *rule* of a guard that stands below *prefix*."""
    for value in ("a", "7"):
        yield Example(prefix + "/".join(_starless(rule.split("/"), value)))
    yield Example(_slashed(prefix + rule.removesuffix("/*")), odd=True)


def host_for(route: Route, usual: str) -> str:
    """Return a host that *route* answers for."""
    return _PARAMETER.sub("a", route.host) if route.host else usual


def _starless(parts: Iterable[str], value: str) -> Iterator[str]:
    return (value if part == "*" else part for part in parts)


def _filled(
    template: str, fits: dict[str, str], named: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield *template* with each parameter filled; they vary one at a time.

    What is *named* by a rule comes last: it stands for itself, not for the others.
    """
    names = [_name(found) for found in _PARAMETER.finditer(template)]
    choices = {name: _values(fits.get(name, "[^/]+"), named) for name in names}
    if "/*" in template:
        choices["*"] = _values(".+", named)
    usual = {name: values[0] for name, values in choices.items() if values}
    if len(usual) < len(choices):
        return
    yield _put(template, usual)
    for name, values in choices.items():
        for value in values[1:]:
            yield _put(template, {**usual, name: value})


def _put(template: str, values: dict[str, str]) -> str:
    path = _PARAMETER.sub(lambda found: values[_name(found)], template)
    if path.endswith("/*"):
        path = path.removesuffix("*") + values["*"]
    return path


def _name(found: re.Match[str]) -> str:
    return found[1] or found[2]


def _values(pattern: str, named: frozenset[str] = frozenset()) -> list[str]:
    """Return some texts that *pattern* matches whole; its own words among them."""
    # A choice, as in `(en|de)`, holds its own values.
    words = re.split(r"[|()?:]+", pattern)
    try:
        fitting = [v for v in (*_VALUES, *words) if v and re.fullmatch(pattern, v)]
    except re.error:
        return []
    deep = [value for value in _DEEP if re.fullmatch(pattern, value)]
    chosen = [*sorted(dict.fromkeys(fitting), key=named.__contains__)[:_FEW], *deep]
    return sorted(chosen, key=lambda value: not named.isdisjoint(value.split("/")))


def _aligned(template: str, fits: dict[str, str], rule: str) -> Iterator[str]:
    """Yield *template* with its parameters filled as *rule* has them."""
    for made in _side_by_side(template.split("/"), rule.split("/"), fits):
        yield "/".join(made)


def _side_by_side(
    parts: Sequence[str], wanted: Sequence[str], fits: dict[str, str]
) -> Iterator[list[str]]:
    if not parts:
        yield []
        return
    for value, taken in _segments(parts[0], wanted, fits):
        for rest in _side_by_side(parts[1:], wanted[taken:], fits):
            yield [value, *rest]


def _segments(
    part: str, wanted: Sequence[str], fits: dict[str, str]
) -> Iterator[tuple[str, int]]:
    """Yield texts for one *part* of a template, and how many segments each takes."""
    own, found = wanted[0] if wanted else "*", _PARAMETER.fullmatch(part)
    if found is None and part != "*":
        filled = next(iter(_filled(part, fits)), None)
        if filled is not None and (filled != part or _alike(own, part)):
            yield filled, 1
        return
    pattern = ".*" if found is None else fits.get(_name(found), "[^/]+")
    usual = next(iter(_values(pattern)), "a")
    yield (usual if own == "*" else own), 1
    if re.fullmatch(pattern, "x/y"):
        for taken in range(2, len(wanted) + 1):
            yield "/".join(_starless(wanted[:taken], "a")), taken


def _alike(own: str, part: str) -> bool:
    return own == "*" or own.casefold() == part.casefold()


def _slashed(path: str) -> str:
    """Return *path* with a final slash, or without the one that it has."""
    return path.rstrip("/") if path.endswith("/") and path != "/" else path + "/"


def _spellings(path: str) -> Iterator[str]:
    """Yield what a careless router takes for *path*."""
    yield _slashed(path)
    yield path.upper()
    yield path.lower()
    yield "/" + path
    yield path.replace("/", "//")
    yield path + "//"
    # The dotless i: with re.IGNORECASE or upper() it is an i.
    yield path.replace("i", "\u0131")
    yield "/." + path
