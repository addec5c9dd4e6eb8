"""Wire cases of sessions: the cookie in every world, and the session path."""

from __future__ import annotations

from jwtguard import Guard, load_policy
from tests.session_support import NAME, OTHER_SECRET, SECRET
from tests.wire.case import Case
from tests.wire.tokens import BASE, EVIL, ISSUER, bearer, origin, site
from tests.wire.worlds import App, Ask, Fields

SESSIONS_ON = {
    "SESSION_CLIENT": "spa",
    "SECRETS": SECRET,
    "PUBLIC_PATHS": "/login",
    "OPTIONAL_PATHS": "/home",
}
ON_PATH = {**SESSIONS_ON, "SESSION_PATH": "/session"}
OWN = origin("https://api.example")
POSTED = ("Content-Type", "application/x-www-form-urlencoded")


def session(secret: str = SECRET, **token: object) -> tuple[str, str]:
    """Return a Cookie field with a session that holds such a token."""
    settings = {**BASE, **SESSIONS_ON, "SECRETS": secret}
    policy = load_policy({f"JWTGUARD_{k}": v for k, v in settings.items()})
    guard = Guard(policy, clock=ISSUER.clock)
    ((name, value),) = ISSUER.session(guard, **token).items()
    return name, f"a=b; {value}; c=d"


def case(name: str, *headers: tuple[str, str], **more: object) -> Case:
    """Return a case with sessions switched on."""
    asked = {k: more.pop(k) for k in ("method", "path", "scheme", "body") if k in more}
    known = {"settings": SESSIONS_ON, **more}
    made: Case = Case(name=name, ask=Ask(headers=headers, **asked), **known)  # type: ignore[arg-type]
    return made


GOOD = session()
TAMPERED = ("Cookie", GOOD[1].replace("; c=d", "A; c=d"))
CACHED: Fields = (("Cache-Control", "public, max-age=60"), ("Vary", "Accept"))

SESSION_CASES = [
    case("session: lets in", GOOD, subject="alice", headers={
        "vary": "Cookie", "cache-control": "private, no-store"}),
    case("session: keeps what the application says of caches", GOOD, subject="alice",
         app=App(headers=CACHED),
         headers={"cache-control": "public", "vary": "Cookie"}),
    case("session: header wins", GOOD, bearer(subject="bob"), subject="bob"),
    case("session: a bad header is not made good", GOOD, ("Authorization", "Bearer x"),
         status=401, error="invalid_token"),
    case("session: own form", GOOD, OWN, method="POST", subject="alice"),
    case("session: foreign form", GOOD, origin(EVIL), method="POST", status=403,
         error="invalid_origin"),
    case("session: form without an origin", GOOD, method="POST", status=403,
         error="invalid_origin"),
    case("session: image of another site", GOOD,
         *site("cross-site", "no-cors", "image"), status=403, error="invalid_origin"),
    case("session: link of another site", GOOD,
         *site("cross-site", "navigate", "document"), subject="alice"),
    case("session: login forgery on a public path", origin(EVIL), method="POST",
         path="/login", status=403, error="invalid_origin"),
    case("session: tampered", TAMPERED, status=401, error="invalid_token"),
    case("session: tampered on an optional path", TAMPERED, path="/home",
         refusal="session_invalid", headers={"cache-control": "private, no-store"}),
    case("session: not read on a public path", GOOD, path="/login"),
    case("session: of another secret", session(OTHER_SECRET), status=401,
         error="invalid_token"),
    case("session: too long", ("Cookie", f"{NAME}={'x' * 4000}"), status=431,
         error="invalid_request"),
    case("session: over plain HTTP", GOOD, scheme="http", status=401,
         error="missing_token"),
    case("session: without the setting", GOOD, settings={}, status=401,
         error="missing_token"),
    case("session: scope", GOOD, status=403, error="insufficient_scope",
         settings={**SESSIONS_ON, "SCOPES": "/notes=notes:read"}),
    case("session path: nobody is signed in", path="/session", settings=ON_PATH,
         status=401, error="missing_token"),
    case("session path: wrong method", path="/session/login", settings=ON_PATH,
         status=405, error="invalid_request", headers={"allow": "POST"}),
    case("session path: no form", OWN, POSTED, path="/session/login", method="POST",
         body=b"username", settings=ON_PATH, status=400, error="invalid_request"),
    case("session path: no password", OWN, POSTED, path="/session/login", method="POST",
         body=b"username=alice", settings=ON_PATH, status=401,
         error="invalid_credentials"),
    case("session path: login forgery", origin(EVIL), POSTED, path="/session/login",
         method="POST", body=b"username=alice&password=x", settings=ON_PATH,
         status=403, error="invalid_origin"),
    case("session path: logout forgery", GOOD, origin(EVIL), path="/session/logout",
         method="POST", settings=ON_PATH, status=403, error="invalid_origin"),
]  # fmt: skip
