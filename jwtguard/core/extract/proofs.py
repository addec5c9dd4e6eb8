"""RFC 9449 section 4.3, first steps: exactly one proof, and in the form of a JWT."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InvalidProofError
from ..model.request import Request

LONGEST = 8192
"""Characters. A proof that is signed with ML-DSA has about 5,000."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class SentProof(NamedTuple):
    """A proof as it was sent, and the request that it has to be about."""

    text: str
    request: Request


def proof_of(request: Request, offered: Sequence[str] = ()) -> SentProof:
    """Return the proof of *request*, or raise ``InvalidProofError``.

    *offered* is one that came as a WebSocket subprotocol.
    """
    sent = [*request.headers.get("dpop", ()), *offered]
    if not sent:
        raise InvalidProofError("dpop_missing")
    # WSGI joins repeated fields with a comma, as proxies do.
    if len(sent) > 1 or "," in sent[0]:
        raise InvalidProofError("dpop_repeated")
    # Before any regular expression runs over more than 8 KiB.
    text = sent[0].strip(" \t")
    if len(text) > LONGEST or not _COMPACT.fullmatch(text):
        raise InvalidProofError("dpop_malformed")
    return SentProof(text, request)
