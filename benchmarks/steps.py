"""The steps of a request, whose instructions are counted: see ``instructions``.

``python -m benchmarks.steps FILE`` runs under callgrind. Each step is the real function
of the guard with what it gets in a request. A step that contains others is counted with
them, and ``split`` takes them off again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from jwtguard import Guard
from jwtguard.asgi import GuardMiddleware, introduce, request_of
from jwtguard.core.extract.credentials import given
from jwtguard.core.extract.wire import TLS
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.encoding import decode_segment, parse_json
from jwtguard.core.respond.decorating import decorated_raw
from jwtguard.core.verify.claims import checked_facts, facts_of
from jwtguard.core.verify.jose import Compact, parse
from jwtguard.core.verify.signatures import verifying_key
from jwtguard.core.verify.verifier import Unverified

from .bare import bare_asgi
from .calls import scope_of
from .floor import prepared_check
from .marks import Prepare, run_marked
from .site import Sent, Site
from .tables import KNOWN

NOTHING = "an empty call"
REST = "everything else"
SIGNATURE, APPLICATION = "signature check", "the application"


class Step(NamedTuple):
    """One step. ``within``: the steps that are in its count, too."""

    call: Callable[[int], object]
    """Takes the number of the call: no two have the same token, where it is new."""
    within: Sequence[str] = ()


Steps = Mapping[str, Step]
"""In the order of the page; the last is the whole, which contains all others."""


def known_steps(site: Site, token: str) -> Steps:
    """Return the steps of a request with a known token."""
    guard = site.guard()
    guard.verify(token)
    flow, app = guard._flow, GuardMiddleware(bare_asgi, guard)  # noqa: SLF001
    scope = scope_of(Sent(token=token))
    request, shown = request_of(scope), given(token)
    decision = guard.decide_at_once(request)
    _, known = flow.verifier.token_cache.get(token)
    assert isinstance(decision, Proceed)
    assert known is not None
    rule, raw_path = flow.paths.access(request), request.raw_path
    origin, head = request.headers["origin"][0], (b"content-type", b"text/plain")
    digest, cached = "SHA-256 of the token", "token cache"
    rest_of_decision = "origin, transport, principal, decision"
    parts = {
        "reading the ASGI scope": Step(lambda _: request_of(scope)),
        digest: Step(lambda _: sha256(token.encode()).digest()),
        cached: Step(lambda _: flow.verifier.token_cache.get(token), (digest,)),
        "path rule": Step(
            lambda _: flow.paths.rule("GET", request.path, raw_path, request.root)
        ),
        "times, key, revocations, sender": Step(
            lambda _: flow.verifier.gates.check_at_once(known, shown, TLS)
        ),
        "client, origin, scopes": Step(
            lambda _: flow.authorizer.access(rule, "GET", origin, False, known, False)
        ),
    }
    return {
        **parts,
        rest_of_decision: Step(
            lambda _: guard.decide_at_once(request), list(parts)[1:]
        ),
        "telling the application who calls": Step(
            lambda _: introduce(scope, decision.principal)
        ),
        "header fields of the answer": Step(
            lambda _: decorated_raw([head], decision.decoration)
        ),
        APPLICATION: Step(lambda _: _answer(bare_asgi, scope)),
        REST: Step(lambda _: _answer(app, scope.copy())),
    }


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: Any) -> None:
    return None


def _answer(app: Any, scope: dict[str, Any]) -> None:
    try:
        app(scope, _receive, _send).send(None)
    except StopIteration:
        return
    raise TypeError("an application that waits cannot be counted")


def new_steps(site: Site, tokens: list[str]) -> Steps:
    """Return the steps of the verification of a new token."""
    guard, whole = site.guard(), site.guard()
    guard.verify(tokens[0])
    verifier = guard._flow.verifier  # noqa: SLF001
    digest, known = verifier.token_cache.get(tokens.pop(0))
    assert known is not None
    shown, now = given(tokens[0]), guard.clock.time()
    apart = [parse(one) for one in tokens]
    segments = [[part.encode() for part in one.split(".")[1:]] for one in tokens]
    public = site.key
    checks = [prepared_check(public, one) for one in tokens]
    rules, keys = verifier.issuer_of(apart[0]).rules, _keys_of(guard, apart[0])
    unused = iter(tokens)
    binary, text = "base64url", "JSON of the claims"
    facts = "claims: reading"
    steps = {
        "SHA-256, and looking for the token": Step(
            lambda n: verifier.token_cache.get(tokens[n])
        ),
        binary: Step(lambda n: [decode_segment(part) for part in segments[n]]),
        text: Step(lambda n: parse_json(apart[n].payload)),
        "the rest of taking it apart": Step(lambda n: parse(tokens[n]), (binary, text)),
        "choice of the key": Step(lambda n: _keys_of(guard, apart[n])),
        SIGNATURE: Step(lambda n: checks[n]()),
        "around the signature check": Step(
            lambda n: verifying_key(apart[n], keys), (SIGNATURE,)
        ),
        facts: Step(lambda n: facts_of(rules, apart[n])),
        "claims: checks": Step(lambda n: checked_facts(rules, apart[n], now), (facts,)),
        "times, key, revocations, sender": Step(
            lambda _: verifier.gates.check_at_once(known, shown, TLS)
        ),
        "putting it into the cache": Step(
            lambda _: verifier.token_cache.put(digest, known)
        ),
    }
    return {**steps, REST: Step(lambda _: whole.verify(next(unused)))}


def _keys_of(guard: Guard, compact: Compact) -> Any:
    issuer = guard._flow.verifier.issuer_of(compact)  # noqa: SLF001
    return Unverified(compact, *issuer).keys_at_hand()


def split(steps: Steps, counts: Mapping[str, float]) -> dict[str, float]:
    """Return the instructions of each step without those of the steps within it."""
    empty = counts[NOTHING]
    alone: dict[str, float] = {}
    for name, step in steps.items():
        within = alone if name == REST else step.within
        alone[name] = counts[name] - empty - sum(alone[one] for one in within)
    return alone


def cases(steps: Steps) -> Iterator[tuple[str, Prepare]]:
    """Return what is counted: the steps, and a call of nothing."""
    yield NOTHING, _prepared(lambda _: None)
    for name, step in steps.items():
        yield name, _prepared(step.call)


def _prepared(call: Callable[[int], object]) -> Prepare:
    numbers = count()

    def prepare(times: int) -> Callable[[], None]:
        taken = [next(numbers) for _ in range(times)]

        def run() -> None:
            for number in taken:
                call(number)

        return run

    return prepare


def main() -> None:
    """Count the steps of one case for the keys and tokens of a file."""
    made = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    run_marked(
        dict(cases(steps_of(made["case"], Site(**made["site"]), made["tokens"])))
    )


def steps_of(case: str, site: Site, tokens: list[str]) -> Steps:
    """Return the steps of a case: ``KNOWN``, or the algorithm of a new token."""
    return known_steps(site, tokens[0]) if case == KNOWN else new_steps(site, tokens)


if __name__ == "__main__":
    main()
