"""What ``check`` and ``explain`` say of refusals that are only reported."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from jwtguard import Guard, ScopeRule
from jwtguard.flask import JWTGuard, require_scope
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.explain_app import explain_app
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.testing import JWTIssuer

RULES = (ScopeRule(path="/notes/*", require="notes:write"),)


def guard_of(issuer: JWTIssuer, **settings: Any) -> Guard:
    """Return a guard of *issuer*."""
    policy = issuer.policy(**settings)
    return Guard(policy, clock=issuer.clock, transport=issuer.transport)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"report_only": "scopes"}, ["scopes: these"]),
        ({"report_only": "origins"}, ["origins: these", "preflights"]),
        (
            {"report_only": ("scopes", "origins"), "cookie": "__Host-token"},
            ["scopes origins: these", "preflights", "pages of any origin"],
        ),
        ({"report_header": True}, ["answers name rules"]),
    ],
)
def test_check_names_what_is_not_enforced(
    settings: dict[str, Any], expected: list[str], jwt_issuer: JWTIssuer
) -> None:
    """Each kind is weak, and so are cookies beside it and the header."""
    found = [
        one
        for one in check(guard_of(jwt_issuer, **settings))
        if one.what.startswith("report")
    ]
    assert len(found) == len(expected)
    for one, text in zip(found, expected, strict=True):
        assert one.text.startswith(text)
        assert one.level == ("note" if text == "preflights" else "weak")


def test_explain_shows_a_request_that_runs_and_why_it_would_not(
    jwt_issuer: JWTIssuer,
) -> None:
    """It passes, with the reason and the setting."""
    guard = guard_of(jwt_issuer, scopes=RULES, report_only="scopes")
    token = jwt_issuer.token(scope="notes:read")
    asked = {"method": "GET", "path": "/notes/1", "origin": "", "cookie": False}
    *_, last = try_request(guard, request_of(guard, token, **asked), token)  # type: ignore[arg-type]
    assert last.passed
    assert "would be refused (scope_missing): JWTGUARD_REPORT_ONLY" in last.found


@pytest.mark.parametrize("reported", [True, False])
def test_explain_shows_a_decorator_that_only_reports(
    reported: bool, jwt_issuer: JWTIssuer
) -> None:
    """The row passes, as the request does; without the setting it fails."""
    app = Flask("explained")
    words = ("scopes",) if reported else ("origins",)
    JWTGuard(app, guard_of(jwt_issuer, report_only=words))
    view = require_scope("notes:write")(lambda: "ran")
    app.add_url_rule("/notes", "notes", view)
    token = jwt_issuer.token(scope="notes:read")
    rows = explain_app(app, token, method="GET", path="/notes", origin="", cookie=False)
    (row,) = [row for row in rows if row.name == "decorator"]
    assert row.passed is reported
    assert ("JWTGUARD_REPORT_ONLY" in row.found) is reported
    assert "scope notes:write" in f"{row.found} {row.expected}"


def test_check_names_a_second_policy(jwt_issuer: JWTIssuer) -> None:
    """It costs time, and should not be forgotten."""
    policy = jwt_issuer.policy(shadow=jwt_issuer.policy())
    guard = Guard(policy, clock=jwt_issuer.clock, transport=jwt_issuer.transport)
    (found,) = [one for one in check(guard) if one.what == "shadow config"]
    assert found.level == "note"
