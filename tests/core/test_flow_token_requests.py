"""Token and revocation paths, from the request to the decision."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from jwtguard import Client, Guard, Policy, TrustedIssuer
from jwtguard.core.extract.fetch_metadata import origin_of
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.request import Request
from jwtguard.testing import AUDIENCE, JWTIssuer
from tests.core.flow_support import (
    EVIL,
    FORM,
    PASSWORD,
    SSR,
    WWW,
    House,
    ask,
    field,
    request,
)


@pytest.fixture
def tokens(jwt_issuer: JWTIssuer) -> House:
    return House(
        jwt_issuer,
        token_paths=("/oauth/token",),
        revocation_paths=("/oauth/revoke",),
        max_body_bytes=200,
    )


REFRESH = b"grant_type=refresh_token&refresh_token=x&client_id="


def test_a_token_request_is_handed_on_byte_for_byte(tokens: House) -> None:
    """With the CORS fields of its client; nothing of the answer is to be stored."""
    found = ask(tokens, PASSWORD, origin=WWW)
    assert found.body == PASSWORD
    assert found.principal is None
    assert found.grant.client_id == "spa"
    assert dict(found.decoration.cors)["Access-Control-Allow-Origin"] == WWW
    assert found.decoration.private
    assert ask(tokens, PASSWORD).decoration.cors == ()
    assert ask(tokens, PASSWORD.partition(b"&client_id")[0]).decoration.cors == ()
    assert tokens.issuer.fetches == 0


def test_a_client_that_is_named_by_basic_is_the_same_client(tokens: House) -> None:
    """Form-encoded or not (RFC 6749 section 2.3.1)."""
    for name in (b"batch", b"b%61tch"):
        basic = "Basic " + b64encode(name + b":secret").decode()
        found = ask(tokens, REFRESH.partition(b"&client_id")[0], authorization=basic)
        assert found.grant.client_id == "batch"
        assert found.grant.authenticated


@pytest.mark.parametrize(
    ("client", "origin", "expected"),
    [
        (b"spa", WWW, None),
        (b"spa", None, "grant_foreign_origin"),
        (b"spa", EVIL, "grant_foreign_origin"),
        (b"ssr", SSR, "refresh_disabled"),
        (b"batch", None, None),
        (b"batch", WWW, "grant_foreign_origin"),
        (b"unlisted", None, "grant_client_unknown"),
    ],
)
def test_refresh_is_a_policy_per_client(
    tokens: House, client: bytes, origin: str | None, expected: str | None
) -> None:
    """Off by default; on, then only from that client's pages."""
    decision = ask(tokens, REFRESH + client, origin=origin)
    if expected is None:
        assert isinstance(decision, Proceed)
        return
    assert (decision.status, decision.reason) == (403, expected)
    assert json.loads(decision.body)["error"] == "unauthorized_client"
    assert field(decision, "Cache-Control") == "no-store"
    assert field(decision, "WWW-Authenticate") is None
    at_home = origin if (client, origin) == (b"ssr", SSR) else None
    assert field(decision, "Access-Control-Allow-Origin") == at_home


def test_credentials_of_one_listing_are_not_granted_to_all(
    jwt_issuer: JWTIssuer,
) -> None:
    """A token path sees the id alone: it grants what every listing of it grants."""
    names = (jwt_issuer.url, "https://other.example")
    for agreed in ((True, True), (True, False), (False, True)):
        clients = tuple(
            Client(id="spa", issuer=name, origins=(WWW,), credentials=promised)
            for name, promised in zip(names, agreed, strict=True)
        )
        policy = Policy(
            issuers=tuple(TrustedIssuer(url=name) for name in names),
            audience=AUDIENCE,
            clients=clients,
            token_paths=("/oauth/token",),
        )
        asked = request("/oauth/token", "POST", content_type=FORM, origin=WWW)
        found = Guard(policy).decide(asked, lambda _: PASSWORD)
        assert isinstance(found, Proceed)
        fields = dict(found.decoration.cors)
        assert fields["Access-Control-Allow-Origin"] == WWW
        assert ("Access-Control-Allow-Credentials" in fields) is all(agreed)


def test_revocation_paths_have_the_rules_of_refresh(tokens: House) -> None:
    """Except that refresh need not be on."""
    body = b"token=x&client_id=ssr"
    assert isinstance(ask(tokens, body, path="/oauth/revoke", origin=SSR), Proceed)
    assert ask(tokens, body, path="/oauth/revoke").status == 403
    assert ask(tokens, b"token=x", path="/oauth/revoke").status == 403


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, (400, "client_gone")),
        (b"x" * 200, (400, "form_malformed")),
        (b"x" * 201, (413, "body_too_long")),
        (b"", (400, "grant_type_missing")),
        (b"grant_type=password;client_id=spa", (400, "form_malformed")),
    ],
)
def test_a_body_that_cannot_be_judged_is_refused(
    tokens: House, body: bytes | None, expected: tuple[int, str]
) -> None:
    """The application is not called; a listed page may read why."""
    answer = ask(tokens, body, origin=WWW)
    assert (answer.status, answer.reason) == expected
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    assert field(ask(tokens, body, origin=EVIL), "Access-Control-Allow-Origin") is None


def test_a_token_path_takes_post_only_whatever_its_spelling(tokens: House) -> None:
    """Case and trailing slash included: none of them reaches the application."""
    for path in ("/oauth/token", "/OAUTH/Token/", "/oauth/revoke/"):
        answer = tokens.refuses(request(path, token=tokens.token()))
        assert answer.status == 405
        assert field(answer, "Allow") == "POST"
        socket = request(path, token=tokens.token(), websocket=True, scheme="wss")
        assert tokens.refuses(socket).status == 405
    ask_first = {"method": "OPTIONS", "access_control_request_method": "POST"}
    assert (
        tokens.refuses(request("/oauth/token", origin=WWW, **ask_first)).status == 204
    )


def test_passwords_travel_over_tls_only(tokens: House) -> None:
    """As tokens do."""
    answer = ask(tokens, PASSWORD, scheme="http")
    assert (answer.status, answer.reason) == (403, "insecure_transport")


def test_a_token_request_is_judged_wherever_it_is_mounted(tokens: House) -> None:
    """The relay asks with its own path."""
    asked = request("/t", "POST", content_type=FORM)

    def run(wanted: Request) -> Any:
        origin = origin_of(wanted)
        asking = tokens.guard._flow.token_request(wanted, origin, revocation=False)
        return tokens.guard.run(asking, lambda _: PASSWORD)

    assert isinstance(run(asked), Proceed)
    assert run(asked._replace(method="GET")).status == 405
    preflight = request(
        "/t", "OPTIONS", origin=WWW, access_control_request_method="POST"
    )
    assert run(preflight).status == 204
