"""What was said in each room, and who is listening."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Rooms:
    """In memory; several workers would need a broker."""

    said: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    queues: dict[str, set[asyncio.Queue[str]]] = field(
        default_factory=lambda: defaultdict(set)
    )

    def say(self, room: str, line: str) -> None:
        """Keep *line*, and hand it to everybody who listens."""
        self.said[room].append(line)
        for queue in self.queues[room]:
            queue.put_nowait(line)

    async def listen(self, room: str) -> AsyncIterator[str]:
        """Yield what was said, and then each new line."""
        with self._queue(room) as queue:
            for line in list(self.said[room]):
                yield line
            while True:
                yield await queue.get()

    @contextmanager
    def _queue(self, room: str):  # type: ignore[no-untyped-def]
        queue: asyncio.Queue[str] = asyncio.Queue()
        self.queues[room].add(queue)
        try:
            yield queue
        finally:
            self.queues[room].discard(queue)


rooms = Rooms()
