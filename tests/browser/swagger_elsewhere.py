"""The FastAPI example, whose Swagger UI signs in at the issuer itself."""

from __future__ import annotations

import os

from fastapi import FastAPI

from examples.fastapi_app import create_app as create_example


def create_app() -> FastAPI:
    """Build the example; the token server is at an origin of its own."""
    app = create_example()
    document = app.openapi()  # FastAPI keeps it, and serves the same object
    for scheme in document["components"]["securitySchemes"].values():
        for flow in scheme.get("flows", {}).values():
            flow["tokenUrl"] = f"{os.environ['JWTGUARD_ISSUER']}/oauth/token"
    return app
