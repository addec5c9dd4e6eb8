"""Path patterns. Patterns that demand match widely, patterns that give match exactly
(RFC 3986 section 6).
"""

from __future__ import annotations

import re

# Each of these has opened a path in some stack: Tomcat cuts at `;`, IIS takes `\` for
# `/`, and many servers collapse `//` and `/../` after the check.
AMBIGUOUS = re.compile(
    r"^(?!/)|//|/\.{1,2}(?:/|$)|[\\;%\x00-\x1f\x7f-\x9f]"
    r"|[\u0130\u0131]"  # re.IGNORECASE and upper() make an i of them, casefold does not
    r"|[\ufffd\ud800-\udfff]"  # not UTF-8: some put U+FFFD there, some drop the byte
)


_ENCODED_SLASH = re.compile(r"%(?:2f|5c)", re.IGNORECASE)


def ambiguous(path: str, raw_path: str | None) -> bool:
    """Whether somebody else could read *path* differently from us."""
    if AMBIGUOUS.search(path):
        return True
    # Where the server shows the raw target, an encoded slash is seen; in the decoded
    # path it looks like a real one.
    if raw_path is None or "%" not in raw_path:
        return False
    return _ENCODED_SLASH.search(raw_path.partition("?")[0]) is not None


def below(root: str, path: str) -> str:
    """Return the part of *path* that an application mounted at *root* routes on.

    Servers name a root that their paths begin with (RFC 3875 section 4.1.13), or one
    that a proxy took off already. If *root* is elsewhere in *path*, routers disagree:
    the result is "", which is ambiguous.
    """
    if root == "/":
        return path
    # Some routers take "/api/" for "/api" and some do not.
    if root.endswith("/"):
        return ""
    if root.startswith("/") and path.startswith(f"{root}/"):
        return path[len(root) :]
    # Falcon and Litestar cut the root wherever it stands, others only at the beginning.
    if root.casefold() in path.casefold():
        return ""
    return path


def gives(pattern: str, path: str) -> bool:
    """Exactly as written; ``/x/*`` is what lies below ``/x``, not ``/x`` itself.

    Nor is it ``/x/``, which many routers take for ``/x``.
    """
    return given_by(pattern, path.split("/"))


def demands(pattern: str, path: str) -> bool:
    """Whatever the case or trailing slash; ``/x/*`` includes ``/x``."""
    return demanded_by(pattern, folded(path))


def given_by(pattern: str, found: list[str]) -> bool:
    """Ask ``gives`` of a path that was split: once for all patterns."""
    fixed = pattern.removesuffix("/*")
    wanted = fixed.split("/")
    below = len(found) - len(wanted)
    # `/files/` is often the same page as `/files`, which the pattern `/files/*` does
    # not open.
    least = 2 if fixed and found[-1] == "" else 1
    fits = below == 0 if fixed == pattern else below >= least
    return fits and _alike(wanted, found)


def demanded_by(pattern: str, found: list[str]) -> bool:
    """Ask ``demands`` of a path that was ``folded``: once for all patterns."""
    fixed = pattern.removesuffix("/*")
    wanted = folded(fixed)
    below = len(found) - len(wanted)
    fits = below == 0 if fixed == pattern else below >= 0
    return fits and _alike(wanted, found)


def covers(give: str, demand: str) -> bool:
    """Whether some path is given by *give* and demanded by *demand*."""
    reach, fixed = give.removesuffix("/*"), demand.removesuffix("/*")
    given, wanted = folded(reach), folded(fixed)
    if reach == give and len(given) < len(wanted):
        return False
    if fixed == demand and len(given) > len(wanted):
        return False
    # Wide on purpose: a false alarm is an error at start-up, a missed overlap is an
    # open token path.
    pairs = zip(given, wanted, strict=False)
    return all(one == other or "*" in (one, other) for one, other in pairs)


def overlap(demand: str, other: str) -> bool:
    """Whether some path is demanded by both patterns."""
    return covers(demand, other) or covers(other, demand)


def _alike(wanted: list[str], found: list[str]) -> bool:
    """Compare as many segments as both have; ``*`` stands for any that is not empty."""
    return all(
        own == other or (own == "*" and other != "")
        for own, other in zip(wanted, found, strict=False)
    )


def folded(path: str) -> list[str]:
    """Return the segments of *path*, without regard to case or a slash at the end."""
    return path.rstrip("/").casefold().split("/")
