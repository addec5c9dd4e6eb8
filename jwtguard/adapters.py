"""What an adapter for another framework or server needs; see docs/adapters.md.

Translate the request, ask ``Guard.decide`` or ``Guard.adecide``, and send what comes
back: a ``Respond`` as it is, or the application's answer as ``finish`` returns it.
"""

from __future__ import annotations

from .core.extract.credentials import without_bearer
from .core.model.decision import Decision, Decoration, Proceed, Respond
from .core.model.patterns import below
from .core.model.request import Fields, Request, is_read, read_headers
from .core.respond.responses import Finished, finish
from .gateway.ending import Ending, stream_owner
from .gateway.wsgi_streams import until_token_ends

__all__ = [
    "Decision",
    "Decoration",
    "Ending",
    "Fields",
    "Finished",
    "Proceed",
    "Request",
    "Respond",
    "below",
    "finish",
    "is_read",
    "read_headers",
    "stream_owner",
    "until_token_ends",
    "without_bearer",
]
