"""The steps of the demo: RFC 6749 grants, RFC 6750 answers, RFC 6454 origins."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .place import OTHER_ORIGIN, USERS
from .promises import challenge, code, readable, redirects, status, unreadable
from .walk import EVERYTHING, Check, Step, Walk, listed

STEPS: list[Step] = []
step = partial(listed, STEPS)
NOTE = "Written by the page itself"


@step("A public path needs no token and no signing keys")
def public(walk: Walk) -> Iterator[Check]:
    yield status(walk.api("GET", "/healthz"), 200)


@step("The page signs in: password grant at the API's token path")
def signs_in(walk: Walk) -> Iterator[Check]:
    answer = walk.sign_in("alice", USERS["alice"], EVERYTHING)
    yield status(answer, 200)
    yield readable(walk, answer)
    stored = answer.headers.get("Cache-Control", "")
    yield Check("the answer must not be cached", "no-store" in stored)


@step("A wrong password is refused")
def wrong_password(walk: Walk) -> Iterator[Check]:
    answer = walk.sign_in("alice", "looking-glass", EVERYTHING)
    yield status(answer, 400)
    yield code(answer, "invalid_grant")


@step("The page calls the API from its own origin with the token")
def calls(walk: Walk) -> Iterator[Check]:
    alice = walk.tokens["alice"]
    who = walk.api("GET", "/whoami", alice)
    yield Check("the API identifies alice", who.json().get("subject") == "alice")
    yield readable(walk, who)
    yield status(walk.api("POST", "/notes", alice, json={"text": NOTE}), 201)
    notes = walk.api("GET", "/notes", alice)
    yield Check("the note is there", NOTE in notes.text)


@step("A missing scope is refused: bob's token can read but not write")
def scope(walk: Walk) -> Iterator[Check]:
    walk.sign_in("bob", USERS["bob"], "openid notes:read")
    bob = walk.tokens["bob"]
    yield status(walk.api("GET", "/notes", bob), 200)
    answer = walk.api("POST", "/notes", bob, json={"text": "?"})
    yield status(answer, 403)
    yield challenge(answer, "insufficient_scope")
    header = answer.headers.get("WWW-Authenticate", "")
    yield Check("it names the required scope", 'scope="notes:write"' in header)


@step("A missing role is refused: only admins see the report")
def role(walk: Walk) -> Iterator[Check]:
    yield status(walk.api("GET", "/admin/report", walk.tokens["bob"]), 403)
    yield status(walk.api("GET", "/admin/report", walk.tokens["alice"]), 200)


@step("A request without a token gets 401, and the page can read the answer")
def no_token(walk: Walk) -> Iterator[Check]:
    answer = walk.api("GET", "/notes")
    yield status(answer, 401)
    first = answer.headers.get_list("WWW-Authenticate")[0]
    bare = first == 'Bearer realm="api"'
    yield Check("a bare challenge, without error code", bare)
    yield readable(walk, answer)


@step("A token with one changed letter is refused")
def forged(walk: Walk) -> Iterator[Check]:
    head, _, signature = walk.tokens["alice"].rpartition(".")
    other = "A" if signature[9] != "A" else "B"
    changed = f"{head}.{signature[:9]}{other}{signature[10:]}"
    answer = walk.api("GET", "/notes", changed)
    yield status(answer, 401)
    yield challenge(answer, "invalid_token")


@step("ID tokens and refresh tokens are refused as access tokens")
def other_tokens(walk: Walk) -> Iterator[Check]:
    for kind in ("id", "refresh"):
        answer = walk.api("GET", "/notes", walk.tokens[f"alice {kind}"])
        yield status(answer, 401)
        yield challenge(answer, "invalid_token")


@step("Preflight: allowed for the page, refused for the stranger")
def preflight(walk: Walk) -> Iterator[Check]:
    asking = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    url = f"{walk.place.api}/notes"
    answer = walk.send("OPTIONS", url, origin=walk.place.www, headers=asking)
    yield status(answer, 204)
    yield readable(walk, answer)
    answer = walk.send("OPTIONS", url, origin=walk.place.stranger, headers=asking)
    yield status(answer, 403)
    yield unreadable(answer)


@step(
    "A foreign origin is refused before the API runs, even if another client lists it"
)
def foreign_origin(walk: Walk) -> Iterator[Check]:
    alice = walk.tokens["alice"]
    for origin in (walk.place.stranger, OTHER_ORIGIN):
        answer = walk.api("POST", "/notes", alice, origin, json={"text": "gotcha"})
        yield status(answer, 403)
        yield code(answer, "invalid_origin")
        yield unreadable(answer)
    notes = walk.api("GET", "/notes", alice)
    yield Check("nothing was written", "gotcha" not in notes.text)


@step("The page refreshes its token from its own origin")
def refresh(walk: Walk) -> Iterator[Check]:
    answer = walk.refresh("alice")
    yield status(answer, 200)
    yield readable(walk, answer)
    walk.keep("alice", answer.json())
    yield status(walk.api("GET", "/whoami", walk.tokens["alice"]), 200)


@step(
    "A refresh from the stranger's origin is refused and leaves the refresh token valid"
)
def refresh_elsewhere(walk: Walk) -> Iterator[Check]:
    answer = walk.refresh("alice", walk.place.stranger)
    yield status(answer, 403)
    yield code(answer, "unauthorized_client")
    yield unreadable(answer)
    again = walk.refresh("alice")
    yield Check(
        "the same refresh token still works from the page's origin",
        again.status_code == 200,
    )
    walk.keep("alice", again.json())


@step("Refresh is off by default: the client `other` may only sign in")
def refresh_off(walk: Walk) -> Iterator[Check]:
    at_home = {"origin": OTHER_ORIGIN, "client_id": "other"}
    form = {"username": "bob", "password": USERS["bob"]}
    yield status(walk.grant(**at_home, grant_type="password", **form), 200)
    form = {"refresh_token": walk.tokens["alice refresh"]}
    answer = walk.grant(**at_home, grant_type="refresh_token", **form)
    yield status(answer, 403)
    yield code(answer, "unauthorized_client")


@step("The stranger cannot try passwords with the page's client id")
def password_elsewhere(walk: Walk) -> Iterator[Check]:
    form = {"username": "alice", "password": USERS["alice"]}
    answer = walk.grant(walk.place.stranger, grant_type="password", **form)
    yield status(answer, 403)
    yield unreadable(answer)


@step("The www server signs in with a form and keeps the token in a sealed cookie")
def server_login(walk: Walk) -> Iterator[Check]:
    yield redirects(walk.page("/"), "/login?next=/")
    form = {"username": "alice", "password": USERS["alice"]}
    answer = walk.post_form("/login", walk.place.www, **form)
    yield redirects(answer, "/")
    cookie = answer.headers.get("Set-Cookie", "").lower()
    kept = "httponly" in cookie and "samesite=lax" in cookie
    yield Check("the cookie is HttpOnly and SameSite=Lax", kept)
    yield Check("it shows no token", bool(cookie) and "=eyj" not in cookie)


@step("The www server opens the session and forwards its token to the API")
def server_page(walk: Walk) -> Iterator[Check]:
    page = walk.page("/")
    yield status(page, 200)
    yield Check("the page shows the note from the API", NOTE in page.text)
    answer = walk.post_form("/notes", walk.place.www, text="Written by form")
    yield redirects(answer, "/")
    notes = walk.api("GET", "/notes", walk.tokens["alice"])
    yield Check("the SPA sees the new note too", "Written by form" in notes.text)


@step("Forged forms are refused, although the browser sends the cookie: it is one site")
def forged_forms(walk: Walk) -> Iterator[Check]:
    stranger = walk.place.stranger
    yield status(walk.post_form("/notes", stranger, text="gotcha"), 403)
    yield status(walk.post_form("/logout", stranger), 403)
    form = {"username": "bob", "password": USERS["bob"]}
    yield status(walk.post_form("/login", stranger, **form), 403)
    page = walk.page("/")
    unharmed = (
        page.status_code == 200 and "gotcha" not in page.text and "alice" in page.text
    )
    yield Check("alice is still signed in, and nothing was written", unharmed)
