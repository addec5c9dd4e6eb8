"""The interface of session stores: one uses the cookie, one the shared state.

Both seal the tokens, and need the browser's cookie to read them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from ...errors import InvalidTokenError
from ..model.effects import Ask
from ..model.sealing import UnknownSecretError
from .cookies import Shown
from .record import Session


class Held(NamedTuple):
    """A session that was opened."""

    session: Session
    text: str = ""
    """The cookie of this generation; empty if the cookie never changes."""
    key: bytes = b""
    """The key of its record in the shared state."""
    saved: bool = True
    """Whether other processes can find it in the shared state."""

    def __repr__(self) -> str:
        """Leave out the cookie and the key."""
        return f"Held({self.session!r})"


Opening = Generator[Ask, Any, Held]


class Store(Protocol):
    """Keeps sessions; raises ``StateUnavailableError``."""

    def open(self, shown: Shown, /) -> Opening:
        """Return the session of a request; raise ``InvalidTokenError``."""

    def named(self, shown: Shown, /) -> Iterable[bytes]:
        """Return the ids of sessions whose records the shared state holds."""

    def create(self, name: str, session: Session, /) -> Opening:
        """Store a new session, whose ``text`` is its cookie; raise ``TooLongError``."""

    def newer(self, name: str, held: Held, /) -> Generator[Ask, Any, Held | None]:
        """Return a later generation, if one is stored."""

    def keep(self, name: str, old: Held, new: Session, /) -> Opening:
        """Store *new*, to which *old* was refreshed; raise ``TooLongError``."""

    def save(self, name: str, old: Held, new: Held, /) -> Opening:
        """Store *new* for other processes, after a first attempt has failed."""

    def forget(self, held: Held, /) -> Generator[Ask, Any, None]:
        """Drop a session that has ended."""


def opened(shown: Shown, read: Callable[[str, str], Any]) -> Iterator[Any]:
    """Yield the sessions of a request's cookies, which may repeat one.

    Raises ``InvalidTokenError`` if no cookie can be opened.
    """
    problem, found = "changed, cut, or sealed for another use", False
    for text in shown.texts:
        try:
            one = read(shown.name, text)
        except UnknownSecretError as error:
            problem = str(error)
            continue
        except ValueError:
            continue
        found = True
        yield one
    if not found:
        raise InvalidTokenError("session_invalid", detail=problem)


def generation_name(name: str, session: Session) -> str:
    """Return the name of one generation of a session in the shared state."""
    parts = b"%b %d %b" % (name.encode(), session.generation, session.id)
    return sha256(parts).hexdigest()
