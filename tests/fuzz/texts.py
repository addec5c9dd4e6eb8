"""What people read: ``explain`` of any token, and the errors of any settings.

No traceback, no control character on a terminal, no signature and no secret.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from jwtguard import AuthError, Client, ConfigurationError, Guard, Policy, TrustedIssuer
from jwtguard import load_policy as load
from jwtguard.core.model.profiles import PROFILES
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check, escaped
from jwtguard.options import CONFIG, SETTINGS
from tests.attacks.attacker import (
    CLOCK,
    NOW,
    ONE,
    PUBLISHED,
    claims,
    header,
    signed,
)
from tests.fuzz.choices import Choices
from tests.fuzz.targets import MEMBERS, VALUES, make_token

WWW = "https://www.example"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
ODD: list[Any] = [
    *VALUES, 10**400, -(10**400), 5e-324, -1e308, 1_800_000_000_000, "\x1b[31m",
    "\u202eabc", "\ud800", "a" * 3000, "https://[", f"{ONE}/", "\n", {EVENT: {}},
    {EVENT: []}, ["account", "spa"], {"roles": ["\x1b"]}, [[[]]], "%s{}",
]  # fmt: skip
NAMES = (*MEMBERS, "sid", "type", "realm_access", "at_hash", "gty", "\x1b", "roles")
ORIGINS = ("", WWW, "https://[", "\x1b", "\ud800", "null", "http://" + "a" * 600)
PATHS = ("/notes/1", "/x", "/token", "/logout", "/\x1b", "/a//b", "/\ud800", "/\u00e9")


def _guard(profile: str, **members: Any) -> Guard:
    issuer = TrustedIssuer(url=ONE, keys=PUBLISHED, profile=profile, **members)
    policy = Policy(
        audience=["https://api.example"],
        issuers=[issuer],
        clients=[Client(id="spa", origins=[WWW])],
        scopes=[ScopeRule(path="/notes/*", require=["a"])],
        token_paths=["/token"],
        logout_paths=["/logout"],
        cookie="token",
    )
    return Guard(policy, clock=CLOCK)


GUARDS = [
    _guard(profile, **members)
    for profile in PROFILES
    for members in ({}, {"max_lifetime": 60.5})
]


def odd_token(choices: Choices) -> str:
    """Return a token of any header and claims, mostly one that is signed."""
    if choices.maybe():
        return make_token(choices)[0]
    head, said = header(), claims()
    if choices.maybe():
        said.update(events={EVENT: {}}, aud="spa", jti="j", iat=NOW)
    for name in choices.some(NAMES, 4):
        said[name] = choices.pick(ODD)
    for name in choices.some(("alg", "kid", "typ", "crit", "jwk"), 1):
        head[name] = choices.pick(ODD)
    first, second = (_spliced(choices, one) for one in (head, said))
    return signed(first, second)


def _spliced(choices: Choices, members: Any) -> bytes:
    text = choices.spliced(json.dumps(members, ensure_ascii=choices.maybe()))
    return text.encode("utf-8", "surrogatepass")


def explained(data: bytes) -> None:
    """``explain`` finds what the guard finds, and prints only what is safe to print."""
    choices = Choices(data)
    guard, token = choices.pick(GUARDS), odd_token(choices)
    found = list(explain(guard, token))
    reasons = [check.reason for check in found if not check.passed]
    if not _of_logout(found):
        assert (reasons or [""])[0] == _refusal(guard, token)
    sent = request_of(
        guard,
        token,
        method=choices.pick(("GET", "POST", "OPTIONS", "\x1b")),
        path=choices.pick(PATHS),
        origin=choices.pick(ORIGINS),
        cookie=choices.maybe(),
    )
    found += try_request(guard, sent, token)
    signature = token.rpartition(".")[2]
    for check in found:
        text = f"{check.name} {check.expected} {check.found} {check.hint}"
        assert text.isprintable()
        assert len(signature) < 40 or signature not in text


def _of_logout(found: list[Check]) -> bool:
    """Whether it was explained as a logout token, which has reasons of its own."""
    named = [check.name for check in found] + [check.reason for check in found]
    return any(name.startswith("logout") for name in named)


def _refusal(guard: Guard, token: str) -> str:
    try:
        guard.verify(token)
    except AuthError as error:
        return error.reason
    return ""


SECRET = "S3cret" * 8
TEXTS = (
    "", "a", "unchecked", "*", "/*", "/x", "/x/*", "true", "0", "-1", "1e400", "nan",
    "9" * 400, "1_0", "\u0663", "null", ONE, "http://a.example", "https://[", "a,b",
    f"{ONE}/.well-known/openid-configuration", "https://u:p@a.example", "https://a:x",
    '["a"]', "{}", "'a'", "spa=https://www.example", "spa=", "=x", "GET:/x=a", "/{id}",
    "/\x1b", "\x00", "\ud800", "\u202e", "10.0.0.0/8", "unix", "redis://h", "redis://[",
    "memory://", "5/minute", "basic", "allow", "keycloak", "RS256", "none", "[" * 2000,
    '{"keys":[]}', "-----BEGIN PUBLIC KEY-----\nx", "x" * 5000, "a b", f"{ONE} {WWW}",
    SECRET, f"redis://u:{SECRET}@h", f"redis://u:{SECRET}@[", f"[{SECRET}",
    f'"{SECRET}',
)  # fmt: skip
LITERALS = (
    "0", "-1", "0.5", "1e400", "nan", "inf", "1" + "0" * 30, "true", "1979-05-27",
    "07:32:00", "[]", "[[]]", "[{}]", "{}", '{ a = "b" }', '""', '"a"', "[1]",
    '["\\u001b"]', f'["{ONE}"]', f'[{{ url = "{ONE}" }}]', '[{ id = "spa" }]',
)  # fmt: skip
_SHOWN = [setting.name for setting in SETTINGS if not setting.secret]
_NAMES = [setting.name for setting in SETTINGS]


def settings(data: bytes) -> None:
    """Any variables and any TOML make a policy, or one error that shows no secret."""
    choices = Choices(data)
    environ = {"JWTGUARD_ISSUER": ONE, "JWTGUARD_AUDIENCE": "a"}
    for name in choices.some(_NAMES, 3):
        text = choices.pick(TEXTS)
        if SECRET not in text or name not in _SHOWN:
            environ[f"JWTGUARD_{name.upper()}{'_FILE' * choices.maybe()}"] = text
    lines = {}
    for name in choices.some([*_NAMES, "issuers", "clients", "scopes", "x"], 3):
        lines[name] = f"{name} = {choices.spliced(choices.pick(LITERALS))}"
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        if choices.maybe():
            Path(file.name).write_text("\n".join(lines.values()), "latin-1")
            environ[CONFIG] = file.name
        try:
            said = repr(load(environ))
        except ConfigurationError as error:
            said = str(error)
    assert escaped(said).isprintable()
    assert SECRET not in said
