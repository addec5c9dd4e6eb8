"""What the www server must know beside ``JWTGUARD_*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the API is, and as which client the SPA page asks for tokens.

    The site itself is another client, ``JWTGUARD_SESSION_CLIENT``, which may have a
    secret: a secret has no place in a browser.
    """

    api_url: str = "http://127.0.0.1:8000"
    spa_client_id: str = "spa"
    token_url: str = ""
    proof_url: str = ""
    """The token endpoint as its server names it, if it binds tokens (RFC 9449)."""
    stranger_url: str = ""
    hint: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read ``NOTES_API_URL`` and so on; an empty variable means unset."""
        given = {f.name: environ.get(f"NOTES_{f.name.upper()}") for f in fields(cls)}
        return cls(**{name: value for name, value in given.items() if value})

    @property
    def browser_token_url(self) -> str:
        """The token path in front of the issuer, which the SPA page uses."""
        return self.token_url or f"{self.api_url}/oauth/token"

    @property
    def browser_revoke_url(self) -> str:
        """The revocation path beside it."""
        return self.browser_token_url.removesuffix("/token") + "/revoke"
