"""The body of a refusal: the guard's JSON (RFC 6749 section 5.2), or an own wording."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ...errors import AuthError, GrantError, LoginRedirectError
from ..extract.navigation import wants_page
from ..model.decision import Respond
from ..model.request import Fields, Request
from ..verify.keys import Emit


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a renderer may say about a refusal. No value of the request is in it."""

    status: int
    """The status of the response. It cannot be changed."""
    code: str
    """The member ``error`` of the guard's JSON, such as ``invalid_token``."""
    reason: str
    """The reason in the log: a key of ``jwtguard.reasons.REASONS``."""
    description: str
    """The sentence for the client, in English."""
    scope: str | None = None
    """The scopes that are needed, separated by spaces."""
    members: Mapping[str, str | int] = field(default_factory=dict)
    """Further members of the guard's JSON, such as ``max_age``."""
    oauth: bool = False
    """The client reads the JSON of RFC 6749 or of OpenID back-channel logout."""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """What a renderer may know about the request that is refused."""

    method: str
    path: str
    """The path that the application routes on, percent-decoded."""
    accept: str
    """The value of ``Accept``, or an empty string."""
    navigation: bool
    """Whether a browser opens a page, and a person will read the response."""


Render = Callable[[Refusal, RefusedRequest], tuple[str, bytes] | None]
"""Returns the ``Content-Type`` and the body of a refusal, or None for the guard's."""


class Wording:
    """Makes the bodies of refusals; *emit* is told if *render* fails."""

    def __init__(self, emit: Emit, render: Render | None = None) -> None:
        self._emit = emit
        self._render = render

    def worded(self, error: AuthError, request: Request) -> Respond:
        """Return status and body of a refusal, and the fields that describe the body.

        RFC 9110 section 9.3.2: the length is that of the GET answer, and HEAD has no
        body.
        """
        body, described = _json(error.code, error.description, error.members)
        if self._render is not None and not isinstance(error, LoginRedirectError):
            body, described = self._rendered(error, request) or (body, described)
        shown = b"" if request.method == "HEAD" else body
        return Respond(error.status, described, shown, error.reason)

    def _rendered(
        self, error: AuthError, request: Request
    ) -> tuple[bytes, Fields] | None:
        render: Any = self._render
        refusal, view = _refusal_of(error), _view_of(request)
        try:
            made = render(refusal, view)
            return None if made is None else _checked(*made)
        except Exception as problem:  # noqa: BLE001  # the request stays refused
            self._emit(
                "render_failed", reason=error.reason, problem=type(problem).__name__
            )
            return None


def _refusal_of(error: AuthError) -> Refusal:
    # The session path speaks to pages of the application.
    oauth = isinstance(error, GrantError) and not error.reason.startswith("session_")
    return Refusal(
        error.status,
        error.code,
        error.reason,
        error.description,
        error.scope,
        dict(error.members),
        oauth,
    )


def _view_of(request: Request) -> RefusedRequest:
    accept = request.header("accept") or ""
    return RefusedRequest(request.method, request.path, accept, wants_page(request))


def _checked(content_type: object, body: object) -> tuple[bytes, Fields]:
    """Return what a renderer made; raise if it cannot be sent."""
    if not isinstance(content_type, str) or not isinstance(body, bytes):
        raise TypeError("render must return (str, bytes) or None")
    # Anything else could add header fields to the response (RFC 9110 section 5.5), and
    # servers drop the connection where a value begins or ends with a blank.
    printable = content_type.isascii() and content_type.isprintable()
    if not printable or content_type != content_type.strip() or not content_type:
        raise ValueError("render must return a valid Content-Type")
    return body, _described(content_type, body)


def _described(content_type: str, body: bytes) -> Fields:
    return (("Content-Type", content_type), ("Content-Length", str(len(body))))


@lru_cache(maxsize=256)
def _json(
    code: str, description: str, members: tuple[tuple[str, str | int], ...]
) -> tuple[bytes, Fields]:
    """Return the JSON that a refusal answers with, and the fields that describe it."""
    said = {"error": code, "error_description": description, **dict(members)}
    body = json.dumps(said).encode()
    return body, _described("application/json", body)
