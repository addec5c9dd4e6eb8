"""Tasks with blueprints and SQLAlchemy: ``gunicorn examples.flask_sqlalchemy:app``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .factory import create_app

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def __getattr__(name: str) -> Flask:
    """Build ``app`` when a server asks for it: tests import this without a setting."""
    if name != "app":
        raise AttributeError(name)
    app = globals()["app"] = create_app()
    return app
