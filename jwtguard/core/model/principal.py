"""The caller, as described by the verified token (RFC 7519, RFC 9068)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from .encoding import names
from .facts import Facts


class Principal:
    """The caller, as the verified token describes it. Immutable.

    ``expires_at`` is in seconds since the epoch; ``payload`` is the claims as they
    were signed. ``authenticated_at`` is in seconds since the epoch. The object can be
    used as a Starlette user.
    """

    __slots__ = ("_claims", "_facts", "_session", "_token")

    def __init__(
        self,
        *,
        subject: str,
        issuer: str,
        client_id: str | None = None,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
        expires_at: float = 0.0,
        payload: bytes = b"{}",
        token: str = "",
        acr: str | None = None,
        authenticated_at: float | None = None,
    ) -> None:
        self._facts = Facts(
            subject=subject,
            issuer=issuer,
            client_id=client_id,
            scopes=frozenset(scopes),
            roles=frozenset(roles),
            expires_at=expires_at,
            payload=payload,
            acr=acr,
            authenticated_at=authenticated_at,
        )
        self._token = token
        self._session = ""
        self._claims: dict[str, Any] | None = None

    @classmethod
    def of(cls, facts: Facts, token: str, session: str = "") -> Principal:
        """Return a principal for one request, made from cached facts."""
        # What ``__init__`` does, less the checks: this runs once per request.
        principal = cls.__new__(cls)
        principal._facts = facts  # noqa: SLF001
        principal._token = token  # noqa: SLF001
        principal._session = session  # noqa: SLF001
        principal._claims = None  # noqa: SLF001
        return principal

    @property
    def facts(self) -> Facts:
        """Everything but the token, for the token cache."""
        return self._facts

    @property
    def subject(self) -> str:
        """The ``sub`` claim, or the profile's claim for it (RFC 7519 section 4.1.2)."""
        return self._facts.subject

    @property
    def issuer(self) -> str:
        """The ``iss`` claim (RFC 7519 section 4.1.1)."""
        return self._facts.common.issuer

    @property
    def client_id(self) -> str | None:
        """The client that the token was issued to, or None (RFC 8693 section 4.3)."""
        return self._facts.common.client_id

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes granted to the token (RFC 6749 section 3.3)."""
        return self._facts.common.scopes

    @property
    def roles(self) -> frozenset[str]:
        """The roles of the subject (RFC 9068 section 2.2.3.1)."""
        return self._facts.extras.roles

    @property
    def expires_at(self) -> float:
        """When the token expires, in seconds since the epoch (RFC 7519 4.1.4)."""
        return self._facts.expires_at

    @property
    def tenant(self) -> str | None:
        """The tenant that ``issuer`` belongs to; None without a ``{placeholder}``."""
        return self._facts.common.tenant

    @property
    def bound(self) -> Literal["dpop", "mtls"] | None:
        """What the token is bound to: a DPoP key, a client certificate, or nothing.

        Checked on each request: RFC 9449 section 7, RFC 8705 section 3.
        """
        if self._facts.jkt is not None:
            return "dpop"
        return "mtls" if self._facts.x5t is not None else None

    @property
    def thumbprint(self) -> str | None:
        """That of the key (RFC 7638) or certificate, in base64url; None if unbound."""
        return self._facts.jkt or self._facts.x5t

    @property
    def acr(self) -> str | None:
        """How the subject was authenticated, or None (RFC 9068 section 2.2.1.1)."""
        return self._facts.extras.acr

    @property
    def amr(self) -> tuple[str, ...]:
        """The authentication methods; empty if the token lists none (RFC 8176)."""
        return tuple(names(self.claims.get("amr")))

    @property
    def authenticated_at(self) -> float | None:
        """When the subject last signed in, in seconds since the epoch, or None.

        The claim ``auth_time`` (RFC 9068 section 2.2.1). A refreshed token keeps it.
        """
        return self._facts.extras.authenticated_at

    @property
    def payload(self) -> bytes:
        """The claims as they were signed: JSON, as bytes."""
        return self._facts.payload

    @property
    def token(self) -> str:
        """The token itself, to be forwarded; never in ``repr``."""
        return self._token

    @property
    def session(self) -> str:
        """By what the session that brought the token is ended; mostly empty."""
        return self._session

    @property
    def claims(self) -> dict[str, Any]:
        """All claims of the token, parsed on first use; a new dict for each request."""
        if self._claims is None:
            self._claims = json.loads(self._facts.payload)
        return self._claims or {}

    @property
    def is_authenticated(self) -> bool:
        """Always true: a principal comes out of a verified token."""
        return True

    @property
    def display_name(self) -> str:
        """A name to show: ``preferred_username``, else ``name``, else the subject."""
        for claim in ("preferred_username", "name"):
            value = self.claims.get(claim)
            if isinstance(value, str) and value.strip():
                return value
        return self._facts.subject

    @property
    def identity(self) -> str:
        """Unique across issuers: issuer, space, subject."""
        return f"{self._facts.issuer} {self._facts.subject}"

    def __eq__(self, other: object) -> bool:
        """Two requests with one token have equal principals."""
        return isinstance(other, Principal) and self._facts == other._facts

    def __hash__(self) -> int:
        """Hash by what the token says."""
        return hash(self._facts)

    def __repr__(self) -> str:
        """Show who calls, and never the token."""
        # reprs end up in logs: payload and token are left out, and so is what a later
        # field may hold.
        shown = ((name, getattr(self._facts, name)) for name in _SHOWN)
        return f"Principal({', '.join(f'{name}={value!r}' for name, value in shown)})"


_SHOWN = ("subject", "issuer", "client_id", "scopes", "roles", "expires_at")
