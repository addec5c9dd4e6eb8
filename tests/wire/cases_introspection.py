"""Opaque tokens: what the issuer answers about them, and what that leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.wire.case import Case
from tests.wire.endpoint import SETTINGS
from tests.wire.tokens import EVIL, ISSUER, WWW, origin, raw
from tests.wire.worlds import Ask


@dataclass(frozen=True, kw_only=True)
class Asked(Case):
    """A request whose token the issuer was asked about; refused for *reason*."""

    reason: str = ""

    def check_log(self, records: Any, answer: Any) -> None:
        """The log holds this very reason, and no token."""
        super().check_log(records, answer)
        told = [r.__dict__ for r in records if getattr(r, "event", "") == "refused"]
        assert [one["reason"] for one in told] == ([self.reason] if self.reason else [])
        assert not any("opaque-" in record.getMessage() for record in records)


_CODES = {401: "invalid_token", 503: "temporarily_unavailable"}


def asked(
    name: str,
    token: str,
    *headers: tuple[str, str],
    reason: str = "",
    status: int = 200,
    settings: Mapping[str, str] | None = None,
    **rest: Any,
) -> Asked:
    """Return a row about *token*, which is refused if there is a *reason*."""
    codes = {"foreign_origin": "invalid_origin", "scope_missing": "insufficient_scope"}
    return Asked(
        name=f"introspection: {name}",
        ask=Ask(headers=(raw(f"Bearer {token}"), *headers)),
        settings={**SETTINGS, **(settings or {})},
        status=status,
        error=codes.get(reason) or _CODES.get(status),
        reason=reason,
        **rest,
    )


def refused(name: str, token: str, reason: str = "inactive") -> Asked:
    """401 ``invalid_token``."""
    return asked(name, token, reason=reason, status=401)


def unavailable(name: str, token: str, wait: str = "1") -> Asked:
    """503 with ``Retry-After`` and without a challenge."""
    return asked(
        name, token, reason="introspection_unavailable", status=503,
        headers={"retry-after": wait}, absent=("www-authenticate",),
    )  # fmt: skip


INTROSPECTION = [
    asked("active", "opaque-alice", subject="alice"),
    asked("a program, named by its client", "opaque-of-a-program", subject="batch"),
    asked(
        "active, from its page", "opaque-alice", origin(WWW), subject="alice", cors=WWW,
    ),
    asked(
        "active, from another page", "opaque-alice", origin(EVIL),
        reason="foreign_origin", status=403,
    ),
    Asked(
        name="introspection: active, in the cookie",
        ask=Ask(headers=(("Cookie", "token=opaque-alice"),)),
        settings={**SETTINGS, "COOKIE": "token"},
        subject="alice",
        headers={"vary": "Cookie"},
    ),
    refused("not active", "opaque-ended"),
    refused("never issued", "opaque-unknown"),
    refused("active is a string", "opaque-string"),
    refused("active is a number", "opaque-number"),
    refused("active is missing", "opaque-nothing"),
    refused("an answer that has ended", "opaque-expired", "expired"),
    refused("for another audience", "opaque-for-another", "wrong_audience"),
    refused("without an audience", "opaque-for-anybody", "missing_claim"),
    refused("of another issuer", "opaque-of-another", "unknown_issuer"),
    refused("a refresh token", "opaque-refresh", "refresh_token"),
    asked(
        "bound to a key", "opaque-bound", reason="bound_token_as_bearer", status=401,
        schemes=("Bearer", "DPoP"),
    ),
    refused("bound to a key that is not told", "opaque-dpop", "bound_token"),
    asked(
        "audience unchecked", "opaque-for-anybody", subject="alice",
        settings={"AUDIENCE": "unchecked"},
    ),
    unavailable("not an object", "opaque-list"),
    unavailable("HTML", "opaque-html"),
    unavailable("JSON as HTML", "opaque-json-as-html"),
    unavailable("a redirect", "opaque-moved"),
    unavailable("our credentials are wrong", "opaque-denied"),
    unavailable("our client may not ask", "opaque-forbidden"),
    unavailable("too many requests", "opaque-busy", "17"),
    unavailable("a broken endpoint", "opaque-broken"),
    unavailable("an answer too long", "opaque-long"),
    asked(
        "a scope that it lacks", "opaque-alice", status=403, reason="scope_missing",
        settings={"SCOPES": "/notes=notes:write"},
    ),
    Asked(
        name="introspection: without it, an opaque token is malformed",
        ask=Ask(headers=(raw("Bearer opaque-alice"),)),
        status=401,
        error="invalid_token",
        reason="malformed",
    ),
    Asked(
        name="introspection: a JWT is verified here",
        ask=Ask(headers=(raw(f"Bearer {ISSUER.token()}"),)),
        settings=SETTINGS,
        subject="alice",
    ),
    Asked(
        name="introspection: a JWT of a stranger is not shown to anybody",
        ask=Ask(headers=(raw(f"Bearer {ISSUER.token(claims={'iss': EVIL})}"),)),
        settings=SETTINGS,
        status=401,
        error="invalid_token",
        reason="unknown_issuer",
    ),
    Asked(
        name="introspection: a JWT that the issuer has ended, on a path that asks",
        ask=Ask(headers=(raw(f"Bearer {ISSUER.token()}"),)),
        settings={**SETTINGS, "INTROSPECT_PATHS": "/notes"},
        status=401,
        error="invalid_token",
        reason="inactive",
    ),
]  # fmt: skip
"""The rows about introspection."""
