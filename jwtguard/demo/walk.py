"""RFC 9110: one request and its answer at a time, kept so that they can be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx

from .place import Place

EVERYTHING = "openid notes:read notes:write"
"""The scopes that the API knows."""


class Check(NamedTuple):
    """One thing that was promised, and whether it came so."""

    promise: str
    kept: bool


class Exchange(NamedTuple):
    """What was asked, and what was answered."""

    request: httpx.Request
    answer: httpx.Response


@dataclass(frozen=True, slots=True)
class Step:
    """One stop on the walk: what it is about, and how it is tried."""

    title: str
    run: Callable[[Walk], Iterator[Check]]


Run = Callable[["Walk"], Iterator[Check]]


def listed(steps: list[Step], title: str) -> Callable[[Run], Run]:
    """Put the function that is decorated on the walk, after those in *steps*."""

    def add(run: Run) -> Run:
        steps.append(Step(title, run))
        return run

    return add


@dataclass(slots=True)
class Outcome:
    """What became of a step."""

    step: Step
    exchanges: list[Exchange]
    checks: list[Check]

    @property
    def good(self) -> bool:
        """Whether every promise was kept, and there was one."""
        return bool(self.checks) and all(check.kept for check in self.checks)


@dataclass(slots=True)
class Walk:
    """A person's way through the picture: the client, its cookies, its tokens."""

    place: Place
    http: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)

    def take(self, step: Step) -> Outcome:
        """Run one step. What breaks on the way is a broken promise, not the end."""
        self.exchanges = []
        checks: list[Check] = []
        try:
            checks.extend(step.run(self))
        except (httpx.HTTPError, LookupError, ValueError) as error:
            checks.append(Check(f"{type(error).__name__}: {error}", kept=False))
        return Outcome(step, self.exchanges, checks)

    def send(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        origin: str | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: object = None,
    ) -> httpx.Response:
        """Send a request as it is: redirects are answers like any other."""
        fields = dict(headers or {})
        if origin is not None:
            fields["Origin"] = origin
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        request = self.http.build_request(
            method, url, headers=fields, data=form, json=json
        )
        answer = self.http.send(request)
        self.exchanges.append(Exchange(request, answer))
        return answer

    def api(
        self,
        method: str,
        path: str,
        token: str | None = None,
        origin: str | None = None,
        json: object = None,
    ) -> httpx.Response:
        """Call the API, from the SPA page unless another origin is named."""
        return self.send(
            method,
            f"{self.place.api}{path}",
            token=token,
            origin=origin or self.place.www,
            json=json,
        )

    def grant(self, origin: str | None = None, **form: str) -> httpx.Response:
        """Ask the API's token path, as the page of client ``spa`` does."""
        return self.send(
            "POST",
            f"{self.place.api}/oauth/token",
            origin=origin or self.place.www,
            form={"client_id": "spa", **form},
        )

    def refresh(self, name: str, origin: str | None = None) -> httpx.Response:
        """Trade the refresh token that is kept under *name*."""
        token = self.tokens[f"{name} refresh"]
        return self.grant(origin, grant_type="refresh_token", refresh_token=token)

    def sign_in(self, name: str, password: str, scope: str) -> httpx.Response:
        """Trade a password for tokens, and keep them under the person's name."""
        answer = self.grant(
            grant_type="password", username=name, password=password, scope=scope
        )
        if answer.status_code == 200:
            self.keep(name, answer.json())
        return answer

    def keep(self, name: str, body: Mapping[str, str]) -> None:
        """Remember the tokens of one grant: ``alice``, ``alice refresh``, ..."""
        self.tokens[name] = body["access_token"]
        for kind in ("refresh", "id"):
            if f"{kind}_token" in body:
                self.tokens[f"{name} {kind}"] = body[f"{kind}_token"]

    def page(self, path: str, cookie: str | None = None) -> httpx.Response:
        """Open a page of the www server, as a link that was clicked.

        *cookie* stands in for the cookies that the browser holds.
        """
        own = {} if cookie is None else {"Cookie": cookie}
        headers = {**NAVIGATION, **own}
        return self.send("GET", f"{self.place.www}{path}", headers=headers)

    def post_form(self, path: str, origin: str, **form: str) -> httpx.Response:
        """Send a form to the www server from a page of *origin*."""
        own = origin == self.place.www
        site = {"Sec-Fetch-Site": "same-origin" if own else "same-site"}
        return self.send(
            "POST",
            f"{self.place.www}{path}",
            origin=origin,
            headers={**NAVIGATION, **site},
            form=form,
        )


NAVIGATION = {
    "Accept": "text/html",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
