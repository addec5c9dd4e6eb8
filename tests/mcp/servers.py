"""MCP servers behind the guard: by the SDK and by FastMCP, with the suite's tools."""

from __future__ import annotations

from typing import Any

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_request
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

SIMPLE = "This is a simple text response for testing."


def by_sdk() -> Any:
    """Return the application of a server made with the SDK."""
    server = MCPServer("Notes")

    @server.tool()
    def whoami(ctx: Context) -> str:
        """Return who calls."""
        request: Any = ctx.request_context.request
        subject: str = request.scope["jwtguard.principal"].subject
        return subject

    _add_tools(server.tool())
    return server.streamable_http_app()


def by_fastmcp() -> Any:
    """Return the application of a server made with FastMCP."""
    server: Any = FastMCP("Notes")

    def whoami() -> str:
        """Return who calls."""
        subject: str = get_http_request().scope["jwtguard.principal"].subject
        return subject

    server.tool(whoami)
    _add_tools(server.tool)
    return server.http_app()


def _add_tools(tool: Any) -> None:
    def test_simple_text() -> str:
        """Return a text."""
        return SIMPLE

    def test_error_handling() -> str:
        """Fail."""
        raise ValueError("This tool intentionally returns an error for testing")

    for function in (test_simple_text, test_error_handling):
        tool(function)


class WithToken:
    """A client's proxy that adds a token: the suite cannot send one itself."""

    def __init__(self, app: Any, token: str) -> None:
        self.app = app
        self.field = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Add the field to each request."""
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], self.field]}
        await self.app(scope, receive, send)
