"""Refusals that are only reported: the verdict is that of a guard without the rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Client
from jwtguard.core.authorize.access import AccessKey, Authorizer, Reported
from jwtguard.core.extract.paths import Kind, PathAccess
from jwtguard.core.model.decision import Decision, Proceed
from jwtguard.core.model.policy_fields import REPORT_ONLY
from jwtguard.core.respond.reports import path_shape
from jwtguard.reasons import REASONS
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import (
    API,
    EVIL,
    RULES,
    WWW,
    House,
    by_cookie,
    request,
)

ISSUER = JWTIssuer(alg="ES256")
CLIENTS = (Client(id="spa", origins=(WWW,), methods=("GET", "POST")),)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "scopes": ({"scopes": RULES}, {}),
    "clients": ({"clients_only": True}, {}),
}
"""The settings that make refusals of a kind, and those of a guard without it."""
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(("GET", "HEAD", "POST", "DELETE", "get", "OPTIONS")),
        "path": st.sampled_from(("/notes/1", "/open", "/x", "/", "/Notes/9/")),
        "client_id": st.sampled_from(("spa", "stranger", "ssr")),
        "scope": st.sampled_from(("notes:read", "notes:write", "")),
        "origin": st.sampled_from((None, WWW, EVIL, f"https://{API}", "null", "")),
        "site": st.sampled_from((None, "same-origin", "cross-site")),
        "token": st.sampled_from(("good", "expired", "none", "forged")),
        "carrier": st.sampled_from(("header", "cookie")),
    }
)
TOKENS: dict[Any, str] = {}


def token_of(asked: dict[str, Any]) -> str | None:
    """Return the token of a request: the same for the same client and scope."""
    kind, client_id, scope = asked["token"], asked["client_id"], asked["scope"]
    key = (kind, client_id, scope)
    if kind != "none" and key not in TOKENS:
        make = getattr(ISSUER, "token" if kind == "good" else kind)
        TOKENS[key] = make(client_id=client_id, scope=scope)
    return TOKENS.get(key)


def request_of(asked: dict[str, Any], *, origin: bool = True) -> Any:
    """Return the request; without *origin* no page is behind it."""
    token, fields = token_of(asked), {}
    if asked["carrier"] == "cookie" and token is not None:
        fields["cookie"], token = f"token={token}", None
    if origin:
        fields["origin"] = asked["origin"]
        fields["sec_fetch_site"] = asked["site"]
    return request(asked["path"], asked["method"], token=token, **fields)


def house(**settings: Any) -> House:
    """Return a guard that lists one client, and may read a cookie."""
    return House(ISSUER, **{"clients": CLIENTS, "cookie": "token", **settings})


def told(guard: House) -> list[str]:
    """Return the reasons that were reported, and forget them."""
    found = [t["reason"] for t in guard.told if t["event"] == "would_refuse"]
    guard.told.clear()
    return found


def plain(decision: Decision) -> Decision:
    """Return *decision* without what is only reported of it."""
    if isinstance(decision, Proceed):
        return decision._replace(reported=())
    return decision


ENFORCED = {kind: house(**with_it) for kind, (with_it, _) in KINDS.items()}
REPORTED = {
    kind: house(**with_it, report_only=(kind,)) for kind, (with_it, _) in KINDS.items()
}
WITHOUT = {kind: house(**without) for kind, (_, without) in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@given(asked=REQUESTS)
def test_the_verdict_is_that_of_a_guard_without_the_rule(
    kind: str, asked: dict[str, Any]
) -> None:
    """Verdict, status, fields and body are the same, and the event happens once."""
    given_request = request_of(asked)
    enforced = ENFORCED[kind].decide(given_request)
    reported = plain(REPORTED[kind].decide(given_request))
    without = WITHOUT[kind].decide(given_request)
    assert reported == without
    reasons = told(REPORTED[kind])
    if reported == enforced or not isinstance(reported, Proceed):
        assert reasons == []  # refused for something else
    else:
        assert not isinstance(enforced, Proceed)
        assert reasons == [enforced.reason]
        assert REASONS[enforced.reason].report_only == kind


PAGES = house()
PAGES_REPORTED = house(report_only=("origins",))


@given(asked=REQUESTS)
def test_a_foreign_page_gets_what_a_request_without_a_page_gets(
    asked: dict[str, Any],
) -> None:
    """No CORS field, the same status, and one event; a cookie cannot write."""
    enforced = PAGES.decide(request_of(asked))
    reported = plain(PAGES_REPORTED.decide(request_of(asked)))
    reasons = told(PAGES_REPORTED)
    if reported == enforced or not isinstance(reported, Proceed):
        assert reasons == []
        return
    assert not isinstance(enforced, Proceed)
    pageless = PAGES_REPORTED.decide(request_of(asked, origin=False))
    assert isinstance(pageless, Proceed)
    assert reported.principal == pageless.principal
    assert reported.decoration.cors == ()
    assert reported.decoration.replace is (asked["origin"] is None)
    assert reported.decoration.vary == pageless.decoration.vary
    assert reported.decoration.private == pageless.decoration.private
    assert reasons == [enforced.reason]
    assert REASONS[enforced.reason].report_only == "origins"
    safe = asked["method"] in ("GET", "HEAD", "OPTIONS")
    assert asked["carrier"] == "header" or safe


def test_what_protects_every_request_is_always_enforced() -> None:
    """Tokens, times, transport, token paths and broken requests have no kind."""
    kinds = {reason: known.report_only for reason, known in REASONS.items()}
    assert set(kinds.values()) <= {"", *REPORT_ONLY}
    reported = {reason for reason, kind in kinds.items() if kind}
    assert all(REASONS[reason].status in (401, 403) for reason in reported)
    for reason in (
        "bad_signature", "expired", "unknown_issuer", "wrong_audience", "id_token",
        "insecure_transport", "grant_foreign_origin", "refresh_disabled",
        "revoked_token", "bound_token", "no_credentials", "path_ambiguous",
        "origin_missing", "preflight_refused", "malformed",
    ):  # fmt: skip
        assert kinds[reason] == ""


def test_the_event_names_rule_and_client_but_no_subject_and_no_path() -> None:
    """A pattern stands for the path, and a short mark for the subject."""
    guard = house(scopes=RULES, report_only=("scopes",))
    token = ISSUER.token(subject="alice@private.example", scope="x")
    guard.passes(request("/notes/4711", token=token, origin=WWW))
    guard.passes(request("/users/4711/keys", token=token))
    first, second = (t for t in guard.told if t["event"] == "would_refuse")
    mark = first.pop("subject")
    assert first == {
        "event": "would_refuse",
        "reason": "scope_missing",
        "rule": "/notes/*",
        "method": "GET",
        "origin": WWW,
        "client_id": "spa",
        "issuer": ISSUER.url,
    }
    assert (second["reason"], second["rule"]) == ("no_rule", "/users/*/keys")
    assert second["subject"] == mark
    assert len(mark) == 3
    assert "4711" not in str(guard.told)
    assert "alice" not in str(guard.told)


def test_two_subjects_have_two_marks() -> None:
    """And so has one name at two issuers."""
    guard = house(scopes=RULES, report_only=("scopes",))
    for name in ("alice", "bob"):
        guard.passes(request("/x", token=ISSUER.token(subject=name)))
    marks = [t["subject"] for t in guard.told if t["event"] == "would_refuse"]
    assert len(set(marks)) == 2


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", "/"),
        ("/notes", "/notes"),
        ("/notes/", "/notes"),
        ("/notes/17", "/notes/*"),
        ("/v1/users/6f9619ff-8b86-d011-b42d-00cf4fc964ff/keys", "/v1/users/*/keys"),
        ("/a@b.example/x", "/*/x"),
        ("/" + "x" * 33, "/*"),
        ("/\u00e9/x\ny", "/*/*"),
        ("/a" * 40, "/a" * 12),
    ],
)
def test_a_path_is_told_by_its_shape(path: str, shape: str) -> None:
    """Numbers, addresses and long words may name somebody: a star stands for them."""
    assert path_shape(path) == shape


def test_a_known_token_is_judged_once() -> None:
    """The second request finds the answer of the first, and reports it too."""
    guard = house(scopes=RULES, report_only=("scopes",))
    asked = request("/x", token=ISSUER.token())
    for _ in range(3):
        guard.passes(asked)
    assert told(guard) == ["no_rule"] * 3
    remembered: Any = guard.guard._flow.authorizer.remembered
    assert remembered.cache_info().misses == 1


def test_a_page_of_the_guard_itself_is_not_reported() -> None:
    """What the own page may do is looked at before a foreign origin is told."""
    guard = house(report_only=("origins",), public_url=(f"https://{API}",))
    answer = guard.passes(
        request("/x", "DELETE", token=ISSUER.token(), origin=f"https://{API}")
    )
    assert told(guard) == []
    assert answer.decoration.replace


def test_a_websocket_by_cookie_is_refused() -> None:
    """It can be read by any page that opens it, so it counts as one that writes."""
    clients = (
        Client(id="spa", origins=(WWW,), credentials=True),
        Client(id="ssr", origins=("https://ssr.example",), credentials=True),
    )
    guard = house(report_only=("origins",), clients=clients)
    asked: dict[str, Any] = {"websocket": True, "origin": WWW}
    assert by_cookie(guard, client_id="spa", **asked).principal is not None
    assert by_cookie(guard, client_id="ssr", **asked).reason == "foreign_origin"
    assert by_cookie(guard, **{**asked, "origin": EVIL}).reason == "foreign_origin"
    assert told(guard) == []


def test_a_cookie_on_a_safe_request_may_miss_a_scope_too() -> None:
    """Two kinds: two events, the page first."""
    guard = house(report_only=("origins", "scopes"), scopes=RULES)
    answer = by_cookie(guard, path="/x", client_id="spa", origin=EVIL)
    assert answer.principal.client_id == "spa"
    assert told(guard) == ["cross_site", "no_rule"]


def test_a_bad_token_from_a_foreign_page_is_refused_and_not_reported() -> None:
    """The page is told of only if the token is good."""
    guard = house(report_only=("origins",))
    asked = request("/x", cookie=f"token={ISSUER.expired()}", origin=EVIL)
    assert guard.reason(asked) == (401, "expired")
    assert told(guard) == []


def test_the_answer_holds_all_that_is_reported() -> None:
    """What is remembered is right for every later request."""
    policy = ISSUER.policy(clients=CLIENTS, clients_only=True, report_only=REPORT_ONLY)
    from jwtguard.core.authorize.clients import Clients

    key = AccessKey(
        PathAccess(Kind.PROTECTED, None), "GET", EVIL, False, False, True,
        ISSUER.url, "stranger", frozenset(),
    )  # fmt: skip
    found = Authorizer(policy, Clients(policy)).authorize(key)
    assert isinstance(found, Reported)
    reasons = [refusal.reason for refusal in found.refusals]
    assert reasons == ["client_not_listed", "foreign_origin", "no_rule"]
    assert all(refusal.__traceback__ is None for refusal in found.refusals)
    assert found.decoration.private
    assert not found.decoration.replace
