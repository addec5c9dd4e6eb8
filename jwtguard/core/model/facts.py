"""What a verified token says (RFC 7519, RFC 9068), in the form that is cached."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from .claim_rule import ClaimRule

_NONE: frozenset[str] = frozenset()
_SHORT = 4096
"""Bytes. What a token of more has in common with others is not looked for."""


class Standing(NamedTuple):
    """What path rules may ask of a token beside its scopes: hashable, and small."""

    acr: str | None
    unmet: frozenset[ClaimRule]
    """The claim rules of the policy that the token does not meet, whatever the path."""


class Common:
    """What many tokens say alike: all that decides what they may do. Immutable.

    Tokens share it, so that results of ``authorize`` are found by its identity.
    """

    __slots__ = (
        "client_id", "issuer", "origins", "scopes", "shared", "standing", "tenant",
    )  # fmt: skip

    def __init__(
        self,
        issuer: str,
        client_id: str | None,
        scopes: frozenset[str],
        origins: frozenset[str],
        tenant: str | None,
        standing: Standing | None,
        shared: bool = True,
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self.scopes = scopes
        self.origins = origins
        """The origins that the token names, if the policy believes them."""
        self.tenant = tenant
        """The tenant whose issuer it is, if the issuer in the policy has several."""
        self.standing = standing
        """None: no path rule of the policy asks for more than scopes."""
        self.shared = shared
        """False: too long to be kept for other tokens."""


class Extras(NamedTuple):
    """What few tokens say."""

    roles: frozenset[str] = _NONE
    sub: str | None = None
    """The claim of that name, whatever the issuer's ``subject_claim`` is."""
    sid: str | None = None
    jkt: str | None = None
    """Thumbprint of the key that the token is bound to (RFC 9449 section 6.1)."""
    x5t: str | None = None
    """SHA-256 of the certificate that it is bound to (RFC 8705 section 3.1)."""
    acr: str | None = None
    authenticated_at: float | None = None


class Facts:
    """What a verified token says, shared by all requests that bring it. Immutable."""

    # A process holds thousands of these: what tokens have in common, and what few of
    # them have, is in objects of its own. The rest of the claims is read in `payload`.
    __slots__ = ("common", "expires_at", "extras", "payload", "subject")

    def __init__(
        self,
        subject: str,
        issuer: str,
        client_id: str | None = None,
        scopes: frozenset[str] = _NONE,
        roles: frozenset[str] = _NONE,
        expires_at: float = 0.0,
        payload: bytes = b"{}",
        origins: frozenset[str] = _NONE,
        sub: str | None = None,
        sid: str | None = None,
        jkt: str | None = None,
        x5t: str | None = None,
        tenant: str | None = None,
        acr: str | None = None,
        authenticated_at: float | None = None,
        standing: Standing | None = None,
    ) -> None:
        self.subject = subject
        self.expires_at = expires_at
        self.payload = payload
        # Tokens are made by strangers: 1024 times 16 KB would be 16 MB.
        if len(payload) + 64 * len(scopes) <= _SHORT:
            self.common = _common(issuer, client_id, scopes, origins, tenant, standing)
        else:
            self.common = Common(
                issuer, client_id, scopes, origins, tenant, standing, shared=False
            )
        extras = (roles, sub, sid, jkt, x5t, acr, authenticated_at)
        usual = extras == (_NONE, subject, None, None, None, None, None)
        self.extras = _USUAL if usual else Extras(*extras)

    @property
    def issuer(self) -> str:
        """The issuer of the token."""
        return self.common.issuer

    @property
    def client_id(self) -> str | None:
        """The client that the token was issued to."""
        return self.common.client_id

    @property
    def scopes(self) -> frozenset[str]:
        """What the token was granted."""
        return self.common.scopes

    @property
    def origins(self) -> frozenset[str]:
        """The origins that it names: see ``Common``."""
        return self.common.origins

    @property
    def tenant(self) -> str | None:
        """The tenant of its issuer: see ``Common``."""
        return self.common.tenant

    @property
    def standing(self) -> Standing | None:
        """What path rules may ask beside scopes: see ``Common``."""
        return self.common.standing

    @property
    def roles(self) -> frozenset[str]:
        """The roles of the subject."""
        return self.extras.roles

    @property
    def sid(self) -> str | None:
        """The session that it was issued in."""
        return self.extras.sid

    @property
    def jkt(self) -> str | None:
        """The key that it is bound to: see ``Extras``."""
        return self.extras.jkt

    @property
    def x5t(self) -> str | None:
        """The certificate that it is bound to: see ``Extras``."""
        return self.extras.x5t

    @property
    def acr(self) -> str | None:
        """How the subject was authenticated."""
        return self.extras.acr

    @property
    def authenticated_at(self) -> float | None:
        """When the subject last signed in, in seconds since the epoch."""
        return self.extras.authenticated_at

    @property
    def sub(self) -> str | None:
        """The claim of that name, whatever the issuer's ``subject_claim`` is."""
        return self.subject if self.extras is _USUAL else self.extras.sub

    def replace(self, **changes: Any) -> Facts:
        """Return these facts with some of them changed."""
        return Facts(**dict(zip(_FIELDS, self._values(), strict=True)) | changes)

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __reduce__(self) -> tuple[type[Facts], tuple[Any, ...]]:
        """A copy from another process shares what it can, too."""
        return Facts, self._values()

    def __eq__(self, other: object) -> bool:
        """Two tokens that say the same have equal facts."""
        return isinstance(other, Facts) and self._values() == other._values()

    def __hash__(self) -> int:
        """Hash by everything that is said."""
        return hash(self._values())


*_FIELDS, _ = Facts.__init__.__annotations__  # the last is what it returns
_USUAL = Extras()
"""Of a token that says none of it, and whose subject is its ``sub``."""
_common = lru_cache(maxsize=1024)(Common)
"""Return the object that tokens of the same issuer, client, scopes and so on share."""
