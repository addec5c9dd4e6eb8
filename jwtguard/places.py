"""Keys of ``environ`` and ``scope`` under which applications find results."""

from __future__ import annotations

PRINCIPAL_KEY = "jwtguard.principal"
REFUSAL_KEY = "jwtguard.refusal"
OUTBOX_KEY = "jwtguard.session"
"""Collects session cookies for the response; None without sessions."""
GUARD_KEY = "jwtguard.guard"
"""The guard that let the request through: decorators ask it how to refuse."""
REFUSED_KEY = "jwtguard.refused"
"""Collects what was refused and reported behind the guard, in copies of a scope too."""
REQUEST_KEY = "jwtguard.request"
"""The request as the guard has judged it: behind a mount, the path is another one."""
