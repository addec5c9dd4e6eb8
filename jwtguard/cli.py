"""``jwtguard check | explain | issuer | demo``.

Exit codes: 0 is well, 1 is refused or wrong, 2 is a wrong call.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import __version__
from .check import check, check_app
from .errors import ConfigurationError
from .explain import Dated, explain, token_in
from .guard import Guard
from .outside.http import HTTPClient
from .routes import Finding
from .routes.judged import Row
from .settings import load_policy
from .shown import Check
from .tried import request_of, try_request

_EXTRAS = {"issuer": "issuer", "demo": "demo"}
_COLOURS = {"ok": "32", "note": "36", "weak": "33", "wrong": "31"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    # What the guard would log is among the findings.
    logging.getLogger(__package__).addHandler(logging.NullHandler())
    parser = _parser(sys.argv[1:] if argv is None else argv)
    arguments = parser.parse_args(argv)
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"{_painted('wrong', 'wrong')}  {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jwtguard", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("check", help="read JWTGUARD_*, reach the issuer, report")
    one.add_argument(
        "app", nargs="?", metavar="APP", help="module:app or module:factory()"
    )
    one.add_argument("--json", action="store_true", help="for scripts")
    one.set_defaults(run=_check)

    one = commands.add_parser("explain", help="each check of a token, in order")
    one.add_argument(
        "token", nargs="?", default="-", help="default: read from standard input"
    )
    one.add_argument("--json", action="store_true", help="for scripts")
    one.add_argument("--origin", help="also try a request from a page at this origin")
    one.add_argument("--method", help="also try a request with this method")
    one.add_argument("--path", help="also try a request to this path")
    one.add_argument(
        "--cookie", action="store_true", help="the token comes in JWTGUARD_COOKIE"
    )
    one.set_defaults(run=_explain)

    for name, text in (
        ("issuer", "a token server for development"),
        ("demo", "the whole picture on loopback"),
    ):
        one = commands.add_parser(name, help=text)
        if name in argv:  # their libraries are an extra, and slow to import
            _delegate(one, name)
    return parser


def _delegate(parser: argparse.ArgumentParser, name: str) -> None:
    try:
        module = importlib.import_module(f"{__package__}.{name}")
    except ModuleNotFoundError as error:
        missing = f"jwtguard {name} needs {error.name}: "
        missing += f"pip install 'jwtguard-middleware[{_EXTRAS[name]}]'"

        def complain(_: argparse.Namespace) -> int:
            print(missing, file=sys.stderr)
            return 2

        parser.set_defaults(run=complain)
        return
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


def _check(arguments: argparse.Namespace) -> int:
    findings: Sequence[Finding]
    rows: Sequence[Row] = ()
    if arguments.app is None:
        findings = list(check(Guard.from_env()))
    else:
        try:
            findings, rows = check_app(_application(arguments.app))
        except _NotAnApplicationError as error:
            print(error, file=sys.stderr)
            return 2
    if arguments.json:
        told = {
            "findings": [asdict(finding) for finding in findings],
            "routes": [row.as_dict() for row in rows],
        }
        print(json.dumps(told, indent=1))
    else:
        _print_findings(findings)
        _print_rows(rows)
    levels = {one.level for one in findings} | {row.level for row in rows}
    return 1 if "wrong" in levels else 0


class _NotAnApplicationError(Exception):
    """What was named cannot be checked; the text says why."""


def _application(spec: str) -> Any:
    """Import ``module:app``, or call ``module:factory()``."""
    match = re.fullmatch(r"([\w.]+):([\w.]+?)(\(\))?", spec)
    if match is None:
        raise _NotAnApplicationError(f"{spec!r}: write module:app or module:factory()")
    module, name, call = match.groups()
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise _NotAnApplicationError(f"{spec}: {error}") from error
    if call:
        return found()
    if not callable(found):
        raise _NotAnApplicationError(f"{spec}: {found!r} is no application")
    if inspect.isfunction(found) and _needs_nothing(found):
        raise _NotAnApplicationError(f"{spec} looks like a factory: write {spec}()")
    return found


def _needs_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


def _print_findings(findings: Sequence[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        level = _painted(f"{finding.level:5}", finding.level)
        print(f"{level}  {finding.what:{width}}  {finding.text}")


def _print_rows(rows: Sequence[Row]) -> None:
    if not rows:
        return
    head = Row(
        level="", methods="method", path="path", demands="needs", handler="handler"
    )
    cells = [(r.methods, _at(r), r.demands, r.handler) for r in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    print()
    for row, texts in zip((head, *rows), cells, strict=True):
        level = _painted(f"{row.level:5}", row.level)
        columns = zip(texts, widths, strict=True)
        line = "  ".join([level, *(f"{text:{width}}" for text, width in columns)])
        print(line.rstrip())


def _at(row: Row) -> str:
    return f"{row.path} as {row.example}" if row.example else row.path


def _explain(arguments: argparse.Namespace) -> int:
    clock = Dated(HTTPClient().get, time.time)
    guard = Guard(load_policy(os.environ), transport=clock)
    if arguments.cookie and guard.policy.cookie is None:
        print("--cookie: JWTGUARD_COOKIE is not set", file=sys.stderr)
        return 2
    if arguments.token == "-" and sys.stdin.isatty():  # noqa: S105
        print("paste the token, then press Enter and Ctrl-D", file=sys.stderr)
    said = sys.stdin.read() if arguments.token == "-" else arguments.token  # noqa: S105
    token = token_in(said)
    checks = list(explain(guard, token, clock))
    asked = arguments.method, arguments.path, arguments.origin
    if any(asked) or arguments.cookie:
        request = request_of(
            guard,
            token,
            method=(arguments.method or "GET").upper(),
            path=arguments.path or "/",
            origin=arguments.origin or "",
            cookie=arguments.cookie,
        )
        checks += try_request(guard, request, token)
    if arguments.json:
        print(json.dumps([one.as_dict() for one in checks], indent=1))
    else:
        for one in checks:
            _print_check(one)
    return 0 if all(one.passed for one in checks) else 1


def _print_check(one: Check) -> None:
    mark = _painted("passed", "ok") if one.passed else _painted("failed", "wrong")
    print(f"{mark}  {one.name:9}  {one.found}")
    told = (("expected", one.expected), ("reason", one.reason), ("hint", one.hint))
    for name, text in told if not one.passed else told[2:]:
        if text:
            print(f"        {name + ':':10} {text}")


def _painted(text: str, level: str) -> str:
    if not level or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m"


if __name__ == "__main__":
    sys.exit(main())
