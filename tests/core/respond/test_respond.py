"""How refusals are worded, and our fields put on the application's answer."""

from __future__ import annotations

import json

import pytest

from jwtguard.core.authorize.clients import EXPOSED
from jwtguard.core.model.decision import Decoration, Proceed, Respond
from jwtguard.core.model.request import Request
from jwtguard.core.respond.decorating import decorated_raw, raw
from jwtguard.core.respond.responses import as_mapping, challenge_fields, finish
from jwtguard.errors import (
    AuthError,
    Challenge,
    InsufficientScopeError,
    InvalidTokenError,
    MissingTokenError,
)
from jwtguard.testing import JWTIssuer

WWW = "https://www.example"
NO_STORE = ("Cache-Control", "no-store")


@pytest.mark.parametrize(
    ("error", "value"),
    [
        (MissingTokenError("no_credentials"), 'Bearer realm="api"'),
        (
            InvalidTokenError("expired"),
            (
                'Bearer realm="api", error="invalid_token", '
                'error_description="The access token has expired"'
            ),
        ),
        (
            InsufficientScopeError("scope_missing", scope="a b"),
            (
                'Bearer realm="api", error="insufficient_scope", error_description='
                '"The access token lacks a required scope", scope="a b"'
            ),
        ),
    ],
)
def test_the_challenge_is_worded_as_in_rfc_6750_section_3(
    error: AuthError, value: str
) -> None:
    """No code without credentials; the scopes needed where they are missing."""
    assert challenge_fields(error.challenges, "api") == (
        NO_STORE,
        ("WWW-Authenticate", value),
    )


def test_each_challenge_is_a_field_of_its_own() -> None:
    """RFC 9110 section 11.6.1; a framework that takes a name once gets them joined."""
    two = (Challenge("DPoP", (("algs", "ES256"),)), Challenge("Bearer"))
    fields = challenge_fields(two, "api")
    assert fields == (
        NO_STORE,
        ("WWW-Authenticate", 'DPoP realm="api", algs="ES256"'),
        ("WWW-Authenticate", 'Bearer realm="api"'),
    )
    assert as_mapping(fields) == {
        "Cache-Control": "no-store",
        "WWW-Authenticate": 'DPoP realm="api", algs="ES256", Bearer realm="api"',
    }
    assert challenge_fields((), "api") == (NO_STORE,)


OURS = Decoration(
    (
        ("Access-Control-Allow-Origin", WWW),
        ("Access-Control-Expose-Headers", ", ".join(EXPOSED)),
    )
)
FALLBACK = Respond(403, (("Content-Length", "0"),), b"", "preflight_refused")


@pytest.mark.parametrize("fields", [(), (("X", "1"),), (("Vary", "Accept"),)])
def test_an_answer_is_finished_with_our_fields(
    fields: tuple[tuple[str, str], ...],
) -> None:
    """As text and as bytes alike; the body is the application's."""
    status, headers, body = finish(Proceed(None, OURS), 201, fields)
    assert (status, body) == (201, None)
    assert dict(headers)["Access-Control-Allow-Origin"] == WWW
    assert "Origin" in dict(headers)["Vary"]
    assert decorated_raw(raw(fields), OURS)[0] == raw(headers)


def test_a_fallback_replaces_an_answer_that_grants_nothing() -> None:
    """Status, fields and body; an answer that grants an origin stays."""
    decision = Proceed(None, Decoration(replace=False), fallback=FALLBACK)
    assert finish(decision, 200, [("X", "1")]) == (403, FALLBACK.headers, b"")
    own = [("access-control-allow-origin", WWW)]
    status, headers, body = finish(decision, 200, own)
    assert (status, body) == (200, None)
    assert own[0] in headers


@pytest.mark.parametrize("dpop", ["accept", "require", "off"])
@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer", "DPoP a b"])
def test_a_sentence_names_no_scheme_that_is_not_offered(
    jwt_issuer: JWTIssuer, dpop: str, header: str | None
) -> None:
    """The challenges say which schemes there are: one or both."""
    guard = jwt_issuer.guard(dpop=dpop)
    fields = {"host": ("api.example",)}
    if header:
        fields["authorization"] = (header,)
    answer = guard.decide(Request("GET", "/", fields))
    assert isinstance(answer, Respond)
    sentence = json.loads(answer.body)["error_description"]
    offered = {
        value.partition(" ")[0]
        for name, value in answer.headers
        if name == "WWW-Authenticate"
    }
    for scheme in {"Bearer", "DPoP"} - offered:
        assert scheme.lower() not in sentence.lower()
