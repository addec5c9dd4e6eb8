"""The Fetch standard's CORS protocol, for exactly the pages that clients list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Client, Policy, TrustedIssuer
from jwtguard.core.authorize.clients import Clients
from jwtguard.core.model.decision import Decoration, Respond
from jwtguard.core.model.origins import claimed_origins
from jwtguard.core.model.request import Fields, Request
from jwtguard.core.respond.cors import decorate, is_preflight

ONE, TWO = "https://one.example", "https://two.example"
WWW, SHARED = "https://www.example", "https://shared.example"


def clients(**settings: Any) -> Clients:
    return Clients(
        Policy(
            issuers=(TrustedIssuer(url=ONE), TrustedIssuer(url=TWO)),
            audience="api",
            clients=(
                Client(
                    id="spa",
                    issuer=ONE,
                    origins=(WWW, SHARED),
                    headers=("X-Request-ID",),
                    methods=("GET", "POST"),
                ),
                Client(
                    id="ssr",
                    issuer=ONE,
                    origins=(SHARED,),
                    credentials=True,
                    max_age=60,
                    methods=("DELETE", "GET"),
                ),
                Client(id="spa", issuer=TWO, origins=("https://x.example",)),
            ),
            **settings,
        )
    )


def field(answer: Respond | Fields, name: str) -> str | None:
    fields = answer.headers if isinstance(answer, Respond) else answer
    values = [v for n, v in fields if n.lower() == name.lower()]
    assert len(values) < 2
    return values[0] if values else None


def test_a_client_belongs_to_one_issuer() -> None:
    """The same id under another issuer is another client."""
    found = clients()
    first = found.of(ONE, "spa")
    assert first is not None
    assert first.origins == {WWW, SHARED}
    second = found.of(TWO, "spa")
    assert second is not None
    assert second.origins == {"https://x.example"}
    assert found.of(ONE, "ssr") is not None
    assert found.of(TWO, "ssr") is None
    assert found.of(ONE, None) is None
    assert len(found.named("spa")) == 2
    assert found.named("SPA") == ()


def test_with_one_issuer_a_client_need_not_name_it() -> None:
    """It is that issuer's."""
    policy = Policy(
        issuers=(TrustedIssuer(url=ONE),), audience="api", clients=(Client(id="spa"),)
    )
    assert Clients(policy).of(ONE, "spa") is not None


def test_a_preflight_is_answered_for_all_who_list_the_origin() -> None:
    """Methods and headers of each, the shortest age, credentials if one has them."""
    answer = clients().preflight(SHARED)
    assert answer.status == 204
    assert answer.headers == (
        ("Access-Control-Allow-Origin", SHARED),
        ("Access-Control-Allow-Methods", "GET, POST, HEAD, DELETE"),
        (
            "Access-Control-Allow-Headers",
            (
                "Authorization, Content-Type, Accept, Accept-Language, "
                "Content-Language, Range, DPoP, X-Request-ID"
            ),
        ),
        ("Access-Control-Max-Age", "60"),
        ("Vary", "Origin"),
        ("Access-Control-Allow-Credentials", "true"),
    )


def test_credentials_are_allowed_only_where_a_client_wants_them() -> None:
    """An origin of which no client wants them gets none."""
    answer = clients().preflight(WWW)
    assert field(answer, "Access-Control-Allow-Credentials") is None
    assert field(answer, "Access-Control-Max-Age") == "600"


STRANGERS = [
    "",
    "null",
    "*",
    "https://evil.example",
    WWW.upper(),
    WWW + ":443",
    WWW + "/",
]
STRANGERS += [
    "http://www.example",
    "https://sub.www.example",
    f"{WWW}, {WWW}",
    f" {WWW}",
]
STRANGERS += ["https://www.example.evil.example", "https://www.exampl", "https://"]


@pytest.mark.parametrize("origin", STRANGERS)
def test_an_unlisted_origin_is_refused_without_details(origin: str) -> None:
    """403 with Vary and no body: no name, no list, no wild card."""
    answer = clients().preflight(origin)
    assert (answer.status, answer.body) == (403, b"")
    assert answer.headers == (("Content-Length", "0"), ("Vary", "Origin"))
    assert answer.reason == "preflight_refused"
    assert clients().union(origin) == ()


def test_the_union_is_for_when_the_client_is_unknown() -> None:
    """A listed origin may read its 401."""
    assert clients().union(SHARED) == (
        ("Access-Control-Allow-Origin", SHARED),
        ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, DPoP-Nonce"),
        ("Access-Control-Allow-Credentials", "true"),
    )
    assert clients().union(None) == ()


# Origins that the token itself names.

CLAIM = "allowed-origins"


def claimed(origin: str, *listed: Any) -> bool:
    return origin in claimed_origins({CLAIM: list(listed)}, CLAIM)


def test_a_claim_may_name_origins_where_the_policy_believes_it() -> None:
    """https, or http on loopback; exactly as listed."""
    assert claimed("https://a.example", "https://b.example", "https://a.example")
    for local in ("http://localhost:3000", "http://127.0.0.1:5", "http://[::1]:5"):
        assert claimed(local, local)
    assert not claimed("https://a.example", "https://A.example")
    assert not claimed("https://a.example")
    assert not claimed_origins({CLAIM: ["https://a.example"]}, None)
    assert claimed_origins({CLAIM: [1, None, [], {}, "x"]}, CLAIM) == frozenset()


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "+",
        "null",
        "",
        "http://a.example",
        "https://a.example/",
        "app://a",
        "https://",
    ],
)
def test_a_claim_opens_https_origins_only(origin: str) -> None:
    """Keycloak's wild cards are none here."""
    assert not claimed(origin, origin)
    assert clients(origins_claim=CLAIM).preflight(origin).status == 403


@pytest.mark.parametrize(
    "value", ["https://a.example", 1, None, {"https://a.example": 1}, [[]]]
)
def test_an_origin_claim_of_another_type_grants_no_origin(value: object) -> None:
    """Not even a string that holds the origin."""
    assert claimed_origins({CLAIM: value}, CLAIM) == frozenset()


def test_with_a_claim_any_https_page_may_ask_but_gets_no_credentials() -> None:
    """The real request decides."""
    answer = clients(origins_claim=CLAIM).preflight("https://a.example")
    assert answer.status == 204
    assert field(answer, "Access-Control-Allow-Origin") == "https://a.example"
    assert field(answer, "Access-Control-Allow-Credentials") is None
    assert field(answer, "Access-Control-Max-Age") == "600"
    methods = field(answer, "Access-Control-Allow-Methods")
    assert methods == "GET, HEAD, POST, PUT, PATCH, DELETE"


@pytest.mark.parametrize(
    ("method", "names", "expected"),
    [
        ("OPTIONS", {"origin", "access-control-request-method"}, True),
        ("OPTIONS", {"origin"}, False),
        ("OPTIONS", {"access-control-request-method"}, False),
        ("GET", {"origin", "access-control-request-method"}, False),
        ("options", {"origin", "access-control-request-method"}, False),
    ],
)
def test_only_a_preflight_is_one(method: str, names: set[str], expected: bool) -> None:
    """Anything else is an ordinary request, and needs its token."""
    asked = Request(method, "/", dict.fromkeys(names, ("x",)))
    assert is_preflight(asked) is expected


# The application's own answer.

CORS = clients().fields(WWW, ())
OURS = Decoration(CORS)


def test_the_applications_cors_fields_are_replaced_never_doubled() -> None:
    """Exposed fields are merged; everything else stays, in order."""
    app = (
        ("Content-Type", "text/plain"),
        ("access-control-allow-origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "X-Total, retry-after"),
        ("access-control-expose-headers", "X-Left"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("VARY", "Accept-Encoding, origin"),
    )
    found = decorate(app, OURS)
    assert found == (
        ("Content-Type", "text/plain"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Access-Control-Allow-Origin", WWW),
        (
            "Access-Control-Expose-Headers",
            "X-Total, retry-after, X-Left, WWW-Authenticate, DPoP-Nonce",
        ),
        ("Vary", "Accept-Encoding, origin"),
    )


def test_an_application_cannot_open_what_we_did_not() -> None:
    """Without fields of ours its own are dropped where ours replace."""
    app = (("Access-Control-Allow-Origin", "*"), ("X", "1"))
    assert decorate(app, Decoration()) == (("X", "1"), ("Vary", "Origin"))


def test_on_public_paths_the_application_decides() -> None:
    """Its own CORS fields stay whole; a gap is filled."""
    app = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Max-Age", "5"))
    ours = replace(OURS, replace=False)
    assert decorate(app, ours) == (*app, ("Vary", "Origin"))
    assert field(decorate((), ours), "Access-Control-Allow-Origin") == WWW


def test_vary_and_cache_control() -> None:
    """Never twice, never weakened; a star says it all."""
    private = Decoration(vary=("Origin", "Cookie"), private=True)
    assert decorate((), private) == (
        ("Cache-Control", "private, no-store"),
        ("Vary", "Origin, Cookie"),
    )
    app = (("cache-control", "max-age=5"), ("Vary", "cookie"), ("Vary", ""))
    assert decorate(app, private) == (
        ("cache-control", "max-age=5"),
        ("Vary", "cookie, Origin"),
    )
    assert decorate((("Vary", "*"),), private)[-1] == ("Vary", "*")


NAMES = ["Vary", "vary", "Access-Control-Allow-Origin", "access-control-expose-headers"]
NAMES += ["Cache-Control", "Set-Cookie", "X", "Access-Control-Allow-Credentials"]


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["*", "a, b", "", "null"]))
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_every_answer_has_one_vary_and_at_most_one_origin(
    app: list[tuple[str, str]], ours: bool, replace: bool, private: bool
) -> None:
    """Whatever the application sent, caches keep origins apart."""
    how = Decoration(CORS if ours else (), replace=replace, private=private)
    found = decorate(app, how)
    vary = [item.lower() for item in (field(found, "vary") or "").split(", ")]
    assert "*" in vary or "origin" in vary
    if replace:
        origins = [v for n, v in found if n.lower() == "access-control-allow-origin"]
        assert origins == ([WWW] if ours else [])
        assert sorted(decorate(found, how)) == sorted(found)
