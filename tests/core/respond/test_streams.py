"""Event streams are known by their header fields (HTML standard)."""

from __future__ import annotations

import pytest

from jwtguard.core.respond.streams import is_event_stream, is_events


@pytest.mark.parametrize(
    ("content_type", "events"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream;charset=utf-8", True),
        (" text/event-stream ; x=y", True),
        ("text/event-stream2", False),
        ("text/plain; x=text/event-stream", False),
        ("application/x-ndjson", False),
        ("", False),
    ],
)
def test_the_media_type_counts(content_type: str, events: bool) -> None:
    """Whatever its case, and whatever parameters follow."""
    assert is_events(content_type) is events


def test_a_stated_length_is_kept() -> None:
    """Without its last bytes the client would wait for those of the next answer."""
    events = ("content-type", "text/event-stream")
    assert is_event_stream([events])
    assert not is_event_stream([events, ("Content-Length", "5")])
