"""Rooms with events: ``uvicorn --factory examples.fastapi_app:create_app``."""

from __future__ import annotations

from .factory import create_app

__all__ = ["create_app"]
