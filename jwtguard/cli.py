"""``jwtguard check | explain | learn | settings | secret | issuer | demo``.

Exit status: 0 success, 1 problem found, 2 usage error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from . import __version__
from .errors import ConfigurationError
from .guard import Guard
from .inspect import learn_command, settings_command
from .inspect.check_clock import check_here
from .inspect.check_names import misnamed
from .inspect.check_policy import check_app
from .inspect.explain_app import explain_app
from .inspect.explain_options import UsageError, certificate_of, proof_of
from .inspect.explain_proof import at_url, proof_checks
from .inspect.explain_request import request_of, try_request
from .inspect.explain_session import read_input
from .inspect.explain_token import Dated, explain
from .inspect.loading import LoadError, attempt, load
from .inspect.printing import painted, print_check, print_findings, print_rows
from .inspect.routes import Finding
from .inspect.routes.report import Row
from .inspect.shown import Check, escaped
from .inspect.streams import leave_stdout, tolerate
from .outside.http import HTTPClient
from .settings import load_policy


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    # What the guard would log is among the findings.
    logging.getLogger(__package__).addHandler(logging.NullHandler())
    tolerate()
    parser = _parser(sys.argv[1:] if argv is None else argv)
    arguments, unknown = parser.parse_known_args(argv)
    # Without its libraries a command does not know its own options.
    if unknown and not hasattr(arguments, "missing"):
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        status = run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        leave_stdout()
        return 1
    except ConfigurationError as error:
        names = [one.text for one in misnamed(os.environ)]
        for problem in (*error.problems, *names):
            text = escaped(problem)
            print(f"{painted('wrong', 'wrong')}  {text}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jwtguard", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser(
        "check", help="check the settings, the issuer and, if given, an application"
    )
    one.add_argument(
        "app", nargs="?", metavar="APP", help="module:app or module:factory()"
    )
    one.add_argument("--json", action="store_true", help="write JSON")
    one.add_argument(
        "--probe",
        action="store_true",
        help="ask introspection endpoints about a token that is made up",
    )
    one.set_defaults(run=_check)

    _explain_arguments(
        commands.add_parser("explain", help="show each check of a token, in order")
    )

    text = "propose settings from a log of what is only reported"
    commands.add_parser("learn", help=text).set_defaults(run=learn_command.run)

    text = "list the settings, or explain some"
    settings_command.add_arguments(commands.add_parser("settings", help=text))

    text = "print a new random secret for JWTGUARD_SECRETS"
    commands.add_parser("secret", help=text).set_defaults(run=_secret)

    for name, text in (
        ("issuer", "run a token server for development"),
        ("demo", "run issuer, API and site on loopback"),
    ):
        one = commands.add_parser(name, help=text)
        if name in argv:  # their libraries are an extra, and slow to import
            _delegate(one, name)
    return parser


def _explain_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "words",
        nargs="*",
        metavar="[TOKEN] [METHOD PATH]",
        help="the token or a session cookie (default: standard input), and a request",
    )
    one.add_argument("--json", action="store_true", help="write JSON")
    one.add_argument(
        "--app",
        metavar="APP",
        help="module:app or module:factory(): its guard, path rules and decorators",
    )
    one.add_argument("--origin", help="also try a request from a page at this origin")
    one.add_argument("--method", help="also try a request with this method")
    one.add_argument("--path", help="also try a request to this path")
    one.add_argument(
        "--cookie", action="store_true", help="the token comes in JWTGUARD_COOKIE"
    )
    one.add_argument(
        "--cert",
        metavar="FILE",
        help="the client's certificate, for a token that is bound to one",
    )
    one.add_argument("--proof", help="also explain a DPoP proof that came with it")
    one.add_argument("--url", help="the URL that the client called, as it wrote it")
    one.set_defaults(run=_explain)


def _delegate(parser: argparse.ArgumentParser, name: str) -> None:
    try:
        module = importlib.import_module(f"{__package__}.{name}")
    except ModuleNotFoundError as error:
        extra = f"jwtguard-middleware[{name}]"
        missing = f"jwtguard {name} needs {error.name}: pip install '{extra}'"

        def complain(_: argparse.Namespace) -> int:
            print(missing, file=sys.stderr)
            return 2

        parser.epilog, parser.formatter_class = missing, argparse.RawTextHelpFormatter
        parser.set_defaults(run=complain, missing=missing)
        return
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


def _check(arguments: argparse.Namespace) -> int:
    findings: Sequence[Finding]
    rows: Sequence[Row] = ()
    if arguments.app is None:
        findings = list(check_here(probe=arguments.probe))
    else:
        try:
            app = _application(arguments.app)
            findings, rows = attempt(
                f"{arguments.app} cannot be checked",
                lambda: check_app(app, probe=arguments.probe),
            )
        except (_NotAnApplicationError, LoadError) as error:
            print(error, file=sys.stderr)
            return 2
    findings = [*findings, *misnamed(os.environ)]
    if arguments.json:
        told = {
            "findings": [asdict(finding) for finding in findings],
            "routes": [row.as_dict() for row in rows],
        }
        print(json.dumps(told, indent=1))
    else:
        print_findings(findings)
        print_rows(rows)
    levels = {one.level for one in findings} | {row.level for row in rows}
    return 1 if "wrong" in levels else 0


def _secret(_: argparse.Namespace) -> int:
    print(secrets.token_urlsafe(32))
    return 0


class _NotAnApplicationError(UsageError):
    """What was named cannot be checked; the text says why."""


def _application(spec: str) -> Any:
    """Import ``module:app``, or call ``module:factory()``."""
    try:
        return load(spec)
    except LoadError as error:
        raise _NotAnApplicationError(str(error)) from error


def _explain(arguments: argparse.Namespace) -> int:
    try:
        argument, request = _words(arguments)
        checks = list(_checks(arguments, argument, request))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps([one.as_dict() for one in checks], indent=1))
    else:
        for one in checks:
            print_check(one)
    return 0 if all(one.passed for one in checks) else 1


def _checks(
    arguments: argparse.Namespace, argument: str, request: Mapping[str, str]
) -> Iterator[Check]:
    origin, cookie = arguments.origin or "", arguments.cookie
    method, path = request.get("method", "GET"), request.get("path", "/")
    certificate = certificate_of(arguments.cert)
    asked = {
        "method": method, "path": path, "origin": origin, "cookie": cookie,
        "certificate": certificate,
    }  # fmt: skip
    proof = proof_of(arguments, request)
    if arguments.app:
        if "path" not in request:
            raise UsageError("--app needs a request, like GET /notes")
        app = _application(arguments.app)
        yield from explain_app(app, _token(argument), **asked)
        return
    clock = Dated(HTTPClient().get, time.time)
    guard = Guard(load_policy(os.environ), transport=clock)
    if cookie and guard.policy.cookie is None:
        raise UsageError("--cookie needs JWTGUARD_COOKIE")
    opened, token, session = read_input([guard], _token(argument))
    yield from opened
    if token is None:
        return
    yield from explain(guard, token, clock, certificate)
    if request or origin or cookie or proof is not None:
        sent = request_of(guard, token, **asked, proof=proof)
        if proof is not None:
            sent = at_url(guard, sent, arguments.url)
            yield from proof_checks(guard, token, sent)
            # Whoever sent the proof can still use it.
            guard = Guard(replace(guard.policy, dpop_replays=0), transport=clock)
        yield from try_request(guard, sent, token, session=session)


def _words(arguments: argparse.Namespace) -> tuple[str, Mapping[str, str]]:
    """Return the token, or ``-``, and the method and path that were given."""
    words = list(arguments.words)
    token = words.pop(0) if len(words) in (1, 3) else "-"
    if words and (len(words) != 2 or not words[1].startswith("/")):
        raise UsageError(
            "usage: jwtguard explain [TOKEN] [METHOD PATH], like GET /notes"
        )
    if words and (arguments.method or arguments.path):
        raise UsageError("give METHOD PATH, or --method and --path, but not both")
    method, path = words or (arguments.method, arguments.path)
    given = {"method": method and method.upper(), "path": path}
    return token, {name: value for name, value in given.items() if value}


def _token(argument: str) -> str:
    if argument == "-" and sys.stdin.isatty():
        print("paste the token, then press Enter and Ctrl-D", file=sys.stderr)
    return sys.stdin.read() if argument == "-" else argument


if __name__ == "__main__":
    sys.exit(main())
