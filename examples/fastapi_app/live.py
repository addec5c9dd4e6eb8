"""The same rooms as server-sent events, and as a WebSocket."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, WebSocket
from fastapi.responses import StreamingResponse

from jwtguard.starlette import principal_of, require_scope

from .rooms import rooms
from .security import READ

router = APIRouter(prefix="/live", tags=["live"])


@router.get("/{room}/events", dependencies=[READ])
async def events(room: str) -> StreamingResponse:
    """Follow a room; the guard ends the stream with the token."""

    async def lines() -> AsyncIterator[str]:
        async for line in rooms.listen(room):
            yield f"data: {line}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


@router.websocket("/{room}/socket")
@require_scope("rooms:write")
async def socket(websocket: WebSocket, room: str) -> None:
    """Write into a room; the guard closes the socket with the token."""
    await websocket.accept()
    name = principal_of(websocket).subject
    async for text in websocket.iter_text():
        rooms.say(room, f"{name}: {text[:200]}")
        await websocket.send_text(f"{len(rooms.said[room])}")
