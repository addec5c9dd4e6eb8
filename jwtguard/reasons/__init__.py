"""Every reason for a refusal: status, error code, sentence, and a hint.

The errors of ``jwtguard.errors`` read their words here; ``docs/errors.md`` and
``jwtguard explain`` show the same table. A new refusal needs one entry, in the table of
the requests that it is about.
"""

from __future__ import annotations

from collections.abc import Mapping

from .bound import BOUND
from .login import LOGIN
from .logout import LOGOUT
from .reason import Reason
from .requests import REQUESTS
from .sessions import SESSIONS
from .token_requests import TOKEN_REQUESTS
from .tokens import TOKENS

__all__ = [
    "REASONS",
    "Reason",
]

REASONS: Mapping[str, Reason] = {
    **REQUESTS,
    **SESSIONS,
    **TOKENS,
    **BOUND,
    **LOGIN,
    **TOKEN_REQUESTS,
    **LOGOUT,
}
