"""The table of wire cases, run through every world: they cannot drift apart."""

from __future__ import annotations

import logging

import pytest

from tests.wire.case import Case
from tests.wire.cases_bound import BOUND
from tests.wire.cases_bypasses import BYPASSES
from tests.wire.cases_clients import CLIENTS
from tests.wire.cases_cookies import COOKIES
from tests.wire.cases_cors import CORS_CASES
from tests.wire.cases_grants import GRANTS
from tests.wire.cases_introspection import INTROSPECTION
from tests.wire.cases_login_page import LOGIN_PAGE
from tests.wire.cases_logout import LOGOUT
from tests.wire.cases_metadata import METADATA
from tests.wire.cases_mtls import MTLS
from tests.wire.cases_pages import PAGE_CASES
from tests.wire.cases_paths import PATHS
from tests.wire.cases_protected import PROTECTED
from tests.wire.cases_report_only import REPORT_ONLY
from tests.wire.cases_revoked import REVOKED
from tests.wire.cases_sessions import SESSION_CASES
from tests.wire.cases_shadow import SHADOW_CASES
from tests.wire.cases_step_up import STEP_UP
from tests.wire.cases_token_header import TOKEN_HEADER
from tests.wire.worlds import WORLDS

CASES = [
    *PROTECTED,
    *CORS_CASES,
    *GRANTS,
    *COOKIES,
    *PATHS,
    *CLIENTS,
    *BYPASSES,
    *LOGOUT,
    *SESSION_CASES,
    *LOGIN_PAGE,
    *REVOKED,
    *INTROSPECTION,
    *MTLS,
    *REPORT_ONLY,
    *PAGE_CASES,
    *SHADOW_CASES,
    *TOKEN_HEADER,
    *METADATA,
    *STEP_UP,
    *BOUND,
]


QUICK = ("wsgi", "asyncio")
"""The worlds that ``make test-quick`` looks at: one for each interface."""


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(world, marks=() if world in QUICK else pytest.mark.slow)
        for world in WORLDS
    ],
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wire(case: Case, world: str, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is the same in every world, and the one that was promised."""
    if case.worlds and world not in case.worlds:
        return
    with caplog.at_level(logging.DEBUG, logger="jwtguard"):
        answer = WORLDS[world](case.environ, case.ask, case.app)
    case.check(answer)
    case.check_log(caplog.records, answer)


def test_every_case_has_a_name_of_its_own() -> None:
    """A name that stands twice would hide which row failed."""
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)
