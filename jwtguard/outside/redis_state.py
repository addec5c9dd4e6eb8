"""The shared state in Redis or Valkey, by one server or a cluster.

Every command touches one key. Values of a stream are trimmed by the clock of the
server, so that a host with a wrong clock removes nothing that others still need.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from ..core.model.effects import (
    Append,
    Claim,
    Load,
    Remove,
    Save,
    StateOperation,
)
from ..errors import ConfigurationError
from .redis_connection import (
    connect,
    first_answer,
    info,
    unavailable,
    url_problem,
)
from .redis_durability import losses

FIELD = b"v"
"""The one field of each entry of a stream."""
MOST = 1000
"""Entries of a stream that are read at once."""

LATE = 1.0
"""Seconds by which a server may end a wait late: its clock ticks ``hz`` times a second,
which is ten by default and at least one."""


class RedisState:
    """Keeps state in the Redis or Valkey server at *url*, under keys with *prefix*.

    *timeout* is in seconds, for connecting and for each answer. Making one does no I/O.
    Safe to use from several threads. Raises ``ConfigurationError`` if the URL cannot be
    read; the text never repeats it, as it may hold a password.
    """

    def __init__(self, url: str, *, prefix: str = "jwtguard", timeout: float = 0.25):
        self._url = url
        self._prefix = prefix
        self._timeout = timeout
        self._connected: Any = None
        self._following: Any = None
        self._patience = 0.0
        """Seconds that the connection of ``follow`` may be silent."""
        self._lock = threading.Lock()
        problem = url_problem(url)
        if problem:
            raise ConfigurationError(
                f"state: not a valid Redis URL ({problem}); "
                "expected redis://host:6379/0, rediss://... or unix:///path"
            )

    def claim(self, key: str, ttl: float) -> bool:
        """Add *key* for *ttl* seconds; return whether it was absent."""
        return bool(self._one(Claim(key, ttl)))

    def get(self, key: str) -> bytes | None:
        """Return the value of *key*, or None if it is absent or has expired."""
        value: bytes | None = self._one(Load(key))
        return value

    def put(self, key: str, value: bytes, ttl: float) -> None:
        """Store *value* under *key* for *ttl* seconds, in place of any other value."""
        self._one(Save(key, value, ttl))

    def delete(self, key: str) -> None:
        """Remove *key*; an absent one is not an error."""
        self._one(Remove(key))

    def append(self, stream: str, value: bytes, keep: float) -> None:
        """Add *value* to the end of *stream*; it can be read for *keep* seconds."""
        self._one(Append(stream, value, keep))

    def batch(self, operations: Sequence[StateOperation]) -> list[Any]:
        """Run *operations* in one round trip; return what their verbs would.

        An operation that the server refused has its ``StateUnavailableError`` for an
        answer. Raises ``StateUnavailableError`` if the server cannot be asked.
        """
        try:
            pipeline = self._client().pipeline(transaction=False)
            counts = [self._queue(pipeline, one) for one in operations]
            answers = pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            raise unavailable(error) from error
        firsts, at = [], 0
        for count in counts:
            firsts.append(first_answer(answers[at : at + count]))
            at += count
        self._trim(operations, firsts)
        return [_answer(*pair) for pair in zip(operations, firsts, strict=True)]

    def follow(self, stream: str, after: str, wait: float) -> list[tuple[str, bytes]]:
        """Return the id and value of what was added to *stream* behind *after*."""
        key = self._key(stream)
        block = max(1, int(wait * 1000)) if wait > 0 else None
        try:
            if self._following is None or wait > self._patience:
                self._follow_for(wait)
                after = self._resumed(key, after)
            found = self._following.xread({key: after or "0-0"}, MOST, block)
            if not found and after and not self._resumed(key, after):
                found = self._following.xread({key: "0-0"}, MOST)
        except (RedisError, OSError) as error:
            self._following = None
            raise unavailable(error) from error
        entries = found[0][1] if found else ()
        return [(name.decode(), fields.get(FIELD, b"")) for name, fields in entries]

    def _follow_for(self, wait: float) -> None:
        """Connect so that the server may be silent for *wait*, and not much longer."""
        if self._following is not None:
            self._following.close()
        late = LATE if wait > 0 else 0.0
        self._following = self._connect(self._timeout + wait + late)
        self._patience = wait

    def script(self, source: str) -> Callable[..., Any]:
        """Return a function that runs the Lua script *source* by *keys* and *args*."""
        made: list[tuple[Any, Any]] = []

        def run(keys: list[str], args: list[Any]) -> Any:
            client = self._client()
            if not made or made[-1][0] is not client:
                made[:] = [(client, client.register_script(source))]
            return made[-1][1](keys=keys, args=args)

        return run

    def warnings(self) -> list[tuple[str, str]]:
        """Return what may lose values that are still needed, as levels and texts."""
        try:
            client = self._client()
        except (RedisError, OSError):
            return []
        return losses(info(client, "memory"), info(client, "persistence"))

    def close(self) -> None:
        """Close the connections; the next verb opens new ones."""
        for client in (self._connected, self._following):
            if client is not None:
                client.close()
        self._connected = self._following = None

    def after_fork(self) -> None:
        """Leave the connections to the parent process."""
        self._lock = threading.Lock()
        self._connected = self._following = None

    def _resumed(self, key: str, after: str) -> str:
        """Return *after*, or nothing if the stream is not the one that it is of.

        A server that lost its data numbers from its clock, which may be behind.
        """
        if not after:
            return after
        try:
            last = self._following.xinfo_stream(key)["last-generated-id"].decode()
        except NoPermissionError:
            return after
        except ResponseError:  # the stream does not exist yet
            return ""
        return after if _number(last) >= _number(after) else ""

    def _one(self, operation: StateOperation) -> Any:
        (answer,) = self.batch((operation,))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _queue(self, pipeline: Any, one: StateOperation) -> int:
        """Add the commands of *one*; return how many there are."""
        if isinstance(one, Claim):
            pipeline.set(self._key(one.key), b"1", nx=True, px=_milliseconds(one.ttl))
        elif isinstance(one, Load):
            pipeline.get(self._key(one.key))
        elif isinstance(one, Save):
            pipeline.set(self._key(one.key), one.value, px=_milliseconds(one.ttl))
        elif isinstance(one, Remove):
            pipeline.delete(self._key(one.key))
        else:
            pipeline.xadd(self._key(one.stream), {FIELD: one.value})
            pipeline.pexpire(self._key(one.stream), _milliseconds(one.keep))
            return 2
        return 1

    def _trim(
        self, operations: Sequence[StateOperation], answers: Sequence[Any]
    ) -> None:
        """Drop what nobody needs any more, counted from the server's own time."""
        oldest: dict[str, int] = {}
        for one, answer in zip(operations, answers, strict=True):
            if isinstance(one, Append) and isinstance(answer, bytes):
                added, _ = _number(answer.decode())
                oldest[self._key(one.stream)] = added - _milliseconds(one.keep)
        for key, minid in oldest.items():
            try:
                self._client().xtrim(key, minid=minid)
            except (RedisError, OSError):
                return  # the value is stored; the next one trims

    def _client(self) -> Any:
        client = self._connected
        if client is not None:
            return client
        with self._lock:
            if self._connected is None:
                self._connected = self._connect(self._timeout)
            return self._connected

    def _connect(self, timeout: float) -> Any:
        return connect(self._url, self._timeout, timeout)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{name}"


def _answer(one: StateOperation, answer: Any) -> Any:
    if isinstance(answer, Exception) or isinstance(one, Load):
        return answer
    return bool(answer) if isinstance(one, Claim) else None


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _number(entry: str) -> tuple[int, int]:
    """Return the id of a stream's entry: milliseconds, and a count within them."""
    first, _, second = entry.partition("-")
    return int(first), int(second or 0)
