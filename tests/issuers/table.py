"""Generates the page that lists what was tested with which server.

A test module names its ``SERVER``, or its shapes do; the docstring of a test is the
promise. ``python -m tests.issuers.table`` runs the suites and writes the page; a test
compares the page with the results.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.issuers.keycloak.dist import VERSION

HERE = Path(__file__).parent
TEST = HERE / "test_table.py"
PAGE = HERE.parents[1] / "docs/issuers/tested.md"
ORDER = (
    "Keycloak",
    "oidc-provider",
    "django-oauth-toolkit",
    "Auth0",
    "Microsoft Entra",
    "Okta",
    "Amazon Cognito",
    "Clerk",
    "Supabase",
    "Kubernetes",
    "GitHub Actions",
    "Cloudflare Access",
    "Sloppy servers",
)
HEAD = """\
# What was tested

`python -m tests.issuers.table` generates this page from the tests in `tests/issuers`,
and a test compares the two. Keycloak and oidc-provider run as real servers, and their
tokens go through both examples: Flask under gunicorn and Starlette under uvicorn. For
the other servers, the tests sign tokens like those in their documentation with a test
key. Every server is configured with environment variables or a TOML file alone: no test
makes a policy in Python.
"""

Row = tuple[str, str]
results: dict[Row, list[str]] = defaultdict(list)
"""Server and promise, and the outcome of each of its cases."""


def row_of(item: pytest.Item) -> Row | None:
    """Return server and promise of a test, if it belongs to a server."""
    if item.path.parent != HERE or not isinstance(item, pytest.Function):
        return None
    shape = item.callspec.params.get("shape") if hasattr(item, "callspec") else None
    server = getattr(shape, "server", None) or getattr(item.module, "SERVER", None)
    return (server, promise(inspect.getdoc(item.function))) if server else None


def promise(docstring: str | None) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (docstring or "").partition("\n")[0].rstrip(".")


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    """Keep the outcome of a test: of its call, or of what kept it from being called."""
    row = row_of(item)
    if row is not None and (report.when == "call" or not report.passed):
        results[row].append(report.outcome)


def line(row: Row, outcomes: list[str]) -> str:
    """Return the line of the page for one promise."""
    worst = next((o for o in ("failed", "skipped") if o in outcomes), "passed")
    cases = f"{len(outcomes)} cases" if len(outcomes) > 1 else "1 case"
    return f"| {row[1]} | {cases} | {worst} |"


def title(server: str) -> str:
    """Return the heading of a server: with its version, if it runs here."""
    return f"## {server} {_versions().get(server, '')}".rstrip()


def written(server: str) -> str:
    """Return what the page says of a server now, its heading included."""
    rest = PAGE.read_text("utf-8").partition(f"## {server}")[2]
    return f"## {server}{rest.partition(chr(10) + '## ')[0]}"


def page() -> str:
    """Return the whole page, from the results."""
    parts = [HEAD]
    for server in ORDER:
        lines = [
            line(row, outcomes) for row, outcomes in results.items() if row[0] == server
        ]
        top = [title(server), "", "| what | tests | result |", "|---|---|---|"]
        parts.append("\n".join([*top, *lines, ""]))
    return "\n".join(parts)


def _versions() -> dict[str, str]:
    package = json.loads((HERE / "oidc_provider/package.json").read_text("utf-8"))
    return {
        "Keycloak": VERSION,
        "oidc-provider": package["dependencies"]["oidc-provider"],
    }


def main() -> int:
    """Run the suites, and write the page if they passed."""
    # Run as a program this is another module than the one that the tests write to.
    from tests.issuers import table

    options = ["-q", "-p", "no:cacheprovider", str(HERE), f"--ignore={TEST}"]
    code = pytest.main(options)
    if code == pytest.ExitCode.OK:
        PAGE.write_text(table.page(), "utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
