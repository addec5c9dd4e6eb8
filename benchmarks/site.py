"""The API that every peer protects, and the requests that it gets.

One issuer, two clients with origins, scopes by path, a public and a token path: every
rule of the guard has something to do. The tokens are about 900 bytes long (RS256).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jwtguard import Guard, load_policy
from jwtguard.core.model.jwk import PublicKey
from jwtguard.core.model.jwk_set import parse_members
from jwtguard.testing import JWTIssuer

ORIGIN = "https://www.example"
SCOPE = "notes:read notes:write"
TENANT = "9122040d-6c67-4c5b-b112-36a304b66dad"

_CLAIMS = {
    "name": "Alice Liddell",
    "email": "alice@example.com",
    "groups": ["staff", "editors", "on-call", "berlin"],
    # what Entra ID adds, and fastapi-azure-auth asks for
    "nbf": 1_700_000_000,
    "scp": SCOPE,
    "tid": TENANT,
    "ver": "2.0",
}


class Sent(NamedTuple):
    """One request of a browser page at *origin*."""

    method: str = "GET"
    path: str = "/notes/7"
    token: str | None = None
    body: bytes = b""
    more: tuple[tuple[str, str], ...] = ()
    origin: str = ORIGIN
    scheme: str = "https"

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header fields, in the order in which a browser sends them."""
        fields = [
            ("host", "api.example"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"),
            ("accept", "application/json"),
            ("accept-encoding", "gzip, deflate, br"),
            ("origin", self.origin),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "cors"),
            *self.more,
        ]
        if self.token is not None:
            fields.append(("authorization", f"Bearer {self.token}"))
        return fields


PREFLIGHT = Sent(
    "OPTIONS",
    more=(
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ),
)
PEER = "192.0.2.1"
"""Who connects to the server."""
FORWARDED = (("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https"))
"""What a proxy that ends TLS adds."""
_FORM = b"grant_type=password&username=alice&password=correct&client_id=spa"
TOKEN_REQUEST = Sent(
    "POST",
    "/oauth/token",
    body=_FORM,
    more=(
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", str(len(_FORM))),
    ),
)


@dataclass(frozen=True)
class Site:
    """One issuer and its public key, as every peer is given them."""

    issuer: str
    audience: str
    alg: str
    jwks: Mapping[str, Any]
    guards: list[Guard] = field(default_factory=list)

    @classmethod
    def of(cls, issuer: JWTIssuer) -> Site:
        """Describe an issuer in memory."""
        return cls(issuer.url, issuer.audience, issuer.alg, issuer.jwks())

    def described(self) -> dict[str, Any]:
        """Return what ``Site(**...)`` takes in another process."""
        told = {"issuer": self.issuer, "audience": self.audience, "alg": self.alg}
        return {**told, "jwks": self.jwks}

    def environ(self) -> dict[str, str]:
        """Return the settings of the guard, every feature on."""
        return {
            "JWTGUARD_ISSUER": self.issuer,
            "JWTGUARD_AUDIENCE": self.audience,
            "JWTGUARD_KEYS": json.dumps(self.jwks),
            "JWTGUARD_PROFILE": "rfc9068",
            "JWTGUARD_CLIENTS": f"spa={ORIGIN},https://m.example admin=https://a.example",
            "JWTGUARD_CLIENTS_ONLY": "true",
            "JWTGUARD_PUBLIC_PATHS": "/healthz /static/*",
            "JWTGUARD_TOKEN_PATHS": "/oauth/token",
            "JWTGUARD_SCOPES": "GET:/notes/*=notes:read "
            "POST:/notes/*=notes:read,notes:write /admin/*=admin",
        }

    def guard(self, **more: str) -> Guard:
        """Return a guard with every feature on, and the settings *more*."""
        guard = Guard(load_policy({**self.environ(), **more}))
        self.guards.append(guard)
        return guard

    def forget(self) -> None:
        """Let the guards forget their tokens: each is new once more."""
        for guard in self.guards:
            guard.after_fork()

    @property
    def key(self) -> PublicKey:
        """The public key itself."""
        return parse_members(self.jwks).keys[0].public


def token(issuer: JWTIssuer, subject: str = "alice") -> str:
    """Return an access token (RFC 9068) with the claims that the peers want."""
    return issuer.token(subject=subject, scope=SCOPE, expires_in=86_400, claims=_CLAIMS)


def forged(tokens: list[str]) -> list[str]:
    """Return the tokens, each under the signature of the next."""
    turned = [*tokens[1:], tokens[0]]
    return [
        f"{mine.rpartition('.')[0]}.{other.rpartition('.')[2]}"
        for mine, other in zip(tokens, turned, strict=True)
    ]
