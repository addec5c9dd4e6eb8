"""A user's Flask application, for mypy to read."""

from __future__ import annotations

from typing import assert_type

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from jwtguard import Principal
from jwtguard.flask import (
    JWTGuard,
    current_principal,
    require_any_scope,
    require_role,
    require_scope,
)

app = Flask(__name__)
guard = JWTGuard(app)
admin = Blueprint("admin", __name__)
guard.protect(admin, "admin")


@app.get("/notes/<int:number>")
@require_scope("notes:read", "notes:write")
def note(number: int) -> ResponseReturnValue:
    """Read one note."""
    assert_type(current_principal, Principal)
    assert_type(current_principal.subject, str)
    return {"owner": current_principal.subject, "number": number}


@require_any_scope("a", "b")
async def later(number: int, *, title: str = "") -> str:
    """Answer later."""
    return f"{number} {title}"


@require_role("admin")
def plain() -> str:
    """Answer now."""
    return "x"


async def use() -> None:
    """The signatures are those that were written."""
    assert_type(note(1), ResponseReturnValue)
    assert_type(await later(1, title="x"), str)
    assert_type(plain(), str)
    note("1")  # type: ignore[arg-type]
    await later(1, name="x")  # type: ignore[call-arg]
    plain(1)  # type: ignore[call-arg]
