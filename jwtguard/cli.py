"""``jwtguard check | explain | issuer | demo``.

Exit codes: 0 is well, 1 is refused or wrong, 2 is a wrong call.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence

from . import __version__
from .check import Finding, check
from .core.messages import Request
from .errors import ConfigurationError
from .explain import Check, explain, try_request
from .guard import Guard

_EXTRAS = {"issuer": "issuer", "demo": "demo"}
_COLOURS = {"ok": "32", "note": "36", "weak": "33", "wrong": "31"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
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
    findings = list(check(Guard.from_env()))
    if arguments.json:
        rows = [{"level": f.level, "what": f.what, "text": f.text} for f in findings]
        print(json.dumps(rows, indent=1))
    else:
        _print_findings(findings)
    return 1 if any(finding.level == "wrong" for finding in findings) else 0


def _print_findings(findings: Sequence[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        level = _painted(f"{finding.level:5}", finding.level)
        print(f"{level}  {finding.what:{width}}  {finding.text}")


def _explain(arguments: argparse.Namespace) -> int:
    guard = Guard.from_env()
    token = sys.stdin.read() if arguments.token == "-" else arguments.token  # noqa: S105
    token = token.strip().removeprefix("Bearer ").strip()
    checks = list(explain(guard, token))
    if arguments.origin or arguments.method or arguments.path:
        checks.append(try_request(guard, _request(arguments, token)))
    if arguments.json:
        print(json.dumps([one.as_dict() for one in checks], indent=1))
    else:
        for one in checks:
            _print_check(one)
    return 0 if all(one.passed for one in checks) else 1


def _request(arguments: argparse.Namespace, token: str) -> Request:
    headers = {"authorization": (f"Bearer {token}",), "host": ("api.invalid",)}
    if arguments.origin:
        headers["origin"] = (arguments.origin,)
    return Request(
        method=arguments.method or "GET", path=arguments.path or "/", headers=headers
    )


def _print_check(one: Check) -> None:
    mark = _painted("passed", "ok") if one.passed else _painted("failed", "wrong")
    print(f"{mark}  {one.name:9}  {one.found}")
    if one.passed:
        return
    for name, text in (
        ("expected", one.expected),
        ("reason", one.reason),
        ("hint", one.hint),
    ):
        if text:
            print(f"        {name + ':':10} {text}")


def _painted(text: str, level: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m"


if __name__ == "__main__":
    sys.exit(main())
