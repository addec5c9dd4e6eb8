"""Connecting to a Redis server or cluster, and what its failures are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from ..core.model.effects import StateUnavailableError


def url_problem(url: str) -> str:
    """Return what is wrong with *url*, without any part of it."""
    try:
        pool = redis.ConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing
    except (ValueError, TypeError) as error:
        return type(error).__name__
    except RedisError as error:
        return type(error).__name__
    return "decode_responses" if pool.connection_kwargs.get("decode_responses") else ""


def connect(url: str, connect_timeout: float, timeout: float) -> Any:
    """Return a client of the server, or of the cluster that it is a node of.

    *timeout* is for each answer; both are in seconds.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": connect_timeout,
        # A command that was sent twice would find its own claim. Connections that
        # the server has closed are noticed before they are used.
        "retry": Retry(NoBackoff(), 0),
    }
    client = redis.Redis.from_url(url, **options)
    try:
        told: Any = client.info("cluster")
        clustered = told.get("cluster_enabled")
    except ResponseError:  # a server, or a user, that does not tell
        clustered = 0
    if not clustered:
        return client
    client.close()
    return RedisCluster.from_url(url, **options)


def info(client: Any, section: str) -> list[dict[str, Any]]:
    """Return what each server, or node of a cluster, says in *section* of ``INFO``.

    One that does not answer, or may not be asked, says nothing.
    """
    servers = [client]
    if isinstance(client, RedisCluster):
        nodes: Any = client.get_nodes()  # type: ignore[no-untyped-call]
        servers = [client.get_redis_connection(node) for node in nodes]
    return [_info(server, section) for server in servers]


def _info(server: Any, section: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = server.info(section)
    except (RedisError, OSError):
        return {}
    return answer


def first_answer(answers: Sequence[Any]) -> Any:
    """Return the first answer, or what went wrong with any of them."""
    for answer in answers:
        if isinstance(answer, NoConnectionError):  # a wrong password, too
            raise unavailable(answer) from answer
        if isinstance(answer, Exception):
            return unavailable(answer)
    return answers[0]


def unavailable(error: BaseException) -> StateUnavailableError:
    """Name the kind of the failure alone: texts of the client may hold an address."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and not isinstance(found, RedisError):
            return StateUnavailableError(type(found).__name__)
        found = found.__cause__ or found.__context__
    return StateUnavailableError(type(error).__name__)
