"""Sessions and refresh tokens in memory: all that came of one login are a family
(RFC 9700 section 4.14.2), and the family is a session.

They are gone when the process ends; the issuer is for development.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from threading import Lock

from . import config

REFRESH_SECONDS = 8 * 3600


class OAuthClient:
    """A configured client as Authlib wants to see it (``ClientMixin``)."""

    def __init__(self, settings: config.Client) -> None:
        self.settings = settings

    def get_client_id(self) -> str:
        """Return ``client_id``."""
        return self.settings.id

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the scopes asked for that the client may have; none asked: all."""
        asked = scope.split() if scope else self.settings.scopes
        return " ".join(name for name in asked if name in self.settings.scopes)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time; a public client has none."""
        known = (self.settings.secret or "").encode()
        return bool(known) and hmac.compare_digest(known, client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Public clients name themselves, others authenticate (RFC 6749 2.3)."""
        del endpoint
        if self.settings.secret is None:
            return method == "none"
        return method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type: str) -> bool:
        """``refresh_token`` only where the client's refresh is on."""
        return grant_type == "password" or (
            grant_type == "refresh_token" and self.settings.refresh
        )


@dataclass(slots=True)
class Session:
    """One login of a user by a client; ``sid`` stands in each token of it."""

    sid: str
    client_id: str
    user: config.User
    expires_at: float
    auth_time: int
    """When the password was typed, in seconds since the epoch."""
    acr: str | None = None
    """How the user signed in (OpenID Connect Core section 2)."""

    def get_user_id(self) -> str:
        """Return ``sub``, as Authlib asks for it."""
        return self.user.name


@dataclass(slots=True)
class RefreshToken:
    """One refresh token of a session."""

    value: str
    session: Session
    scope: str
    expires_at: float
    jkt: str | None = None
    """Thumbprint of the key that it is bound to (RFC 9449 section 5)."""
    spent: bool = False

    def check_client(self, client: OAuthClient) -> bool:
        """Whether it was issued to *client*."""
        return client.get_client_id() == self.session.client_id

    def get_scope(self) -> str:
        """Return what was granted."""
        return self.scope

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= time.time()


class Store:
    """Clients, users, sessions and refresh tokens."""

    def __init__(self, settings: config.Config) -> None:
        self.settings = settings
        self.clients = {one.id: OAuthClient(one) for one in settings.clients}
        self._users = {one.name: one for one in settings.users}
        self._sessions: dict[str, Session] = {}
        self._tokens: dict[str, RefreshToken] = {}
        self._lock = Lock()

    def client(self, client_id: str) -> OAuthClient | None:
        """Find a client."""
        return self.clients.get(client_id)

    def user(self, name: str) -> config.User | None:
        """Find a user."""
        return self._users.get(name)

    def login(self, name: str, password: str) -> config.User | None:
        """Check a password; the time taken does not tell whether the name exists."""
        user = self._users.get(name)
        known = (user.password if user else "").encode()
        return user if hmac.compare_digest(known, password.encode()) and user else None

    def begin(
        self, user: config.User, client: OAuthClient, acr_values: str = ""
    ) -> Session:
        """Begin a session of *user*, with the first of *acr_values* that the user has.

        OpenID Connect Core section 3.1.2.1: they are separated by spaces, and the
        preferred one comes first.
        """
        asked = (acr for acr in acr_values.split() if acr in user.acr)
        now = time.time()
        begun = Session(
            sid=secrets.token_hex(8),
            client_id=client.get_client_id(),
            user=user,
            expires_at=now + REFRESH_SECONDS,
            auth_time=int(now),
            acr=next(asked, next(iter(user.acr), None)),
        )
        with self._lock:
            self._forget()
            self._sessions[begun.sid] = begun
        return begun

    def sessions(self, name: str) -> list[Session]:
        """Return the sessions of a user, oldest first."""
        with self._lock:
            self._forget()
            return [s for s in self._sessions.values() if s.user.name == name]

    def session(self, sid: str) -> Session | None:
        """Find a session that has not ended."""
        return self._sessions.get(sid)

    def end(self, session: Session) -> None:
        """End *session*, with its refresh tokens."""
        with self._lock:
            self._end(session)

    def keep(self, token: RefreshToken) -> None:
        """Remember a new refresh token, unless its session ended meanwhile."""
        with self._lock:
            self._forget()
            # A refresh and a sign-out may run at once: the sign-out wins.
            if token.session.sid in self._sessions:
                token.session.expires_at = token.expires_at
                self._tokens[token.value] = token

    def find(self, value: str) -> RefreshToken | None:
        """Find a refresh token, spent or not."""
        return self._tokens.get(value)

    def spend(self, value: str) -> RefreshToken | None:
        """Take a refresh token for its one use.

        One that was used before has been stolen, before or now: its session ends.
        """
        with self._lock:
            token = self._tokens.get(value)
            if token is None or token.is_expired():
                return None
            if token.spent:
                self._end(token.session)
                return None
            # Kept although spent: only then is a second use recognized as theft.
            token.spent = True
            return token

    def _forget(self) -> None:
        """Drop those whose time is over."""
        for value in [t.value for t in self._tokens.values() if t.is_expired()]:
            del self._tokens[value]
        now = time.time()
        for sid in [s.sid for s in self._sessions.values() if s.expires_at <= now]:
            del self._sessions[sid]

    def _end(self, session: Session) -> None:
        self._sessions.pop(session.sid, None)
        for one in [t for t in self._tokens.values() if t.session is session]:
            del self._tokens[one.value]
