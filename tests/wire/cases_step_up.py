"""Paths that ask how and when the user signed in (RFC 9470), and what claims say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.case import Case
from tests.wire.tokens import ISSUER, WWW, origin, raw
from tests.wire.worlds import App, Ask

SETTINGS = {
    "CLIENTS": "",
    "CONFIG": str(Path(__file__).parent / "step_up.toml"),
    "LEEWAY": "10",
}
NOW = int(ISSUER.clock.time())
CODE = "insufficient_user_authentication"
ACR = "www-authenticate"
EU: dict[str, Any] = {"region": "eu", "tenant": "a"}


def asks(path: str, method: str = "GET", scope: str = "", **claims: Any) -> Ask:
    """A request to *path* by the page of the client, with these claims in the token."""
    token = ISSUER.token(scope=scope, claims=claims)
    return Ask(method, path, (raw(f"Bearer {token}"), origin(WWW)))


def both(name: str, ask: Ask, status: int, **more: Any) -> list[Case]:
    """A row for a new token, and one for a token that the guard knows already."""
    token = ask.headers[0][1].removeprefix("Bearer ")
    subject = "alice" if status == 200 else None
    return [
        Case(
            name=f"step-up: {name}, {how}",
            ask=ask,
            settings=SETTINGS,
            status=status,
            cors=WWW,
            subject=subject,
            app=App(known=known),
            **more,
        )
        for how, known in (("new", ()), ("known", (token,)))
    ]


def passes(name: str, ask: Ask) -> list[Case]:
    """The application runs."""
    return both(name, ask, 200)


def steps_up(name: str, ask: Ask, params: str) -> list[Case]:
    """A challenge that says what to ask the issuer for."""
    return both(name, ask, 401, error=CODE, headers={ACR: params})


def denied(name: str, ask: Ask) -> list[Case]:
    """A refusal that a new login would not change."""
    return both(name, ask, 403, error="access_denied", absent=(ACR,))


STEP_UP = [
    # acr: any one of the list, a string, and never part of one
    *passes("the first acr", asks("/mfa/x", acr="mfa")),
    *passes("the second acr", asks("/mfa/x", acr="otp")),
    *(
        row
        for name, value in (
            ("no acr", None),
            ("another acr", "pwd"),
            ("an empty acr", ""),
            ("an array of the right acr", ["mfa"]),
            ("an acr that is a number", 1),
            ("an acr that is true", True),
            ("two acr in one string", "mfa otp"),
            ("an acr in another case", "MFA"),
        )
        for row in steps_up(name, asks("/mfa/x", acr=value), 'acr_values="mfa otp"')
    ),
    *passes("an acr that two rules accept", asks("/mfa/otp/x", acr="otp")),
    *steps_up(
        "an acr that one of two rules accepts",
        asks("/mfa/otp/x", acr="mfa"),
        'acr_values="otp"',
    ),
    *passes("no acr elsewhere", asks("/notes")),
    # freshness: auth_time, the leeway once, and never iat
    *passes("a login just now", asks("/sudo", auth_time=NOW)),
    *passes("a login at the limit", asks("/sudo", auth_time=NOW - 309)),
    *passes("a login by a clock ahead", asks("/sudo", auth_time=NOW + 10)),
    *passes("a login with parts of a second", asks("/sudo", auth_time=NOW - 308.5)),
    *(
        row
        for name, value in (
            ("a login too long ago", NOW - 311),
            ("no auth_time, and a young iat", None),
            ("an auth_time that is text", str(NOW)),
            ("an auth_time that is true", True),
            ("an auth_time that is an array", [NOW]),
            ("an auth_time before all times", -(10**30)),
        )
        for row in steps_up(name, asks("/sudo", auth_time=value), 'max_age="300"')
    ),
    *(
        row
        for name, value in (
            ("an auth_time in the future", NOW + 12),
            ("an auth_time in milliseconds", NOW * 1000),
        )
        for row in both(
            name,
            asks("/sudo", auth_time=value),
            401,
            error="invalid_token",
            headers={ACR: "in the future"},
            absent=("retry-after",),
        )
    ),
    # the order: scope, then acr, then freshness; one challenge names both
    *both(
        "the scope comes first",
        asks("/transfer", "POST", "notes:read"),
        403,
        error="insufficient_scope",
    ),
    *steps_up(
        "the acr names the age too",
        asks("/transfer", "POST", "pay", acr="pwd", auth_time=NOW),
        'acr_values="mfa", max_age="300"',
    ),
    *steps_up(
        "the age names the acr too",
        asks("/transfer", "POST", "pay", acr="mfa", auth_time=NOW - 999),
        'acr_values="mfa", max_age="300"',
    ),
    *passes(
        "scope, acr and age", asks("/transfer", "POST", "pay", acr="mfa", auth_time=NOW)
    ),
    *passes("another method", asks("/transfer")),
    # a rule that demands outweighs one that gives
    *steps_up("an optional path", asks("/optional/sudo"), 'max_age="60"'),
    *steps_up("a public path", asks("/public/sudo"), 'max_age="60"'),
    # claims
    *passes("claims as they should be", asks("/eu/x", region="eu", tenant="b")),
    *(
        row
        for name, claims in (
            ("no claim", {"tenant": "a"}),
            ("one claim of two", {"region": "eu", "tenant": "c"}),
            ("an array where a string was meant", {"region": ["eu"], "tenant": "a"}),
            ("a claim in another case", {"region": "EU", "tenant": "a"}),
            ("a claim that is null", {"region": None, "tenant": "a"}),
            ("an object", {"region": {"eu": True}, "tenant": "a"}),
        )
        for row in denied(name, asks("/eu/x", **claims))
    ),
    *passes(
        "a dotted claim",
        asks("/eu/x", "DELETE", region="eu", tenant="a", realm={"staff": True}),
    ),
    *passes(
        "a claim whose name has a dot",
        asks("/eu/x", "DELETE", **{**EU, "realm.staff": True}),
    ),
    *denied(
        "1 is not true",
        asks("/eu/x", "DELETE", region="eu", tenant="a", realm={"staff": 1}),
    ),
    *denied(
        "a rule of two for the path",
        asks("/eu/x", "DELETE", region="eu", tenant="a", realm={}),
    ),
    *passes("a number", asks("/level", level=1)),
    *denied("a number with a point", asks("/level", level=1.0)),
    *denied("true is not 1", asks("/level", level=True)),
    *denied("text is not a number", asks("/level", level="1")),
    *denied("a claim on a public path", asks("/public/eu", region="us")),
    *passes("a claim on a public path that is met", asks("/public/eu", region="eu")),
    *denied("a rule whatever the case of the path", asks("/EU/x/", region="us")),
    # a refresh path never asks for a new login, or a page would refresh for ever
    Case(
        name="step-up: a token path",
        ask=Ask(
            "POST",
            "/oauth/token",
            (("Content-Type", "application/x-www-form-urlencoded"), origin(WWW)),
            b"grant_type=refresh_token&refresh_token=x&client_id=spa",
        ),
        settings=SETTINGS,
        cors=WWW,
    ),
    # an anonymous request is asked for a token before anything else
    *(
        Case(
            name=f"step-up: nobody at {path}",
            ask=Ask(path=path),
            settings=SETTINGS,
            status=401,
            error="missing_token",
        )
        for path in ("/sudo", "/mfa/x", "/eu/x", "/public/sudo", "/optional/sudo")
    ),
]
