"""The pieces of one request, each timed alone: where what we add goes.

Alone and over and over, each piece is faster than in the middle of a request, where it
finds the caches full of something else: the sum is a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable

from jwtguard.asgi import request_of
from jwtguard.core import bearer
from jwtguard.core.claims import principal_of
from jwtguard.core.jose import decode_segment, parse, parse_json
from jwtguard.testing import JWTIssuer

from .calls import scope_of
from .inprocess import signature_check
from .site import Sent, Site, token
from .timing import Run, repeated

TIMES = 2000


def pieces() -> dict[str, Run]:
    """Return what is timed, in the order in which a request meets it."""
    issuer = JWTIssuer()
    text, site = token(issuer), Site.of(issuer)
    guard = site.guard()
    flow = guard.flow
    guard.verify(text)
    scope = scope_of(Sent(token=text))
    request = request_of(scope)
    compact, verifier = parse(text), flow.verifier
    _, _, known = verifier.memory.get(text)
    assert known is not None
    body = text.split(".")[1].encode()
    trusted = verifier.issuer_of(compact)
    now = guard.clock.time()
    found: dict[str, Callable[[], object]] = {
        "known: reading the ASGI scope": lambda: request_of(scope),
        "known: the rule of the path": lambda: flow.paths.rule("GET", request.path),
        "known: finding the token": lambda: bearer.usual(request, 16_384),
        "known: its SHA-256, and the look-up": lambda: verifier.memory.get(text),
        "known: in time, key still published": lambda: (
            verifier.untimely(known) or known.cache.is_fresh(known.keys)
        ),
        "known: the whole decision": lambda: flow.begin(request),
        "new: taking the token apart": lambda: parse(text),
        "… of that base64url of the claims": lambda: decode_segment(body),
        "… of that JSON of the claims, strictly": lambda: parse_json(compact.payload),
        "new: the signature check": signature_check(site.key, text),
        "new: the claims": lambda: principal_of(trusted.rules, text, compact, now),
    }
    return {name: repeated(call, TIMES) for name, call in found.items()}
