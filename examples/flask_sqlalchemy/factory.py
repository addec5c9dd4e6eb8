"""The application factory: extensions, blueprints, and what each blueprint needs."""

from __future__ import annotations

import os

from flask import Flask

from jwtguard import Guard
from jwtguard.flask import JWTGuard

from .admin import admin
from .models import db
from .tasks import tasks

guard_extension = JWTGuard()
guard_extension.protect(tasks, "tasks:read")


def create_app(guard: Guard | None = None, database: str | None = None) -> Flask:
    """Build the application; without arguments, from the environment."""
    app = Flask(__name__)
    url = database or os.environ.get("DATABASE_URL", "sqlite:///tasks.sqlite")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    app.register_blueprint(tasks)
    app.register_blueprint(admin)
    guard_extension.init_app(app, guard)
    with app.app_context():
        db.create_all()
    return app
