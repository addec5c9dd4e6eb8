"""A second policy beside the first: it decides nothing, and is silent if it agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from jwtguard import ClaimRule, Client, ConfigurationError, Guard, Policy
from jwtguard.core.model.decision import Decision
from jwtguard.core.model.policy_fields import SHADOWED
from tests.core.flow_support import RULES, WWW, request
from tests.core.test_report_only import CLIENTS, ISSUER, REQUESTS, plain, request_of
from tests.session_support import SECRET

USUAL: dict[str, Any] = {
    "clients": CLIENTS,
    "cookie": "token",
    "public_paths": ("/open",),
    "optional_paths": ("/x",),
}
ALONE = ISSUER.policy(**USUAL)
NEXT = replace(
    ALONE, scopes=RULES, clients_only=True, public_paths=("/",), optional_paths=()
)


class Told(list[dict[str, Any]]):
    """The differences that a guard tells."""

    def __call__(self, event: str, fields: Any) -> None:
        if event == "shadow_differs":
            self.append(dict(fields))


def guard_of(policy: Policy, told: Told) -> Guard:
    """Return a guard by *policy*."""
    return Guard(policy, clock=ISSUER.clock, transport=ISSUER.transport, on_event=told)


TOLD = Told()
FIRST, SECOND = guard_of(ALONE, TOLD), guard_of(NEXT, TOLD)
BESIDE = guard_of(replace(ALONE, shadow=NEXT), TOLD)
SAME = guard_of(replace(ALONE, shadow=ALONE), TOLD)
REPORTED = replace(NEXT, report_only=("scopes", "origins", "clients"))
SAME_REPORTED = guard_of(replace(REPORTED, shadow=REPORTED), TOLD)


def reason(decision: Decision) -> str:
    """Return why a request is refused; empty if it is not."""
    return getattr(decision, "reason", "")


@given(asked=REQUESTS)
def test_the_first_policy_decides_and_both_verdicts_are_told(
    asked: dict[str, Any],
) -> None:
    """The answer is that of a guard without a second policy, whatever that one says.

    What is told is right: both reasons are those of guards that have one policy each.
    """
    sent = request_of(asked)
    TOLD.clear()
    assert plain(BESIDE.decide(sent)) == plain(FIRST.decide(sent))
    told = [(one["reason"], one["shadow_reason"]) for one in TOLD]
    both = reason(FIRST.decide(sent)), reason(SECOND.decide(sent))
    assert told in ([], [both])
    if asked["token"] == "good" and asked["path"].startswith("/Notes"):
        assert (both[0] == both[1]) == (told == [])


@pytest.mark.parametrize("guard", [SAME, SAME_REPORTED])
@given(asked=REQUESTS)
def test_a_policy_that_is_equal_is_silent(guard: Guard, asked: dict[str, Any]) -> None:
    """Whatever is asked, with rules that are reported only or without."""
    TOLD.clear()
    guard.decide(request_of(asked))
    assert TOLD == []


def test_the_event_names_both_reasons_and_the_caller() -> None:
    """A pattern stands for the path, and a mark for the subject."""
    TOLD.clear()
    BESIDE.decide(request("/notes/4711", token=ISSUER.token(scope="x"), origin=WWW))
    (told,) = TOLD
    assert len(told.pop("subject")) == 3
    assert told == {
        "reason": "",
        "shadow_reason": "scope_missing",
        "rule": "/notes/*",
        "method": "GET",
        "origin": WWW,
        "client_id": "spa",
        "issuer": ISSUER.url,
    }


def test_a_token_is_verified_once() -> None:
    """Its signature is checked for the first policy, and remembered for both."""
    guard = guard_of(replace(ALONE, shadow=NEXT), Told())
    sent = request("/notes/1", token=ISSUER.token())
    for _ in range(3):
        guard.decide(sent)
    cache: Any = guard._flow.verifier.token_cache
    assert len(cache._tokens) == 1


def test_a_session_counts_as_a_token() -> None:
    """A cookie on a path where none is read is no missing token."""
    told = Told()
    sessions = replace(
        ALONE,
        session_client="spa",
        secrets=(SECRET,),
        public_url=frozenset(("https://x.example",)),
    )
    guard = guard_of(replace(sessions, shadow=replace(sessions, public_paths=())), told)
    guard.decide(request("/open", cookie="anything=x"))
    assert told == []
    guard.decide(request("/open"))
    assert [one["shadow_reason"] for one in told] == ["no_credentials"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audience": "other"}, "shadow: audience differs"),
        ({"leeway": 1}, "shadow: leeway differs"),
        ({"cookie": None}, "shadow: cookie differs"),
        ({"token_paths": ("/token",)}, "shadow: token_paths differs"),
        ({"shadow": ALONE}, "shadow: must not have a shadow itself"),
    ],
)
def test_only_rules_may_differ(changes: dict[str, Any], message: str) -> None:
    """Issuers, keys and the way of tokens are those of the first policy."""
    with pytest.raises(ConfigurationError) as caught:
        replace(ALONE, shadow=replace(ALONE, **changes))
    (problem,) = caught.value.problems
    assert problem.startswith(message)


def test_a_shadow_is_a_policy() -> None:
    """Not the path of a file, which only settings have."""
    with pytest.raises(ConfigurationError) as caught:
        replace(ALONE, shadow="next.toml")  # type: ignore[arg-type]
    assert caught.value.problems == ("shadow: must be a policy, not str",)


@pytest.mark.parametrize("name", SHADOWED)
def test_each_rule_may_differ(name: str) -> None:
    """And the guard starts with it."""
    values: dict[str, Any] = {
        "clients": (Client(id="other"),),
        "clients_only": True,
        "scopes": RULES,
        "rules": (ClaimRule(path="/a", claims={"region": "eu"}),),
        "public_paths": ("/a",),
        "optional_paths": ("/b",),
    }
    second = replace(ALONE, **{name: values[name]})
    assert guard_of(replace(ALONE, shadow=second), Told()).policy.shadow == second


def test_a_token_in_a_header_of_its_own_counts_too() -> None:
    """Where the first policy reads no token, none is missing for the second."""
    told = Told()
    first = replace(ALONE, token_header="X-Token", trusted_proxies=("unix",))
    guard = guard_of(replace(first, shadow=replace(first, public_paths=())), told)
    guard.decide(request("/open", x_token="a.b.c", peer="unix"))
    assert told == []
    guard.decide(request("/open", peer="unix"))
    assert [one["shadow_reason"] for one in told] == ["no_credentials"]


def test_a_client_that_will_need_bound_tokens_is_told() -> None:
    """Its bearer tokens pass today, and would be refused."""
    told, spa = Told(), replace(BARE.clients[0], dpop=True)
    guard = guard_of(replace(BARE, shadow=replace(BARE, clients=(spa,))), told)
    token = f"Bearer {ISSUER.token(client_id=spa.id)}"
    assert reason(guard.decide(request("/x", authorization=token))) == ""
    assert [one["shadow_reason"] for one in told] == ["unbound_token"]


@pytest.mark.parametrize("proof", [{}, {"dpop": "x"}, {"dpop": "a.b.c, a.b.c"}])
@pytest.mark.parametrize("dpop", ["accept", "require", "off"])
def test_a_proof_that_is_none_changes_nothing(dpop: str, proof: dict[str, str]) -> None:
    """The first policy reads no token here; the second one cannot say what it is."""
    told = Told()
    first = replace(ALONE, dpop=dpop)
    beside = guard_of(replace(first, shadow=replace(first, public_paths=())), told)
    sent = {"authorization": "DPoP a.b.c", **proof}
    for path in ("/open", "/admin"):
        asked = request(path, **sent)
        assert beside.decide(asked) == guard_of(first, Told()).decide(asked)
    assert told == []


def test_a_handler_that_is_open_by_itself_is_open_for_both() -> None:
    """``@public`` and ``@optional`` are no rules of a policy."""
    hook = Told()
    guard = guard_of(replace(BARE, shadow=replace(BARE, clients_only=True)), hook)
    for kind in ("public", "optional"):
        guard.decide(request("/x")._replace(opened=kind))
    assert hook == []


BARE = ISSUER.policy(clients=CLIENTS)
