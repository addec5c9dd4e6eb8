"""More steps of the demo: key rotation, and an outage of the issuer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from .place import COOLDOWN, USERS
from .promises import a_page, code, key_of, readable, status, with_key
from .walk import EVERYTHING, NAVIGATION, Check, Step, Walk, listed

STEPS: list[Step] = []
step = partial(listed, STEPS)


@step("The issuer rotates its key: new and old tokens are accepted at once")
def rotation(walk: Walk) -> Iterator[Check]:
    before = walk.tokens["alice before"] = walk.tokens["alice"]
    walk.send("POST", f"{walk.place.issuer}/dev/rotate").raise_for_status()
    walk.sign_in("alice", USERS["alice"], EVERYTHING)
    after = walk.tokens["alice"]
    yield Check("it is signed with another key", key_of(before) != key_of(after))
    yield status(walk.api("GET", "/notes", after), 200)
    yield status(walk.api("GET", "/notes", before), 200)
    yield status(walk.page("/"), 200)


@step("The issuer is down: known keys still work, and signing in fails with 503")
def outage(walk: Walk) -> Iterator[Check]:
    switch = f"{walk.place.issuer}/dev/outage"
    walk.send("POST", switch).raise_for_status()
    try:
        yield status(walk.api("GET", "/notes", walk.tokens["alice"]), 200)
        yield status(walk.page("/"), 200)
        answer = walk.sign_in("bob", USERS["bob"], "notes:read")
        yield Check(
            "the token path answers with a server error", answer.is_server_error
        )
        yield code(answer, "temporarily_unavailable")
        yield readable(walk, answer)
    finally:
        walk.send("DELETE", switch).raise_for_status()


@step("During the outage users see an error page and stay signed in")
def outage_page(walk: Walk) -> Iterator[Check]:
    switch = f"{walk.place.issuer}/dev/outage"
    walk.send("POST", switch).raise_for_status()
    try:
        form = {"username": "bob", "password": USERS["bob"]}
        unknown = with_key(walk.tokens["alice"], "made-up")
        for answer in (
            walk.send("GET", walk.place.www, token=unknown, headers=NAVIGATION),
            walk.post_form("/login", walk.place.www, **form),
        ):
            yield status(answer, 503)
            yield a_page(answer)
            kept = "Set-Cookie" not in answer.headers
            yield Check("the cookie is kept", kept)
    finally:
        walk.send("DELETE", switch).raise_for_status()
    yield status(walk.page("/"), 200)


@step("The issuer comes back: everything recovers")
def recovery(walk: Walk) -> Iterator[Check]:
    yield status(walk.sign_in("bob", USERS["bob"], "openid notes:read"), 200)
    yield status(walk.api("GET", "/notes", walk.tokens["bob"]), 200)


@step("The issuer withdraws its old key: the API notices, and the old token ends")
def withdrawal(walk: Walk) -> Iterator[Check]:
    old = walk.tokens["alice before"]
    walk.send("POST", f"{walk.place.issuer}/dev/withdraw").raise_for_status()
    time.sleep(COOLDOWN)  # made-up key ids cost one fetch in this time
    yield status(walk.api("GET", "/notes", with_key(old, "made-up")), 401)
    yield status(walk.api("GET", "/notes", old), 401)
    yield status(walk.api("GET", "/notes", walk.tokens["alice"]), 200)
