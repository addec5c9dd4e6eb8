"""Where applications find what the guard says: keys of ``environ`` and ``scope``."""

from __future__ import annotations

PRINCIPAL_KEY = "jwtguard.principal"
REFUSAL_KEY = "jwtguard.refusal"
OUTBOX_KEY = "jwtguard.session"
"""Where session cookies are put that leave with the answer; None without sessions."""
GUARD_KEY = "jwtguard.guard"
"""The guard that let the request through: decorators ask it how to refuse."""
BEFORE_KEY = "jwtguard.before"
"""The application that the guard is a middleware of; None: it stands in front."""
