"""Decorators under ``JWTGUARD_REPORT_ONLY``: what a client gets, in every framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.reasons import REASONS
from jwtguard.testing import FakeClock, JWTIssuer
from tests.everyday.apps import Decorate, Ran
from tests.everyday.reported_apps import REPORTED_APPS

PAGE = "https://www.example"
CLOCK = FakeClock()
ISSUER = JWTIssuer(alg="ES256", clock=CLOCK)
NOW = CLOCK.time()


@dataclass(frozen=True, slots=True)
class Rule:
    """A decorator, and a token that it refuses."""

    name: str
    decorate: Decorate
    reason: str
    kind: str
    claims: dict[str, Any] = field(default_factory=dict)


def never(_: object) -> bool:
    return False


def truthy(_: object) -> Any:
    return "yes"


RULES = [
    Rule("scope", lambda of: of.require_scope("b"), "scope_missing", "scopes"),
    Rule("any", lambda of: of.require_any_scope("b"), "scope_missing", "scopes"),
    Rule("role", lambda of: of.require_role("b"), "role_missing", "scopes"),
    Rule("no acr", lambda of: of.require_acr("mfa"), "acr_missing", "acr"),
    Rule(
        "another acr",
        lambda of: of.require_acr("mfa", "otp"),
        "acr_not_accepted",
        "acr",
        {"acr": "pwd"},
    ),
    Rule("no login", lambda of: of.require_fresh(300), "auth_time_missing", "acr"),
    Rule(
        "an old login",
        lambda of: of.require_fresh(300),
        "login_too_old",
        "acr",
        {"auth_time": NOW - 4000},
    ),
    Rule("a check", lambda of: of.require(never), "not_owner", "rules"),
    Rule(
        "a check that has a name",
        lambda of: of.require(never, "not_in_team"),
        "not_in_team",
        "rules",
    ),
    Rule("a truthy check", lambda of: of.require(truthy), "not_owner", "rules"),
]
BY_NAME = {rule.name: rule for rule in RULES}
FROM = {"a server": {}, "the client's page": {"Origin": PAGE}}


def nothing(_: object) -> Callable[[Any], Any]:
    """Decorate with nothing: the application without the rule."""
    return lambda handler: handler


class Asked:
    """One application, and what became of a request."""

    def __init__(
        self, world: Any, decorate: Decorate, token: str, origin: Any, kind: str = ""
    ) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.ran: Ran = []
        guard = Guard(
            ISSUER.policy(report_only=[kind] if kind else []),
            clock=CLOCK,
            transport=ISSUER.transport,
            on_event=lambda name, fields: self.told.append((name, dict(fields))),
        )
        send = world(guard, decorate, self.ran)
        headers = {**ISSUER.headers(token), **origin}
        # Twice: a known token may take another way.
        self.first, self.second = (send("GET", "/x", headers=headers) for _ in "ab")

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for told, fields in self.told if told == name]


def seen(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, fields and body."""
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


@pytest.mark.parametrize("sender", FROM)
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("world", REPORTED_APPS)
def test_the_answer_is_that_of_an_application_without_the_rule(
    world: str, name: str, sender: str
) -> None:
    """Status, fields and body are the same, and each request is one event."""
    rule, app, origin = BY_NAME[name], REPORTED_APPS[world], FROM[sender]
    token = ISSUER.token(scope="a", claims=rule.claims)
    enforced = Asked(app, rule.decorate, token, origin)
    assert enforced.ran == []
    assert enforced.first.status_code == (401 if rule.kind == "acr" else 403)
    assert [one["reason"] for one in enforced.events("refused")] == [rule.reason] * 2

    reported = Asked(app, rule.decorate, token, origin, rule.kind)
    without = Asked(app, nothing, token, origin)
    assert seen(reported.first) == seen(without.first)
    assert seen(reported.second) == seen(without.second)
    assert reported.ran == without.ran == ["x", "x"]
    events = reported.events("would_refuse")
    assert [one["reason"] for one in events] == [rule.reason] * 2
    assert reported.events("refused") == []


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("world", REPORTED_APPS)
def test_another_kind_stays_enforced(world: str, name: str) -> None:
    """With every kind but its own only reported, the answer is the refusal."""
    rule, app = BY_NAME[name], REPORTED_APPS[world]
    token = ISSUER.token(scope="a", claims=rule.claims)
    enforced = Asked(app, rule.decorate, token, {})
    for other in {"scopes", "acr", "rules", "origins", "clients"} - {rule.kind}:
        reported = Asked(app, rule.decorate, token, {}, other)
        assert seen(reported.first) == seen(enforced.first)
        assert (reported.ran, reported.events("would_refuse")) == ([], [])


def test_every_kind_of_a_decorator_is_here() -> None:
    """What a decorator can refuse and the setting can demote stands in the table."""
    of_paths = {"no_rule", "claim_not_allowed", "method_not_allowed_for_client"}
    kinds = {"scopes", "acr", "rules"}
    known = {n for n, r in REASONS.items() if r.report_only in kinds} - of_paths
    assert known <= {rule.reason for rule in RULES}
