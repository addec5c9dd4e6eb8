"""Tokens that were revoked: by each kind of entry, new or known, in each carrier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.wire.case import CORS_ASKED, Case
from tests.wire.tokens import EVIL, ISSUER, WWW, origin, raw
from tests.wire.worlds import App, Ask, Revocation

TOKEN = ISSUER.token(claims={"sid": "s1", "jti": "j1"})
BARE = ISSUER.token(claims={"jti": None})
COOKIE = {"COOKIE": "token", "OPTIONAL_PATHS": "/m", "PUBLIC_PATHS": "/open"}
SAID = 'error_description="The access token was revoked"'
SESSION: Revocation = {"sid": "s1"}
NOW = int(ISSUER.clock.time())


@dataclass(frozen=True, kw_only=True)
class Revoked(Case):
    """A request whose token was revoked, for *reason*."""

    reason: str

    def check_log(self, records: Any, answer: Any) -> None:
        """The log holds this very reason."""
        super().check_log(records, answer)
        told = [r.__dict__ for r in records if getattr(r, "event", "") == "refused"]
        assert [one["reason"] for one in told] == [self.reason]


KINDS: tuple[tuple[str, str, Revocation, str], ...] = (
    ("itself", BARE, BARE, "revoked_token"),
    ("its jti", TOKEN, {"jti": "j1"}, "revoked_token"),
    ("its session", TOKEN, SESSION, "revoked_session"),
    ("its subject", TOKEN, {"subject": "alice"}, "revoked_subject"),
    ("its client", TOKEN, {"client_id": "spa"}, "revoked_before"),
    ("its issuer", TOKEN, {}, "revoked_before"),
)


def bearer(token: str = TOKEN) -> tuple[str, str]:
    return raw(f"Bearer {token}")


def cookie(token: str = TOKEN) -> tuple[str, str]:
    return "Cookie", f"token={token}"


def refused(
    name: str,
    *headers: tuple[str, str],
    reason: str = "revoked_session",
    settings: Mapping[str, str] = COOKIE,
    revoked: tuple[Revocation, ...] = (SESSION,),
    known: tuple[str, ...] = (),
    cors: str | None = None,
    **ask: Any,
) -> Revoked:
    """401 ``invalid_token``, and the application does not run."""
    return Revoked(
        name=f"revoked: {name}",
        ask=Ask(headers=headers or (bearer(),), **ask),
        app=App(revoked=revoked, known=known),
        settings=settings,
        status=401,
        error=None if ask.get("method") == "HEAD" else "invalid_token",
        headers={"www-authenticate": SAID},
        cors=cors,
        reason=reason,
    )


def passes(
    name: str,
    *headers: tuple[str, str],
    subject: str | None = "alice",
    refusal: str | None = None,
    revoked: tuple[Revocation, ...] = (SESSION,),
    **ask: Any,
) -> Case:
    """200: what was revoked is something else, or no token is needed."""
    return Case(
        name=f"revoked: {name}",
        ask=Ask(headers=headers or (bearer(),), **ask),
        app=App(revoked=revoked),
        settings=COOKIE,
        subject=subject,
        refusal=refusal,
    )


REVOKED: list[Case] = [
    *(
        refused(
            f"{kind}, {'known' if known else 'new'}, in the {carrier}",
            send(token),
            reason=reason,
            revoked=(entry,),
            known=(token,) if known else (),
        )
        for kind, token, entry, reason in KINDS
        for known in (False, True)
        for carrier, send in (("header", bearer), ("cookie", cookie))
    ),
    refused("the client's page may read why", bearer(), origin(WWW), cors=WWW),
    refused("a known one, too", bearer(), origin(WWW), cors=WWW, known=(TOKEN,)),
    refused("a foreign page may not", bearer(), origin(EVIL)),
    refused("HEAD", method="HEAD"),
    refused("POST", bearer(), method="POST", body=b"a=1"),
    refused("an optional path, in the header", path="/m"),
    refused("and without the scope", settings={"SCOPES": "/notes=notes:read"}),
    refused("a client that is not listed", settings={"CLIENTS": ""}),
    refused(
        "packed entries",
        settings={"REVOCATIONS": "1"},
        revoked=(SESSION, *({"sid": f"t{n}"} for n in range(4))),
    ),
    passes("an optional path, in the cookie", cookie(), path="/m", subject=None,
           refusal="revoked_session"),
    passes("a public path", path="/open", subject=None),
    passes("another session", revoked=({"sid": "s2"},)),
    passes("another subject", revoked=({"subject": "bob"},)),
    passes("another client", revoked=({"client_id": "batch"},)),
    passes("another token", revoked=({"jti": "j2"},)),
    passes("another token, by its digest", revoked=(BARE,)),
    passes("a session that began later", revoked=({"sid": "s1", "before": NOW - 1},)),
    passes("tokens of before", revoked=({"before": NOW - 1},)),
    Case(
        name="revoked: a preflight brings no token",
        ask=Ask(
            method="OPTIONS",
            headers=(origin(WWW), (CORS_ASKED, "GET")),
        ),
        app=App(revoked=({},)),
        settings=COOKIE,
        status=204,
        cors=WWW,
    ),
]  # fmt: skip
