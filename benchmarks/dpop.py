"""``make bench-dpop``: a known token with an ES256 proof, in bare ES256 checks.

Prints the figures and refreshes the page. Every contestant gets proofs that nobody has
seen, and takes its turn in every round, so that the ratios hold where the machine's
speed drifts. The exit status is 1 if the promise does not hold.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from statistics import median

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.utils import base64url_decode, raw_to_der_signature

from jwtguard import Guard
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.request import Request
from jwtguard.testing import DPoPKey, FakeClock, JWTIssuer

from .timing import measure

URL = "https://api.example/notes"
PROOFS, ROUNDS = 400, 11
"""One client may send 5,000 proofs in a while: this is less."""
MOST = 1.5
"""Bare ES256 checks that the guard may cost: the promise."""
PAGE = Path(__file__).parents[1] / "docs/benchmarks-dpop.md"
BARE = "the bare ES256 check"
OURS = "jwtguard: token, proof and the whole decision"
PACKAGES = ("PyJWT", "cryptography", "authplane-sdk", "auth0-api-python")
_BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)

Check = Callable[[list[str]], None]


class RealClock(FakeClock):
    """The others look at the real time."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        return time.time()


@dataclass(frozen=True)
class Site:
    """One client with a key, and one bound token that is known already."""

    issuer: JWTIssuer
    key: DPoPKey
    token: str

    def proofs(self) -> list[str]:
        """Return proofs that nobody has seen."""
        return [self.key.proof("GET", URL, token=self.token) for _ in range(PROOFS)]


def bare(site: Site) -> Check:
    """The limit: the check by the crypto library, prepared, and nothing around it."""
    public = jwt.PyJWK(site.key.jwk, "ES256").key
    message, _, signature = site.key.proof("GET", URL).rpartition(".")
    der = raw_to_der_signature(base64url_decode(signature), public.curve)
    signed, scheme = message.encode(), ec.ECDSA(SHA256())

    def check(proofs: list[str]) -> None:
        for _ in proofs:
            public.verify(der, signed, scheme)

    return check


def ours(site: Site) -> Check:
    """The guard of this package; proofs are remembered, and no proof passes twice."""
    guard = Guard(
        site.issuer.policy(public_url="https://api.example"),
        clock=site.issuer.clock,
        transport=site.issuer.transport,
    )

    def check(proofs: list[str]) -> None:
        for proof in proofs:
            headers = {
                "host": ("api.example",),
                "authorization": (f"DPoP {site.token}",),
                "dpop": (proof,),
            }
            found = guard.decide(Request("GET", "/notes", headers))
            if not isinstance(found, Proceed):
                raise TypeError(found.reason)

    return check


def by_hand(site: Site) -> Check:
    """What is written with PyJWT: header, key, signature, claims, a set of ``jti``."""
    seen: set[str] = set()
    ath = urlsafe_b64encode(sha256(site.token.encode()).digest()).rstrip(b"=").decode()

    def check(proofs: list[str]) -> None:
        for proof in proofs:
            header = jwt.get_unverified_header(proof)
            key = jwt.PyJWK(header["jwk"], "ES256")
            claims = jwt.decode(proof, key, ["ES256"], options={"require": ["iat"]})
            good = header["typ"] == "dpop+jwt" and claims["htm"] == "GET"
            good = good and claims["htu"] == URL and claims["ath"] == ath
            if (
                not good
                or claims["jti"] in seen
                or abs(time.time() - claims["iat"]) > 60
            ):
                raise TypeError("refused")
            seen.add(claims["jti"])

    return check


def authplane(site: Site) -> Check:
    """``authplane-sdk``: its check of a proof, with its store in memory."""
    from authplane.dpop import InMemoryDPoPReplayStore
    from authplane.dpop_verification import verify_dpop_proof

    store = InMemoryDPoPReplayStore()

    async def run(proofs: list[str]) -> None:
        for proof in proofs:
            await verify_dpop_proof(
                proof, method="GET", url=URL, replay_store=store,
                access_token=site.token, expected_jkt=site.key.thumbprint,
            )  # fmt: skip

    return lambda proofs: asyncio.run(run(proofs))


def auth0(site: Site) -> Check:
    """``auth0-api-python``: its check of a proof; it does not look for replays."""
    from auth0_api_python import ApiClient, ApiClientOptions

    client = ApiClient(ApiClientOptions(domain="id.example", audience="api"))

    async def run(proofs: list[str]) -> None:
        for proof in proofs:
            await client.verify_dpop_proof(site.token, proof, "GET", URL)

    return lambda proofs: asyncio.run(run(proofs))


CONTESTANTS: dict[str, Callable[[Site], Check]] = {
    BARE: bare,
    OURS: ours,
    "PyJWT by hand: the proof alone": by_hand,
    "auth0-api-python: the proof alone, no replays": auth0,
    "authplane-sdk: the proof alone": authplane,
}


def measured() -> dict[str, list[float]]:
    """Return microseconds for one request, round by round."""
    issuer = JWTIssuer(clock=RealClock())
    key = issuer.dpop()
    site = Site(issuer, key, key.token(scope="notes:read"))
    checks = {name: make(site) for name, make in CONTESTANTS.items()}
    found: dict[str, list[float]] = {name: [] for name in checks}
    for number in range(ROUNDS):
        for name, check in checks.items():
            proofs = site.proofs()

            def run(check: Check = check, proofs: list[str] = proofs) -> float:
                began = time.process_time()
                check(proofs)
                return (time.process_time() - began) / PROOFS * 1e6

            took = measure(run)
            if number:  # the first round is the warm-up
                found[name].append(took)
    return found


def table(found: dict[str, list[float]]) -> str:
    """Return the figures in Markdown."""
    rows = ["| | µs | bare ES256 checks |", "| --- | ---: | ---: |"]
    for name, times in found.items():
        pairs = zip(times, found[BARE], strict=True)
        rows.append(
            f"| {name} | {median(times):.0f} | {median(a / b for a, b in pairs):.2f} |"
        )
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = ".".join(map(str, sys.version_info[:3]))
    return "\n".join([*rows, "", f"Python {python}, {versions}."])


def main() -> int:
    """Measure, print, keep."""
    logging.getLogger("jwtguard").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    found = measured()
    text = table(found)
    print(text)
    page = PAGE.read_text("utf-8")
    PAGE.write_text(_BLOCK.sub(lambda b: f"{b[1]}{text}\n{b[2]}", page), "utf-8")
    ratios = (a / b for a, b in zip(found[OURS], found[BARE], strict=True))
    return 0 if median(ratios) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
