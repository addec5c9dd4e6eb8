"""The tables. A task belongs to whom the token names: issuer and subject."""

from __future__ import annotations

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of the tables."""


db = SQLAlchemy(model_class=Base)


class Task(Base):
    """One task of one person."""

    __tablename__ = "task"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(500), index=True)
    text: Mapped[str] = mapped_column(String(200))
    done: Mapped[bool] = mapped_column(default=False)

    def as_dict(self) -> dict[str, object]:
        """Return the task for JSON."""
        return {"id": self.id, "text": self.text, "done": self.done}
