"""What a session store does: one for tokens in the cookie, one for the shared state.

In both cases the tokens are sealed, and the browser's cookie is needed to read them.
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
    """The cookie that holds this very generation; empty if the cookie never changes."""
    key: bytes = b""
    """The key of its record in the shared state."""
    saved: bool = True
    """Whether others can find it in the shared state."""

    def __repr__(self) -> str:
        """Show neither cookie nor key."""
        return f"Held({self.session!r})"


Opening = Generator[Ask, Any, Held]


class Store(Protocol):
    """Keeps sessions. ``StateUnavailableError``: the shared state is away."""

    def open(self, shown: Shown, /) -> Opening:
        """Return the session of a request; raise ``InvalidTokenError``."""

    def named(self, shown: Shown, /) -> Iterable[bytes]:
        """Return the ids of sessions whose records the shared state holds."""

    def create(self, name: str, session: Session, /) -> Opening:
        """Keep a new session; raise ``TooLongError``. The text is its cookie."""

    def newer(self, name: str, held: Held, /) -> Generator[Ask, Any, Held | None]:
        """Return a later generation, if somebody has kept one."""

    def keep(self, name: str, old: Held, new: Session, /) -> Opening:
        """Keep what *old* was refreshed to; raise ``TooLongError``."""

    def save(self, name: str, old: Held, new: Held, /) -> Opening:
        """Tell the others of *new* once more, if that failed before."""

    def forget(self, held: Held, /) -> Generator[Ask, Any, None]:
        """Drop a session that has ended."""


def opened(shown: Shown, read: Callable[[str, str], Any]) -> Iterator[Any]:
    """Yield what opens of a request's cookies, at least one; they may be repeated.

    Raises ``InvalidTokenError`` if none does.
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
    """Return what names one generation of a session in the shared state."""
    parts = b"%b %d %b" % (name.encode(), session.generation, session.id)
    return sha256(parts).hexdigest()
