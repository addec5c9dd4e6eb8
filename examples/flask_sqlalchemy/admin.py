"""What administrators see. One rule stands in front of the whole blueprint."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from jwtguard.flask import require_role

from .models import Task, db

admin = Blueprint("admin", __name__, url_prefix="/admin")


@admin.before_request
@require_role("admin")
def only_admins() -> None:
    """Let administrators through."""


@admin.get("/counts")
def counts() -> ResponseReturnValue:
    """Return how many tasks each person has."""
    counted = select(Task.owner, func.count().label("count")).group_by(Task.owner)
    rows = db.session.execute(counted)
    return {"tasks_per_owner": {row.owner: row.count for row in rows}}
