"""The session path, where the guard itself signs visitors in and out.

A page, or a front end in another language, then needs no Python code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from typing import Any
from urllib.parse import urlencode

from ...errors import (
    AuthError,
    GrantError,
    InvalidCredentialsError,
    IssuerUnavailableError,
    TooManyGuessesError,
)
from ..authorize.clients import VARY, Clients
from ..authorize.origin_rules import OriginRules, Page
from ..extract.paths import PathAccess
from ..extract.wire import Wire
from ..model.decision import Decision, Outbox, Respond
from ..model.effects import Ask, ReadBody
from ..model.patterns import demanded_by, folded
from ..model.policy import Policy
from ..model.principal import Principal
from ..model.request import Fields, Request
from ..respond.login_page import login_page, own_path
from ..respond.responses import Responses, told
from . import forms
from .signing import Signing

_FAILED = (InvalidCredentialsError, TooManyGuessesError, IssuerUnavailableError)
_WORDS = {401: "invalid_credentials", 429: "too_many_attempts", 503: "unavailable"}
"""The ``error`` that the login page gets, by the status that a script would get."""
_COOKIE = ("Vary", "Origin, Cookie")
_NO_STORE = ("Cache-Control", "no-store")

Visit = Callable[[Request, PathAccess, Page, Wire], Generator[Ask, Any, Decision]]
"""Decides a request of a visitor who may be signed in."""


def endpoints_of(path: str | None) -> tuple[str, ...]:
    """Return *path* and the paths below it."""
    return () if path is None else (path, f"{path}/login", f"{path}/logout")


class SessionAnswers:
    """Answers requests to the session path by one policy."""

    def __init__(
        self,
        policy: Policy,
        signing: Signing,
        responses: Responses,
        clients: Clients,
        origin_rules: OriginRules,
        visit: Visit,
    ) -> None:
        self._longest = policy.max_body_bytes
        self._login_url = policy.login_url
        _, self._login, self._logout = endpoints_of(policy.session_path)
        self._signing = signing
        self._responses = responses
        self._clients = clients
        self._origin_rules = origin_rules
        self._visit = visit

    def decide(
        self, request: Request, rule: PathAccess, page: Page, wire: Wire
    ) -> Generator[Ask, Any, Decision]:
        """Return the answer; raise ``AuthError``."""
        path = folded(request.path)
        if demanded_by(self._login, path):
            return (yield from self._sign_in(request, page))
        if demanded_by(self._logout, path):
            return (yield from self._sign_out(request, page, wire))
        if request.method not in ("GET", "HEAD"):
            raise GrantError("session_method", fields=(("Allow", "GET, HEAD"),))
        decision = yield from self._visit(request, rule, page, wire)
        if isinstance(decision, Respond) or decision.principal is None:
            return decision
        answer = self._who(decision.principal, decision.decoration.cors, _COOKIE)
        if request.method == "HEAD":
            answer = answer._replace(body=b"")
        return told(answer, decision.outbox or Outbox())

    def _sign_in(self, request: Request, page: Page) -> Generator[Ask, Any, Respond]:
        posted = yield from self._posted(request)
        cors = self._clients.union(page.origin)
        try:
            signed_in = yield from self._signing.log_in(
                request, posted.username, posted.password
            )
        except _FAILED as error:
            return self._failed(error, request, page, posted)
        if posted.script:
            answer = self._who(signed_in.principal, cors, VARY)
        else:
            answer = _see_other(posted.next or own_path(request, "/"))
        return _with(answer, signed_in.cookies)

    def _sign_out(
        self, request: Request, page: Page, wire: Wire
    ) -> Generator[Ask, Any, Respond]:
        posted = yield from self._posted(request)
        if self._signing.is_signed_in(request, wire):
            self._origin_rules.check_cookie(request, page)
        cookies = yield from self._signing.log_out(request)
        answer = _see_other(posted.next or own_path(request, "/"))
        if posted.script:
            cors = self._clients.union(page.origin)
            answer = Respond(204, (_NO_STORE, *cors, VARY))
        return _with(answer, cookies)

    def _posted(self, request: Request) -> Generator[Ask, Any, forms.Posted]:
        forms.check_head(request, self._longest)
        body: bytes | None = yield ReadBody(self._longest)
        if body is None:
            raise GrantError("client_gone")
        if len(body) > self._longest:
            raise GrantError("body_too_long")
        return forms.read(request, body)

    def _failed(
        self, error: AuthError, request: Request, page: Page, posted: forms.Posted
    ) -> Respond:
        """Redirect a person to the login page, with the reason in the query."""
        if posted.script or self._login_url is None:
            return self._responses.refuse(error, request, origin=page.origin)
        self._responses.report(error, request, page.origin)
        query = {"error": _WORDS[error.status]}
        if posted.next:
            query["next"] = posted.next
        where = login_page(request, self._login_url)
        return _see_other(f"{where}?{urlencode(query)}")

    def _who(
        self, principal: Principal, cors: Fields, vary: tuple[str, str]
    ) -> Respond:
        """Describe the user, without the token."""
        body = json.dumps(
            {
                "subject": principal.subject,
                "client_id": principal.client_id,
                "scopes": sorted(principal.scopes),
                "roles": sorted(principal.roles),
                "expires_at": principal.expires_at,
            }
        ).encode()
        described = ("Content-Type", "application/json")
        length = ("Content-Length", str(len(body)))
        return Respond(200, (described, length, _NO_STORE, *cors, vary), body)


def _see_other(location: str) -> Respond:
    """RFC 9110 section 15.4.4: the browser asks for the page by GET."""
    fields = (("Location", location), ("Content-Length", "0"), _NO_STORE, VARY)
    return Respond(303, fields)


def _with(answer: Respond, cookies: Iterable[str]) -> Respond:
    made = tuple(("Set-Cookie", value) for value in cookies)
    return answer._replace(headers=(*answer.headers, *made))
