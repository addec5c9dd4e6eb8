"""The bodies of refusals: what is sent if an application words them itself."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.core.model.request import Request
from jwtguard.core.respond.wording import Refusal, RefusedRequest, Wording
from jwtguard.errors import AuthError, GrantError, LoginRedirectError, MissingTokenError
from jwtguard.rules import problem_json

SECRET = "s3cret"
REQUEST = Request(
    "POST", "/a", {"accept": ("text/html",), "cookie": (SECRET,)}, query=SECRET
)
MISSING = MissingTokenError("no_credentials")


def never(*_: Any, **__: Any) -> None:
    """Say that nothing may happen."""
    raise AssertionError


def worded(
    error: AuthError, render: Any, request: Request = REQUEST
) -> tuple[str, bytes]:
    answer = Wording(never, render).worded(error, request)
    return dict(answer.headers)["Content-Type"], answer.body


def test_a_renderer_sees_no_secret_of_the_request() -> None:
    """Neither header fields nor the query, and nothing of the token."""
    seen: list[Any] = []
    worded(MISSING, lambda *given: seen.append(given))
    ((refusal, request),) = seen
    assert SECRET not in f"{refusal}{request}"
    assert request == RefusedRequest("POST", "/a", "text/html", navigation=True)


def test_a_redirect_to_the_login_page_is_not_worded() -> None:
    """The browser follows it."""
    redirect = LoginRedirectError(MISSING, "/login")
    assert worded(redirect, never)[0] == "application/json"


@pytest.mark.parametrize(
    ("reason", "oauth"),
    [("form_malformed", True), ("logout_expired", True), ("session_malformed", False)],
)
def test_oauth_clients_get_what_they_can_read(reason: str, oauth: bool) -> None:
    """Problem details are for the application's own pages."""
    seen: list[Refusal] = []

    def render(refusal: Refusal, request: RefusedRequest) -> tuple[str, bytes] | None:
        seen.append(refusal)
        return problem_json(refusal, request)

    kind = worded(GrantError(reason), render)[0]
    assert kind == ("application/json" if oauth else "application/problem+json")
    assert seen[0].oauth is oauth


def test_without_accept_the_renderer_gets_an_empty_string() -> None:
    """So that ``in`` works on it."""
    seen: list[RefusedRequest] = []
    worded(MISSING, lambda _, request: seen.append(request), Request("GET", "/", {}))
    assert seen == [RefusedRequest("GET", "/", "", navigation=False)]
