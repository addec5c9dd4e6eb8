"""What a request costs more than the bare application, in one process.

Every case runs in every round, beside its base, so that the difference holds even
where the machine's speed drifts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from jwtguard.testing import JWTIssuer

from . import between, calls, peers, verification
from .case import Case, Cases
from .floor import prepared_check
from .peers import ALL, PEERS, Peer
from .site import PREFLIGHT, TOKEN_REQUEST, Sent, Site, forged, token
from .timing import repeated

CALLS = 1000
NEW = 300


def cases() -> Cases:
    """Build every application, and see that each answers as it should."""
    logging.getLogger("jwtguard").setLevel(logging.WARNING)
    for noisy in ("fastmcp", "fastapi_azure_auth", "axioms_fastapi", "axioms_core"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    made = Cases()
    for alg in ALL:
        issuer = JWTIssuer(alg=alg)
        tokens = [token(issuer, f"user-{number}") for number in range(NEW)]
        site = Site.of(issuer)
        check = prepared_check(site.key, tokens[0])
        limit = Case(f"new {alg}", "signature check", repeated(check, NEW))
        made.hot.append(limit)
        verification.add_limit(made, site, check)
        verification.add(made, Site.of(issuer), tokens)
        for who in PEERS:
            once = who.least or not who.tokens
            if alg in who.algs and (alg == "RS256" or not once):
                _add(made, who, site, tokens)
    made.hot += _bases()
    made.between += between.of_bases([token(JWTIssuer())])
    return made


def _bases() -> Iterator[Case]:
    for name, (kind, make) in peers.BASES.items():
        drive = calls.asgi if kind == "asgi" else calls.wsgi
        yield Case("bare", name, drive(make(), [Sent(token="x" * 900)], CALLS))


def _add(made: Cases, who: Peer, site: Site, tokens: list[str]) -> None:
    """Add the cases of one peer that answers as it should."""
    try:
        app = who.make(site)
        wrong = [
            f"{what}: {found} instead of {wanted}"
            for what, sent, wanted in _expected(who, site, tokens)
            if (found := _status(who, app, sent)) != wanted
        ]
    except Exception as error:  # noqa: BLE001  # said in the results
        wrong = [f"{type(error).__name__}: {error}"]
    if wrong:
        made.left_out[f"{who.name}, {site.alg}"] = "; ".join(wrong)
        return
    made.hot += _of(who, app, site, tokens)
    made.between += between.of_peer(who, app, site, tokens)


def _status(who: Peer, app: Any, sent: Sent) -> int:
    if who.kind == "wsgi":
        return calls.wsgi_status(app, sent)
    return asyncio.run(calls.asgi_status(app, sent))


def _expected(
    who: Peer, site: Site, tokens: list[str]
) -> Iterator[tuple[str, Sent, int]]:
    yield "a good token", Sent(token=tokens[0]), 200
    if who.tokens and not who.least:
        refused = 400 if "PyJWT" in who.name else 401
        refused = 422 if "Extended" in who.name else refused
        yield "a forged token", Sent(token=forged(tokens[:2])[0]), refused
    if who.refuses:
        yield "no token", Sent(), 401
    if who.cors:
        yield "a preflight", PREFLIGHT, 204 if who.ours else 200


def _of(who: Peer, app: Any, site: Site, tokens: list[str]) -> Iterator[Case]:
    drive = calls.asgi if who.kind == "asgi" else calls.wsgi
    sent = [Sent(token=each) for each in tokens]

    def case(what: str, sent: list[Sent], times: int, **more: Any) -> Case:
        return Case(what, who.name, drive(app, sent, times), who.base, **more)

    if who.least:
        yield case("known token", sent[:1], CALLS)
        return
    if who.tokens:
        yield case(f"new {site.alg}", sent, NEW, before=site.forget)
        if who.ours and who.base not in ("ASGI", "WSGI"):
            if site.alg == "RS256":
                yield case("known token", sent[:1], CALLS)
            return  # it refuses as those two do
        turned = [Sent(token=each) for each in forged(tokens)]
        yield case(f"forged {site.alg}", turned, NEW)
    if site.alg != "RS256":
        return
    what = "known token" if who.tokens else "CORS alone"
    yield case(what, sent[:1], CALLS)
    if who.refuses:
        yield case("no token", [Sent()], CALLS)
    if who.cors:
        yield case("preflight", [PREFLIGHT], CALLS)
    if who.ours and who.base in ("ASGI", "WSGI"):
        yield case("token path", [TOKEN_REQUEST], CALLS)
