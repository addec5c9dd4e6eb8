"""REST: read a room, write into it."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .rooms import rooms
from .security import READ, Writer

router = APIRouter(prefix="/rooms", tags=["rooms"], dependencies=[READ])


class Message(BaseModel):
    """What somebody says."""

    text: str = Field(min_length=1, max_length=200)


@router.get("/{room}")
async def read(room: str) -> dict[str, list[str]]:
    """Return what was said."""
    return {"said": rooms.said[room]}


@router.post("/{room}", status_code=201)
async def write(room: str, message: Message, who: Writer) -> dict[str, str]:
    """Say something in the caller's name."""
    line = f"{who.subject}: {message.text}"
    rooms.say(room, line)
    return {"said": line}
