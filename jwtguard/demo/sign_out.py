"""Last steps of the demo: sessions end, and their tokens with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from .place import USERS
from .promises import code, readable, redirects, revoked, sid_of, status
from .walk import EVERYTHING, Check, Step, Walk, listed

STEPS: list[Step] = []
step = partial(listed, STEPS)
SECONDS = 15


@step("Sign out: the same token is refused from the next request on")
def sign_out(walk: Walk) -> Iterator[Check]:
    alice = walk.tokens["alice"]
    yield status(walk.api("GET", "/whoami", alice), 200)
    yield status(walk.api("POST", "/sign-out", alice), 204)
    answer = walk.api("GET", "/whoami", alice)
    yield from revoked(answer)
    yield readable(walk, answer)
    walk.sign_in("alice", USERS["alice"], EVERYTHING)
    yield status(walk.api("GET", "/whoami", walk.tokens["alice"]), 200)


@step("Sign out everywhere: both of bob's sessions end, other users stay signed in")
def everywhere(walk: Walk) -> Iterator[Check]:
    first = walk.tokens["bob"]
    walk.sign_in("bob", USERS["bob"], "openid notes:read")
    second = walk.tokens["bob"]
    yield Check("bob has two sessions", sid_of(first) != sid_of(second))
    yield status(walk.api("POST", "/sign-out-everywhere", second), 204)
    for token in (first, second):
        yield from revoked(walk.api("GET", "/whoami", token))
    yield status(walk.api("GET", "/whoami", walk.tokens["alice"]), 200)


@step("The page also revokes its refresh token")
def give_back(walk: Walk) -> Iterator[Check]:
    refresh_token = walk.tokens["alice refresh"]
    url = f"{walk.place.api}/oauth/revoke"
    form = {"client_id": "spa", "token": refresh_token}
    yield status(walk.send("POST", url, origin=walk.place.www, form=form), 200)
    answer = walk.refresh("alice")
    yield status(answer, 400)
    yield code(answer, "invalid_grant")


@step("Sign out of the www server: the cookie is gone, and a copy is refused")
def server_sign_out(walk: Walk) -> Iterator[Check]:
    copied = _cookies(walk)
    yield status(walk.page("/", copied), 200)
    yield redirects(walk.post_form("/logout", walk.place.www), "/login")
    yield redirects(walk.page("/"), "/login?next=/")
    yield redirects(walk.page("/", copied), "/login?next=/")


@step("The token server signs alice out, and the API, the site and an open tab notice")
def back_channel(walk: Walk) -> Iterator[Check]:
    form = {"username": "alice", "password": USERS["alice"]}
    walk.sign_in("alice", USERS["alice"], EVERYTHING)
    walk.post_form("/login", walk.place.www, **form)
    yield status(walk.api("GET", "/whoami", walk.tokens["alice"]), 200)
    yield status(walk.page("/"), 200)
    with _open_tab(walk) as tab:
        url = f"{walk.place.issuer}/dev/logout"
        told = walk.send("POST", url, form={"user": "alice"}).json()["sent"]
        both = [one.get("status") for one in told] == [200, 200]
        yield Check("API and site took their logout tokens", both)
        yield Check("the tab's WebSocket is closed: 4401 revoked", _is_closed(tab))
    yield from revoked(walk.api("GET", "/whoami", walk.tokens["alice"]))
    yield redirects(walk.page("/"), "/login?next=/")


def _cookies(walk: Walk) -> str:
    """Return what the browser would send to the www server."""
    request = walk.http.build_request("GET", walk.place.www)
    return str(request.headers["Cookie"])


@contextmanager
def _open_tab(walk: Walk) -> Iterator[ClientConnection]:
    """Open the WebSocket that a page of the www server holds."""
    url = httpx.URL(walk.place.www).copy_with(scheme="ws", path="/live")
    fields = {"Cookie": _cookies(walk), "Origin": walk.place.www}
    try:
        with connect(
            str(url), additional_headers=fields, open_timeout=SECONDS, proxy=None
        ) as tab:
            yield tab
    except (OSError, WebSocketException) as error:
        raise ValueError(f"{url}: {error}") from error


def _is_closed(tab: ClientConnection) -> bool:
    """Wait for the end of the connection; return whether it is the guard's."""
    try:
        tab.recv(SECONDS)
    except ConnectionClosed as closed:
        frame = closed.rcvd
        return frame is not None and (frame.code, frame.reason) == (4401, "revoked")
    except TimeoutError:
        pass
    return False
