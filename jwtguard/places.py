"""Keys of ``environ`` and ``scope`` under which applications find results."""

from __future__ import annotations

PRINCIPAL_KEY = "jwtguard.principal"
REFUSAL_KEY = "jwtguard.refusal"
OUTBOX_KEY = "jwtguard.session"
"""Collects session cookies for the response; None without sessions."""
GUARD_KEY = "jwtguard.guard"
"""The guard that let the request through: decorators ask it how to refuse."""
BEFORE_KEY = "jwtguard.before"
"""The application that the guard is a middleware of; None: it stands in front."""
