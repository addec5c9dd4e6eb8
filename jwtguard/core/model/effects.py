"""What a flow may ask of the outside, as values: bodies, flights, exchanges, state.

The driver carries an effect out and sends the answer back. It raises nothing into the
flow: an effect that failed is answered with its error.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

LONGEST_DOCUMENT = 512 * 1024
"""Bytes. No key set and no metadata document is longer."""
LONGEST_TOKEN_ANSWER = 64 * 1024
"""Bytes. No answer of a token endpoint is longer."""
FETCH_TIMEOUT = 5.0
"""Seconds that one whole fetch of keys may take, connecting and body included."""


class Outgoing(NamedTuple):
    """One HTTP request of ours. Redirects are not followed, content is not decoded."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    limit: int = LONGEST_DOCUMENT
    """Bytes: a longer answer is a failure."""
    timeout: float = FETCH_TIMEOUT
    """Seconds for everything, from connecting to the last byte of the answer."""


class Incoming(NamedTuple):
    """The answer to it: header names are lower-case, values decoded as latin-1."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class FetchFailedError(Exception):
    """An HTTP exchange failed, or its answer cannot be used; the text is for logs.

    ``kind`` is a word for what happened, and holds nothing of the request;
    ``timed_out`` tells silence from other failures.
    """

    def __init__(self, text: str, *, kind: str = "", timed_out: bool = False) -> None:
        super().__init__(text)
        self.kind = kind or text
        self.timed_out = timed_out


class UnusableAnswerError(FetchFailedError):
    """An answer came, and is not what we may use: too long, encoded, a redirect."""


class ClaimGuess(NamedTuple):
    """Ask to count a password guess before it is made; answered by a CountedGuess."""

    name: str
    address: str


class CountedGuess(NamedTuple):
    """A guess that was counted, or seconds to wait before the next one."""

    wait: int
    keys: tuple[str, ...] = ()
    ticket: str = ""
    """What tells this guess from others under the same keys."""
    shared: bool = False
    """It is counted in the shared store."""


class ReturnGuess(NamedTuple):
    """Ask to take *guess* back, as the password was right; it gets no answer."""

    guess: CountedGuess


class StateUnavailableError(Exception):
    """The shared state did not answer in time, or refused; the text is for logs.

    It is a word for what happened, and holds neither an address nor a password.
    """


class Claim(NamedTuple):
    """Add *key* for *ttl* seconds; the answer is whether it was absent."""

    key: str
    ttl: float


class Load(NamedTuple):
    """Read *key*; the answer is its value, or None."""

    key: str


class Save(NamedTuple):
    """Store *value* under *key* for *ttl* seconds; it gets no answer."""

    key: str
    value: bytes
    ttl: float


class Remove(NamedTuple):
    """Delete *key*; it gets no answer."""

    key: str


class Append(NamedTuple):
    """Add *value* to *stream*, readable for *keep* seconds; it gets no answer.

    All values of one stream have the same *keep*: older ones are dropped by it.
    """

    stream: str
    value: bytes
    keep: float


StateOperation = Claim | Load | Save | Remove | Append
"""One key each, so that a cluster can answer. A failure is answered with a
StateUnavailableError."""


class Exchange(NamedTuple):
    """Ask for one HTTP exchange; the answer is Incoming or a FetchFailedError."""

    outgoing: Outgoing
    lease: Save | None = None
    """Saved again and again while the exchange runs, so that it does not expire; in
    flights only."""


class Pause(NamedTuple):
    """Wait so many *seconds*. It gets no answer."""

    seconds: float


class Publish(NamedTuple):
    """Run *operations* together, now or when the state is back.

    The answer is whether all of them have been run already.
    """

    operations: tuple[StateOperation, ...]


class CatchUp(NamedTuple):
    """Wait, not for long, for the first read of what others revoked; no answer."""


def ask_state(operation: StateOperation) -> Generator[Any, Any, Any]:
    """Return the answer of the shared state; raise ``StateUnavailableError``."""
    answer = yield operation
    if isinstance(answer, StateUnavailableError):
        raise StateUnavailableError(*answer.args)  # others may hold the same one
    return answer


def exchange(
    outgoing: Outgoing, lease: Save | None = None
) -> Generator[Any, Any, Incoming]:
    """Return the answer to *outgoing*; raise ``FetchFailedError``."""
    answer = yield Exchange(outgoing, lease)
    if isinstance(answer, FetchFailedError):
        raise answer
    received: Incoming = answer
    return received


def get(url: str, headers: Mapping[str, str]) -> Generator[Any, Any, Incoming]:
    """Return the document at *url*; raise ``FetchFailedError``."""
    return (yield from exchange(Outgoing("GET", url, headers)))


class ReadBody(NamedTuple):
    """Ask the driver for the request body: at most *limit* bytes.

    The answer is the bytes, or None if the client left or the framing is invalid;
    more than *limit* bytes means that the body is longer.
    """

    limit: int


class Work(Protocol):
    """What a flight does: exchanges, and then its outcome is stored."""

    def refresh(self, flight: Flight, /) -> Generator[Any, Any, None]:
        """Ask for the documents and store what they say."""

    def fail(self, flight: Flight, problem: str, /) -> None:
        """Store that *flight* brought nothing, unless it has ended already."""


class Flight:
    """Work that runs once in the background, shared by all who wait for it."""

    __slots__ = (
        "claimed_at",
        "done",
        "joinable",
        "limit",
        "patience",
        "started_at",
        "work",
    )

    def __init__(
        self,
        work: Work,
        claimed_at: float,
        *,
        joinable: bool = False,
        patience: float = FETCH_TIMEOUT,
        limit: float = FETCH_TIMEOUT,
    ) -> None:
        self.work = work
        self.patience = patience
        """Seconds after its start that others wait for it."""
        self.limit = limit
        """Seconds after its start that its exchanges may last."""
        self.joinable = joinable
        """Whether an unknown key may wait for it during the cooldown that it spent."""
        self.claimed_at = claimed_at
        """When it was claimed, by the clock of the guard."""
        self.started_at: float | None = None
        """When its thread began, by the clock of the machine; set by the fetcher."""
        self.done: Future[None] = Future()


class Start(NamedTuple):
    """Ask to begin *flight* in the background; it gets no answer."""

    flight: Flight


class Await(NamedTuple):
    """Ask to wait until *flight* has ended, or for its deadline; no answer."""

    flight: Flight


Ask = (
    ReadBody
    | Start
    | Await
    | Exchange
    | ClaimGuess
    | ReturnGuess
    | Pause
    | StateOperation
    | Publish
    | CatchUp
)
