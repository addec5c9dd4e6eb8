"""What the routers ask of their callers, and what Swagger UI shows of it."""

# Annotations are objects in this file: FastAPI reads them from the routers.

from typing import Annotated

from fastapi import Depends

from jwtguard import Principal
from jwtguard.fastapi import FastAPIGuard

guard = FastAPIGuard(
    token_url="/oauth/token",
    scopes={"rooms:read": "Read and follow rooms", "rooms:write": "Write in rooms"},
)
READ = Depends(guard.requires("rooms:read"))
"""For routers and routes that do not ask who the caller is."""
Writer = Annotated[Principal, Depends(guard.requires("rooms:read", "rooms:write"))]
