"""Sessions whose tokens are in the shared state, with a ticket in the cookie.

The ticket contains the session's id and a key, as in oauth2-proxy. Reading a session
takes both the store and the cookie.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from hashlib import sha256
from typing import Any

from ...errors import InvalidTokenError
from ..model.effects import Ask, Load, Remove, Save, StateUnavailableError, ask_state
from ..model.sealing import Sealer
from .cookies import Shown, sealed_in, text_of
from .record import ID_LENGTH, Session, decoded
from .stores import Held, Opening, opened

KEY_LENGTH = 32
"""Length of a session's own key, in bytes."""
_RECORD = "session record"


class StateStore:
    """Keeps records in the state, sealed with keys that only the cookies contain."""

    def __init__(
        self, sealer: Sealer, random: Callable[[int], bytes], now: Callable[[], float]
    ) -> None:
        self._sealer = sealer
        self._random = random
        self._now = now

    def open(self, shown: Shown) -> Opening:
        """Load the record that the cookie names."""
        for identity, key in list(opened(shown, self._ticket)):
            found = yield from self._load(identity, key)
            if found is not None:
                return found
        raise InvalidTokenError("session_expired", detail="not in the shared state")

    def named(self, shown: Shown) -> list[bytes]:
        """Return the ids in the valid tickets; ``open`` has found one."""
        return [identity for identity, _ in opened(shown, self._ticket)]

    def create(self, name: str, session: Session) -> Opening:
        """Save the record under a new key."""
        held = Held(session, key=self._random(KEY_LENGTH))
        yield from ask_state(self._record(held))
        ticket = self._sealer.seal(session.id + held.key, _of_ticket(name))
        return held._replace(text=text_of(ticket))

    def newer(self, _name: str, held: Held) -> Generator[Ask, Any, Held | None]:
        """Load the record again."""
        found = yield from self._load(held.session.id, held.key)
        newer = found and found.session.generation > held.session.generation
        return found if newer else None

    def keep(self, _name: str, old: Held, new: Session) -> Opening:
        """Replace the record."""
        made = Held(new, key=old.key, saved=False)
        return (yield from self.save(_name, old, made))

    def save(self, _name: str, _old: Held, new: Held) -> Opening:
        """Save the record, unless the state is unavailable."""
        try:
            yield from ask_state(self._record(new))
        except StateUnavailableError:
            return new
        return new._replace(saved=True)

    def forget(self, held: Held) -> Generator[Ask, Any, None]:
        """Delete the record."""
        yield from ask_state(Remove(_record_key(held.session.id)))

    def _record(self, held: Held) -> Save:
        session = held.session
        value = self._sealer.seal(session.encoded(), _RECORD, held.key)
        left = max(1.0, session.ends_at - self._now())
        return Save(_record_key(session.id), value, left)

    def _load(self, identity: bytes, key: bytes) -> Generator[Ask, Any, Held | None]:
        value = yield from ask_state(Load(_record_key(identity)))
        if value is None:
            return None
        try:
            session = decoded(self._sealer.open(value, _RECORD, key))
        except ValueError:
            return None
        return Held(session, key=key) if session.id == identity else None

    def _ticket(self, name: str, text: str) -> tuple[bytes, bytes]:
        ticket = self._sealer.open(sealed_in(text), _of_ticket(name))
        if len(ticket) != ID_LENGTH + KEY_LENGTH:
            raise ValueError("not a ticket")
        return ticket[:ID_LENGTH], ticket[ID_LENGTH:]


def _of_ticket(name: str) -> str:
    return f"session ticket {name}"


def _record_key(identity: bytes) -> str:
    return "session:" + sha256(identity).hexdigest()
