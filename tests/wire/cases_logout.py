"""Logout paths: OpenID Connect Back-Channel Logout 1.0 sections 2.4 to 2.8."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
from jwt.utils import base64url_encode

from jwtguard.core.verify.logout import EVENT
from jwtguard.testing import JWTIssuer
from tests.wire.case import Case
from tests.wire.cases_grants import FORM
from tests.wire.tokens import ISSUER, WWW, cookie, origin, site
from tests.wire.worlds import Ask

# ruff: noqa: E501  # a table reads better with one row a line
PATH = "/oidc/logout"
SETTINGS = {"LOGOUT_PATHS": PATH, "TOKEN_PATHS": "/oauth/token"}
NOW = ISSUER.clock.time()


@dataclass(frozen=True, kw_only=True)
class Refused(Case):
    """A logout request that is refused with *reason*."""

    reason: str

    def check_log(self, records: Any, answer: Any) -> None:
        """The log holds this very reason."""
        super().check_log(records, answer)
        told = [r.__dict__ for r in records if getattr(r, "event", "") == "refused"]
        assert [one["reason"] for one in told] == [self.reason]


def form(token: str, **more: str) -> bytes:
    return urlencode({"logout_token": token, **more}).encode()


def post(body: bytes, *headers: tuple[str, str], **more: Any) -> Ask:
    kind = () if "Content-Type" in dict(headers) else (FORM,)
    given = {"method": "POST", "path": PATH, **more}
    return Ask(headers=(*kind, *headers), body=body, **given)


def taken(name: str, ask: Ask) -> Case:
    return Case(
        name=f"logout: {name}",
        ask=ask,
        settings=SETTINGS,
        ran=False,
        headers={"content-length": "0"},
        absent=("content-type", "set-cookie", "www-authenticate"),
    )


def refused(name: str, reason: str, ask: Ask, status: int = 400) -> Refused:
    return Refused(
        name=f"logout: {name}",
        ask=ask,
        status=status,
        error="invalid_request",
        settings=SETTINGS,
        reason=reason,
        headers={"allow": "POST"} if status == 405 else {},
    )


def claims(name: str, reason: str, **changed: Any) -> Refused:
    """A logout token that its issuer signed, with these claims changed."""
    return refused(name, reason, post(form(ISSUER.logout_token(claims=changed))))


def null(name: str, member: str, reason: str) -> Refused:
    """A claim that is null, which the test kit would leave out."""
    claims = jwt.decode(GOOD, options={"verify_signature": False})
    return refused(name, reason, post(form(signed({**claims, member: None}))))


def header(name: str, reason: str, **changed: Any) -> Refused:
    return refused(name, reason, post(form(ISSUER.logout_token(headers=changed))))


def text(name: str, reason: str, token: str) -> Refused:
    return refused(name, reason, post(form(token)))


def signed(claims: dict[str, Any], **headers: Any) -> str:
    head = {"typ": "logout+jwt", "kid": ISSUER._kid, **headers}
    return jwt.encode(claims, ISSUER._private, ISSUER.alg, headers=head)


def unsigned(alg: str) -> str:
    """A token whose header says *alg* and whose signature is empty."""
    head = base64url_encode(json.dumps({"alg": alg, "kid": ISSUER._kid}).encode())
    return f"{head.decode()}.{GOOD.split('.')[1]}."


GOOD = ISSUER.logout_token(claims={"sid": "s1"})
HEAD, BODY, SIGNATURE = GOOD.split(".")
STRANGER = JWTIssuer("https://stranger.example", clock=ISSUER.clock)
IMPOSTOR = JWTIssuer(ISSUER.url, clock=ISSUER.clock)
IMPOSTOR._kid = ISSUER._kid

ACCEPTED = [
    taken("of a session", post(form(GOOD))),
    taken("of a subject", post(form(ISSUER.logout_token()))),
    taken(
        "of sid alone",
        post(form(ISSUER.logout_token(claims={"sub": None, "sid": "s1"}))),
    ),
    taken("other parameters are ignored", post(form(GOOD, state="a;b", x="1"))),
    taken("a repeated other parameter", post(form(GOOD) + b"&a=1&a=2")),
    taken("a parameter that is not UTF-8", post(b"%ff=%ff&" + form(GOOD))),
    taken("another one that only looks alike", post(form(GOOD) + b"&Logout_Token=x")),
    taken("in letters of an escape", post(b"logout%5Ftoken=" + GOOD.encode())),
    taken("a query is ignored", post(form(GOOD), query="tenant=1")),
    taken("another case", post(form(GOOD), path="/OIDC/Logout/")),
    taken("plain HTTP", post(form(GOOD), scheme="http", peer="203.0.113.9")),
    taken("no page reads it", post(form(GOOD), origin(WWW))),
    taken("an access token beside it", post(form(GOOD), *ISSUER.headers("x").items())),
    taken("a cookie beside it", post(form(GOOD), cookie(), *site("cross-site"))),
    *(
        taken(f"as {kind}", post(form(GOOD), ("Content-Type", kind)))
        for kind in (
            "application/x-www-form-urlencoded; charset=UTF-8",
            "application/x-www-form-urlencoded;charset=ISO-8859-1",
            "Application/X-WWW-Form-Urlencoded ; charset=utf-8; x=y",
        )
    ),
]

FORMS = [
    refused("no body", "logout_token_missing", post(b"")),
    refused("another parameter", "logout_token_missing", post(b"token=" + b"x")),
    refused("in the query", "logout_token_missing", post(b"a=b", query=f"logout_token={GOOD}")),
    refused("in other letters", "logout_token_missing", post(b"LOGOUT_TOKEN=" + GOOD.encode())),
    refused("twice", "logout_token_repeated", post(form(GOOD) + b"&" + form(GOOD))),
    refused("twice, once escaped", "logout_token_repeated", post(form(GOOD) + b"&logout%5ftoken=x")),
    refused("twice, once empty", "logout_token_repeated", post(form(GOOD) + b"&logout_token=")),
    refused("twice, once without value", "logout_token_repeated", post(form(GOOD) + b"&logout_token")),
    refused("JSON", "form_malformed", post(json.dumps({"logout_token": GOOD}).encode(), ("Content-Type", "application/json"))),
    refused("multipart", "form_malformed", post(b"--x", ("Content-Type", "multipart/form-data; boundary=x"))),
    refused("no type", "form_malformed", Ask(method="POST", path=PATH, body=form(GOOD))),
    refused("compressed", "form_malformed", post(form(GOOD), ("Content-Encoding", "gzip"))),
    refused("a length that is none", "form_malformed", post(form(GOOD), length="1e2")),
    refused("too long a body", "body_too_long", post(form(GOOD) + b"&x=" + b"y" * 65536), 413),
    refused("a sender that left", "client_gone", post(form(GOOD), leaves=True)),
    refused("GET", "logout_post_only", Ask(path=PATH, query=f"logout_token={GOOD}"), 405),
    refused("PUT", "logout_post_only", post(form(GOOD), method="PUT"), 405),
    refused("OPTIONS", "logout_post_only", Ask(method="OPTIONS", path=PATH), 405),
    refused("a page's POST in Latin", "form_malformed", post(form(GOOD), ("Content-Type", "text/plain"), origin(WWW))),
]  # fmt: skip

TOKENS = [
    text("empty", "logout_malformed", ""),
    text("a word", "logout_malformed", "x"),
    text("two parts", "logout_malformed", f"{HEAD}.{BODY}"),
    text("four parts", "logout_malformed", f"{GOOD}.x"),
    text("with a blank", "logout_malformed", f"{GOOD} "),
    text("with a line", "logout_malformed", f"{GOOD}\n"),
    text("not ASCII", "logout_malformed", f"{GOOD}\u00e9"),
    text("null bytes", "logout_malformed", f"\x00{GOOD}"),
    text("a separator", "logout_malformed", f"{GOOD};x"),
    text("padded", "logout_malformed", f"{HEAD}.{BODY}=.{SIGNATURE}"),
    text("too long", "logout_malformed", f"{GOOD}{'A' * 16384}"),
    text("claims that are a list", "logout_malformed", f"{HEAD}.W10.{SIGNATURE}"),
    text("encrypted", "logout_encrypted", "eyJhbGciOiJkaXIifQ..AA.AA.AA"),
    text("not signed", "logout_bad_signature", f"{HEAD}.{BODY}."),
    text("alg none", "logout_wrong_algorithm", unsigned("none")),
    text("alg HS256", "logout_wrong_algorithm", unsigned("HS256")),
    text("another alg of the key", "logout_wrong_algorithm", unsigned("ES256")),
    text("changed claims", "logout_bad_signature", f"{HEAD}.{ISSUER.logout_token().split('.')[1]}.{SIGNATURE}"),
    text("an unknown issuer", "logout_unknown_issuer", STRANGER.logout_token()),
    text("an impostor", "logout_bad_signature", IMPOSTOR.logout_token()),
    header("an unknown key", "logout_unknown_key", kid="other"),
    header("a critical extension", "logout_unsupported_critical", crit=["x"], x=1),
    text("an access token", "logout_access_token", ISSUER.token()),
    text("an access token by scope", "logout_access_token", ISSUER.token(typ=None, scope="a")),
    text("an ID token", "logout_id_token", ISSUER.id_token()),
    text("an ID token with a session", "logout_id_token", ISSUER.token(typ="JWT", claims={"sid": "s1", "aud": "spa", "scope": None, "client_id": None, "at_hash": "x"})),
    claims("a refresh token", "logout_refresh_token", token_use="refresh"),
    header("the type of an access token", "logout_access_token", typ="at+jwt"),
    header("the type of an event", "logout_wrong_type", typ="secevent+jwt"),
    header("the type of a proof", "logout_wrong_type", typ="dpop+jwt"),
    claims("no events", "logout_without_event", events=None),
    null("events null", "events", "logout_without_event"),
    claims("events a list", "logout_without_event", events=[EVENT]),
    claims("events a string", "logout_without_event", events=EVENT),
    claims("events empty", "logout_without_event", events={}),
    claims("another event", "logout_without_event", events={"urn:x": {}}),
    claims("the event true", "logout_without_event", events={EVENT: True}),
    claims("the event a list", "logout_without_event", events={EVENT: []}),
    claims("the event empty text", "logout_without_event", events={EVENT: ""}),
    claims("http's twin", "logout_without_event", events={EVENT.replace("http", "https"): {}}),
    claims("a nonce", "logout_with_nonce", nonce="n"),
    claims("an empty nonce", "logout_with_nonce", nonce=""),
    null("a nonce of null", "nonce", "logout_with_nonce"),
    claims("no audience", "logout_malformed", aud=None),
    claims("an audience of numbers", "logout_malformed", aud=[1]),
    claims("no audience in the list", "logout_wrong_audience", aud=[]),
    claims("this API as audience", "logout_wrong_audience", aud=ISSUER.audience),
    claims("a client not listed", "logout_wrong_audience", aud="stranger"),
    claims("a client in capitals", "logout_wrong_audience", aud="SPA"),
    claims("no iat", "logout_malformed", iat=None),
    claims("iat a string", "logout_malformed", iat=str(int(NOW))),
    claims("iat true", "logout_malformed", iat=True),
    claims("iat beyond numbers", "logout_malformed", iat=1e300),
    claims("iat ahead", "logout_issued_in_future", iat=NOW + 31),
    claims("iat in milliseconds", "logout_issued_in_future", iat=NOW * 1000),
    claims("iat long ago", "logout_too_old", iat=NOW - 331),
    claims("iat zero", "logout_too_old", iat=0),
    claims("iat before all times", "logout_too_old", iat=-1),
    claims("expired", "logout_expired", exp=NOW - 30),
    claims("exp a string", "logout_malformed", exp="tomorrow"),
    null("exp null", "exp", "logout_malformed"),
    claims("no jti", "logout_malformed", jti=None),
    claims("an empty jti", "logout_malformed", jti=""),
    claims("jti a number", "logout_malformed", jti=1),
    claims("a long jti", "logout_malformed", jti="j" * 1025),
    claims("nobody", "logout_without_subject", sub=None),
    claims("an empty sub", "logout_malformed", sub=""),
    claims("sub a number", "logout_malformed", sub=1),
    claims("sub a list", "logout_malformed", sub=["alice"]),
    claims("an empty sid", "logout_malformed", sid=""),
    claims("sid a number", "logout_malformed", sid=1),
    claims("sid a table", "logout_malformed", sid={}),
    claims("no issuer", "logout_malformed", iss=None),
    claims("the issuer with a slash", "logout_unknown_issuer", iss=f"{ISSUER.url}/"),
    claims("an empty issuer", "logout_unknown_issuer", iss=""),
]  # fmt: skip

AS_ACCESS_TOKEN = Case(
    name="logout: a logout token is no access token",
    ask=Ask(headers=tuple(ISSUER.headers(GOOD).items())),
    status=401,
    error="invalid_token",
    settings=SETTINGS,
)
PREFLIGHT = Case(
    name="logout: no page is let in",
    ask=Ask(
        method="OPTIONS",
        path=PATH,
        headers=(origin(WWW), ("Access-Control-Request-Method", "POST")),
    ),
    status=405,
    settings=SETTINGS,
)
LOGOUT: list[Case] = [*ACCEPTED, *FORMS, *TOKENS, AS_ACCESS_TOKEN, PREFLIGHT]
