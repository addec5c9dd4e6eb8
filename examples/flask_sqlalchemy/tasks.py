"""A person's tasks. The factory asks for tasks:read; writing needs tasks:write too."""

from __future__ import annotations

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from jwtguard.flask import current_principal, require_scope

from .models import Task, db

tasks = Blueprint("tasks", __name__, url_prefix="/tasks")
LONGEST = 200


@tasks.get("")
def list_tasks() -> ResponseReturnValue:
    """Return the caller's tasks."""
    mine = select(Task).where(Task.owner == current_principal.identity)
    return {"tasks": [task.as_dict() for task in db.session.scalars(mine)]}


@tasks.post("")
@require_scope("tasks:write")
def add_task() -> ResponseReturnValue:
    """Keep ``{"text": ...}`` for the caller."""
    body = request.get_json()
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
        abort(422, f"text must hold 1 to {LONGEST} characters")
    task = Task(owner=current_principal.identity, text=text, done=False)
    db.session.add(task)
    db.session.commit()
    return task.as_dict(), 201


@tasks.post("/<int:task_id>/done")
@require_scope("tasks:write")
def finish(task_id: int) -> ResponseReturnValue:
    """Finish a task of the caller; another person's task is not found."""
    task = db.session.get(Task, task_id)
    if task is None or task.owner != current_principal.identity:
        abort(404)
    task.done = True
    db.session.commit()
    return task.as_dict()
