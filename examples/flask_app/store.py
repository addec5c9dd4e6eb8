"""Notes in one SQLite file, so that they are still there after a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    text TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
)
"""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wanted to remember."""

    id: int
    text: str
    created: str

    def as_dict(self) -> dict[str, object]:
        """Return the note as JSON has it."""
        return asdict(self)


class Notes:
    """The notes of all owners; every question names the owner it is about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._database() as database:
            database.execute(SCHEMA)

    def of(self, owner: str) -> list[Note]:
        """Return the owner's notes, newest first."""
        query = "SELECT id, text, created FROM notes WHERE owner = ? ORDER BY id DESC"
        with self._database() as database:
            return [Note(*row) for row in database.execute(query, (owner,))]

    def add(self, owner: str, text: str) -> Note:
        """Keep a new note."""
        query = (
            "INSERT INTO notes (owner, text) VALUES (?, ?) RETURNING id, text, created"
        )
        with self._database() as database:
            return Note(*database.execute(query, (owner, text)).fetchone())

    def delete(self, owner: str, note_id: int) -> bool:
        """Delete one of the owner's notes; False if there is no such note."""
        query = "DELETE FROM notes WHERE owner = ? AND id = ?"
        with self._database() as database:
            return database.execute(query, (owner, note_id)).rowcount == 1

    def counts(self) -> dict[str, int]:
        """Return how many notes each owner has."""
        query = "SELECT owner, count(*) FROM notes GROUP BY owner ORDER BY owner"
        with self._database() as database:
            return dict(database.execute(query).fetchall())

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """One connection for one question: threads never share one."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection
