"""Sessions whose tokens are in the sealed cookie, without a shared state."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..model.effects import Ask, Load, Save, StateUnavailableError, ask_state
from ..model.sealing import Sealer
from .cookies import LONGEST as LONGEST_TEXT
from .cookies import Shown, TooLongError, sealed_in, text_of
from .record import Session, decoded
from .stores import Held, Opening, generation_name, opened


class CookieStore:
    """Keeps sessions in the cookie, and their successors in the state for a while."""

    def __init__(self, sealer: Sealer, grace: float) -> None:
        self._sealer = sealer
        self._grace = grace

    def open(self, shown: Shown) -> Opening:
        """Return the newest generation of the first session that opens."""
        found: list[Held] = list(opened(shown, self._read))
        same: list[Held] = [
            one for one in found if one.session.id == found[0].session.id
        ]
        return max(same, key=lambda one: one.session.generation)
        yield  # the shared state is not needed

    def named(self, _shown: Shown) -> tuple[bytes, ...]:
        """Return an empty tuple, because each record is in its cookie."""
        return ()

    def create(self, name: str, session: Session) -> Opening:
        """Seal the session into its cookie."""
        return self._sealed(name, session)
        yield

    def newer(self, name: str, held: Held) -> Generator[Ask, Any, Held | None]:
        """Load the successor that another process has stored."""
        value = yield from ask_state(Load(_next_key(name, held.session)))
        if value is None:
            return None
        try:
            found = self._read(name, text_of(value))
        except ValueError:
            return None
        old, new = held.session, found.session
        good = new.id == old.id and new.generation > old.generation
        return found if good else None

    def keep(self, name: str, old: Held, new: Session) -> Opening:
        """Store the successor for requests with the old cookie."""
        made = self._sealed(name, new)._replace(saved=False)
        return (yield from self.save(name, old, made))

    def save(self, name: str, old: Held, new: Held) -> Opening:
        """Save the successor, unless the state is unavailable."""
        value = sealed_in(new.text)
        try:
            key = _next_key(name, old.session)
            yield from ask_state(Save(key, value, self._grace))
        except StateUnavailableError:
            return new
        return new._replace(saved=True)

    def forget(self, _held: Held) -> Generator[Ask, Any, None]:
        """Do nothing, because the state has no record."""
        return
        yield

    def _sealed(self, name: str, session: Session) -> Held:
        text = text_of(self._sealer.seal(session.encoded(), _of_cookie(name)))
        if len(text) > LONGEST_TEXT:
            raise TooLongError(len(text))
        return Held(session, text)

    def _read(self, name: str, text: str) -> Held:
        sealed = sealed_in(text)
        return Held(decoded(self._sealer.open(sealed, _of_cookie(name))), text)


def _of_cookie(name: str) -> str:
    return f"session cookie {name}"


def _next_key(name: str, session: Session) -> str:
    return "session-next:" + generation_name(name, session)
