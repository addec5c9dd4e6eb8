"""The two decisions: answer now, or let the application run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .principal import Principal
from .request import Fields


@dataclass(frozen=True, slots=True, eq=False)
class Decoration:
    """What happens to the header fields of the application's answer."""

    cors: Fields = ()
    replace: bool = True
    """Ours replace the application's CORS fields; else they only fill a gap."""
    vary: tuple[str, ...] = ("Origin",)
    private: bool = False
    """Add ``Cache-Control: private, no-store`` where the application set none."""
    fields: Fields = ()
    """Further fields of ours."""


# Compared by identity (eq=False): hashing its fields for each answer would cost more
# than decorating it.
decoration = lru_cache(maxsize=256)(Decoration)

"""Mostly the same object for the same fields, so that adapters can keep what they make
of it."""


class Outbox:
    """The session cookies that leave with the answer to one request, and its report.

    Filled by the flow, or by a handler that signs somebody in or out; read when the
    answer starts. Never in a ``repr``.
    """

    __slots__ = ("_fields", "_wanted", "reported")

    def __init__(self) -> None:
        self._fields: tuple[str, ...] = ()
        self._wanted: Callable[[], bool] | None = None
        self.reported: tuple[str, ...] = ()
        """Reasons for which the request would be refused, for its developer."""

    def report(self, *reasons: str) -> None:
        """Add *reasons* to what the developer is told."""
        self.reported = tuple(dict.fromkeys((*self.reported, *reasons)))

    def report_fields(self) -> Fields:
        """Return the header field of the report; none if nothing was reported."""
        told = ", ".join(f"would_refuse={reason}" for reason in self.reported)
        return (("JWTGuard-Report", told),) if told else ()

    def put(
        self, fields: tuple[str, ...], wanted: Callable[[], bool] | None = None
    ) -> None:
        """Let *fields*, values of ``Set-Cookie``, leave in place of any others.

        *wanted* is asked when the answer starts whether they may still leave.
        """
        self._fields, self._wanted = fields, wanted

    def fields(self) -> tuple[str, ...]:
        """Return the values of ``Set-Cookie`` that leave now."""
        if self._fields and self._wanted is not None and not self._wanted():
            return ()
        return self._fields


class Respond(NamedTuple):
    """Answer now: the application never sees the request."""

    status: int
    headers: Fields
    body: bytes = b""
    reason: str = ""


class TokenRequest(NamedTuple):
    """What a token request asks for (RFC 6749 section 4)."""

    grant_type: str
    """Empty on a revocation path."""
    client_id: str | None
    form: Mapping[str, Sequence[str]]
    authenticated: bool
    """The request brought client authentication of its own."""


class Proceed(NamedTuple):
    """Let the application run, and decorate its answer."""

    principal: Principal | None
    decoration: Decoration
    refusal: str | None = None
    """Why a cookie token was not taken on an optional path."""
    body: bytes | None = None
    """The body that was read and checked: hand on these very bytes."""
    fallback: Respond | None = None
    """Replaces the application's answer whole, if that grants no origin."""
    carrier: str = ""
    """Where the token was found: header, cookie, subprotocol, or nothing."""
    grant: TokenRequest | None = None
    """What a token request asks for."""
    outbox: Outbox | None = None
    """Collects session cookies and the report for the response, if there may be any."""
    reported: tuple[str, ...] = ()
    """Reasons of refusals that are only reported: this request would be refused."""


Decision = Respond | Proceed
