"""The steps of one request, each timed alone: where the time goes.

Alone and over and over, each step is faster than in the middle of a request, where it
finds the caches full of something else: the sum is a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable

from jwtguard.asgi import request_of
from jwtguard.core.extract import credentials
from jwtguard.core.model.encoding import decode_segment, parse_json
from jwtguard.core.verify.claims import checked_facts
from jwtguard.core.verify.jose import parse
from jwtguard.testing import JWTIssuer

from .calls import scope_of
from .floor import prepared_check
from .site import Sent, Site, token
from .timing import Run, repeated

TIMES = 2000


def steps() -> dict[str, Run]:
    """Return what is timed, in the order in which a request meets it."""
    issuer = JWTIssuer()
    text, site = token(issuer), Site.of(issuer)
    guard = site.guard()
    flow = guard._flow  # noqa: SLF001  # its steps are what is timed
    guard.verify(text)
    scope = scope_of(Sent(token=text))
    request = request_of(scope)
    compact, verifier = parse(text), flow.verifier
    _, known = verifier.token_cache.get(text)
    assert known is not None
    shown = credentials.Credentials(text, "header")
    body = text.split(".")[1].encode()
    trusted = verifier.issuer_of(compact)
    now = guard.clock.time()
    found: dict[str, Callable[[], object]] = {
        "known: reading the ASGI scope": lambda: request_of(scope),
        "known: the rule of the path": lambda: flow.paths.rule("GET", request.path),
        "known: its SHA-256, and the look-up": lambda: verifier.token_cache.get(text),
        "known: in time, key still published": lambda: (
            [gate(known, shown, None) for gate in verifier.gates]
        ),
        "known: the whole decision": lambda: flow.fast.decide(request),
        "new: taking the token apart": lambda: parse(text),
        "… of that base64url of the claims": lambda: decode_segment(body),
        "… of that JSON of the claims, strictly": lambda: parse_json(compact.payload),
        "new: the signature check": prepared_check(site.key, text),
        "new: the claims": lambda: checked_facts(trusted.rules, compact, now),
    }
    return {name: repeated(call, TIMES) for name, call in found.items()}
