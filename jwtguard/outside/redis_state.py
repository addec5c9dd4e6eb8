"""The shared state in Redis or Valkey, by one server or a cluster.

Every command touches one key. Values of a stream are trimmed by the clock of the
server, so that a host with a wrong clock removes nothing that others still need.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..core.model.effects import Append, Claim, Load, Remove, Save, StateOperation
from ..errors import ConfigurationError
from ..state import StateUnavailableError

try:
    import redis
    from redis.cluster import RedisCluster
    from redis.exceptions import RedisError
except ImportError as error:
    raise ConfigurationError(
        "state: redis:// needs the package redis: install jwtguard-middleware[redis]"
    ) from error

FIELD = b"v"
"""The one field of each entry of a stream."""
MOST = 1000
"""Entries of a stream that are read at once."""


class RedisState:
    """Keeps state in the Redis or Valkey server at *url*, under keys with *prefix*.

    *timeout* is in seconds, for connecting and for each answer. Making one does no I/O.
    Raises ``ConfigurationError`` if the URL cannot be read; the text never repeats it,
    as it may hold a password.
    """

    _connected: Any
    _following: Any

    def __init__(self, url: str, *, prefix: str = "jwtguard", timeout: float = 0.25):
        self._url = url
        self._prefix = prefix
        self._timeout = timeout
        self.after_fork()
        try:
            redis.ConnectionPool.from_url(url)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"state: not a valid Redis URL ({type(error).__name__}); "
                "expected redis://host:6379/0, rediss://... or unix:///path"
            ) from None

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
        """Run *operations* in one round trip; return their answers in order.

        An operation that failed alone has its ``StateUnavailableError`` for an answer.
        """
        try:
            pipeline = self._client().pipeline(transaction=False)
            counts = [self._queue(pipeline, one) for one in operations]
            answers = pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        firsts, at = [], 0
        for count in counts:
            firsts.append(_answer(answers[at : at + count]))
            at += count
        self._trim(operations, firsts)
        return [
            bool(answer) if isinstance(one, Claim) and not _failed(answer) else answer
            for one, answer in zip(operations, firsts, strict=True)
        ]

    def follow(self, stream: str, after: str, wait: float) -> list[tuple[str, bytes]]:
        """Return the id and value of what was added to *stream* behind *after*."""
        key = self._key(stream)
        try:
            if self._following is None:
                client = self._connect(self._timeout + wait)
                after = self._resumed(client, key, after)
                self._following = client
            block = max(1, int(wait * 1000)) if wait > 0 else None
            found = self._following.xread({key: after or "0-0"}, MOST, block)
        except (RedisError, OSError) as error:
            self._following = None
            raise _unavailable(error) from error
        entries = found[0][1] if found else ()
        return [(name.decode(), fields.get(FIELD, b"")) for name, fields in entries]

    def close(self) -> None:
        """Close the connections; the next verb opens new ones."""
        for client in (self._connected, self._following):
            if client is not None:
                client.close()
        self._connected = self._following = None

    def after_fork(self) -> None:
        """Leave the connections to the parent process."""
        self._lock = threading.Lock()
        self._connected, self._following = None, None

    @staticmethod
    def _resumed(client: Any, key: str, after: str) -> str:
        """Read a stream from its beginning if it is not the one that *after* is of.

        A server that lost its data numbers from its clock, which may be behind.
        """
        if not after:
            return after
        try:
            last = client.xinfo_stream(key)["last-generated-id"].decode()
        except redis.ResponseError:  # there is no such stream yet
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
        for one, answer in zip(operations, answers, strict=True):
            if isinstance(one, Append) and isinstance(answer, bytes):
                oldest = int(answer.partition(b"-")[0]) - _milliseconds(one.keep)
                try:
                    self._client().xtrim(self._key(one.stream), minid=oldest)
                except (RedisError, OSError):
                    return  # the value is stored; the next one trims
                return  # once for a batch

    def _client(self) -> Any:
        with self._lock:
            if self._connected is None:
                self._connected = self._connect(self._timeout)
            return self._connected

    def _connect(self, timeout: float) -> Any:
        """Return a client of the server, or of the cluster that it is a node of."""
        options: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": self._timeout,
        }
        client = redis.Redis.from_url(self._url, **options)
        try:
            told: Any = client.info("cluster")
            clustered = told.get("cluster_enabled")
        except redis.ResponseError:  # a server, or a user, that does not tell
            clustered = 0
        if not clustered:
            return client
        client.close()
        return RedisCluster.from_url(self._url, **options)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{name}"


def _answer(answers: Sequence[Any]) -> Any:
    """Return the first answer, or what went wrong."""
    for answer in answers:
        if isinstance(answer, Exception):
            return _unavailable(answer)
    return answers[0]


def _failed(answer: Any) -> bool:
    return isinstance(answer, Exception)


def _unavailable(error: BaseException) -> StateUnavailableError:
    """Say the kind of the failure alone: texts of the client may hold an address."""
    return StateUnavailableError(type(error).__name__)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _number(entry: str) -> tuple[int, int]:
    """The id of a stream's entry: milliseconds, and a count within them."""
    first, _, second = entry.partition("-")
    return int(first), int(second or 0)
