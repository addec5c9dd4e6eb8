"""HTML standard, server-sent events: answers that may outlive their token."""

from __future__ import annotations

from collections.abc import Iterable


def is_events(content_type: str) -> bool:
    """Whether a ``Content-Type`` is that of an event stream."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def is_event_stream(fields: Iterable[tuple[str, str]]) -> bool:
    """Whether an answer with these header fields is an event stream that may be ended.

    With a Content-Length the client would wait for the rest.
    """
    given = {name.lower(): value for name, value in fields}
    return is_events(given.get("content-type", "")) and "content-length" not in given
