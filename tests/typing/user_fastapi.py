"""A user's FastAPI application, for mypy to read."""

from __future__ import annotations

from typing import Annotated, assert_type

from fastapi import Depends, FastAPI, Security

from jwtguard import Guard, Principal, load_policy
from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import GuardMiddleware

app = FastAPI()
app.add_middleware(GuardMiddleware, guard=Guard(load_policy({})))
guard = FastAPIGuard(token_url="/oauth/token", scopes={"notes:read": "Read notes"})


@app.get("/notes")
async def notes(
    who: Annotated[Principal, Depends(guard.requires("notes:read"))],
) -> dict[str, str]:
    """List notes."""
    assert_type(who.subject, str)
    return {"owner": who.subject}


@app.get("/me")
def me(who: Annotated[Principal, Security(guard, scopes=["notes:read"])]) -> str:
    """Say who calls."""
    return who.display_name


async def use(principal: Principal) -> None:
    """The signatures are those that were written."""
    assert_type(await notes(principal), dict[str, str])
    await notes("x")  # type: ignore[arg-type]
    FastAPIGuard(scopes={})  # type: ignore[call-arg]
