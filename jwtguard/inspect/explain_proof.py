"""A DPoP proof, check by check (RFC 9449 section 4.3): what the guard asks of it.

The checks are those of the guard itself. It stops at the first fault; here the others
follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..core.extract.proofs import SentProof, proof_of
from ..core.model.effects import StateUnavailableError
from ..core.model.request import Request
from ..core.model.url_values import split_public_url
from ..core.verify.dpop import proof as checks
from ..core.verify.dpop.binding import Binding
from ..core.verify.dpop.claims import ProofClaims, parse_claims
from ..core.verify.dpop.headers import ProofHeader
from ..core.verify.jose import parse
from ..errors import AuthError
from ..guard import Guard
from . import hints
from .check_state import shown as place_of
from .explain_request import peer_at
from .shown import Check, failed, moment, value_text

Found = TypeVar("Found")


def proof_in(text: str) -> str:
    """Return the proof in *text*: bare, or with the name of its header."""
    name, colon, value = text.strip().partition(":")
    return value.strip() if colon and name.strip().lower() == "dpop" else text.strip()


def at_url(guard: Guard, request: Request, url: str | None) -> Request:
    """Return *request* as it arrives here if a client asks for *url*.

    A prefix of ``JWTGUARD_PUBLIC_URL`` is what a proxy takes off. None: as it is.
    """
    if url is None:
        return request
    parts = urlsplit(url)
    path = parts.path or "/"
    # The path that the application routes on is what is left of the client's URL.
    for origin, prefix in map(split_public_url, guard.policy.public_url):
        if url.startswith(f"{origin}{prefix}/"):
            path = path[len(prefix) :]
    headers = {**request.headers, "host": (parts.netloc,)}
    # Only over loopback is plain http accepted, so the peer has to fit the URL.
    peer = peer_at(parts.scheme, parts.netloc)
    return request._replace(path=path, headers=headers, scheme=parts.scheme, peer=peer)


def proof_checks(guard: Guard, token: str, request: Request) -> Iterator[Check]:
    """Yield what each check says of the proof in *request*, also after a failure.

    Never yields the proof, and does not use it up.
    """
    binding: Binding = guard._flow.verifier.binding  # noqa: SLF001  # its own checks
    try:
        sent = proof_of(request)
    except AuthError as error:
        yield _failed("proof", error, "one signed JWT in the DPoP header")
        return
    yield _passed("proof", "", "one JWT in the DPoP header")
    # The token may be refused for its own reasons: its rows say so, and these here are
    # about the proof alone.
    jkt = bound_to(token)
    explained = _Explained(guard, binding, sent, token)
    yield from explained.by_header(jkt)
    yield from explained.by_claims()
    yield from explained.by_both(jkt)


class _Explained:
    """One proof, and what could be read of it so far."""

    def __init__(
        self, guard: Guard, binding: Binding, sent: SentProof, token: str
    ) -> None:
        self._guard = guard
        self._binding = binding
        self._sent = sent
        self._token = token
        self._head, self._body, _ = sent.text.split(".")
        self._header: ProofHeader | None = None
        self._claims: ProofClaims | None = None

    def by_header(self, jkt: str | None) -> Iterator[Check]:
        algorithms = " ".join(self._guard.policy.dpop_algorithms)
        expected = f"typ dpop+jwt, alg one of {algorithms}, a public jwk"
        proofs = self._binding.proofs
        header, check = _tried(
            "jwk", expected, lambda: proofs.headers.read(self._head), _header_text
        )
        yield check
        self._header = header
        if jkt is None:
            hint = hints.of_unbound(self._guard.policy.dpop)
            yield failed("jkt", "unbound_token", "cnf with jkt", "no jkt", hint)
        elif header is not None:
            expected = f"the key that the token is bound to: {jkt}"
            yield _asked(
                "jkt", expected, header.jkt, lambda: checks.check_key(header, jkt)
            )

    def by_claims(self) -> Iterator[Check]:
        expected = "the strings jti, htm, htu and ath, and the number iat"
        claims, check = _tried(
            "payload", expected, lambda: parse_claims(self._body), _claims_text
        )
        yield check
        self._claims, request = claims, self._sent.request
        if claims is None:
            return
        proofs = self._binding.proofs
        wire = self._guard._flow.wire_of(request)  # noqa: SLF001  # as it does
        yield _asked(
            "htm", f"htm {request.method}", f"htm {claims.method}",
            lambda: checks.check_method(claims, request),
        )  # fmt: skip
        yield _asked(
            "htu", "htu is the URL of the request, without query",
            f"htu {value_text(claims.url)}",
            lambda: proofs.check_url(claims, request, wire),
        )  # fmt: skip
        yield _asked(
            "ath", "ath is the SHA-256 of the token",
            f"ath {value_text(claims.token_hash)}",
            lambda: checks.check_token(claims, self._token),
        )  # fmt: skip
        yield self._time(claims)

    def by_both(self, jkt: str | None) -> Iterator[Check]:
        header, claims = self._header, self._claims
        # Also for a foreign key, which the guard refuses before: it costs nothing here.
        if header is not None:
            yield _asked(
                "signed", "made with the key in the proof", header.alg,
                lambda: checks.check_signature(header, self._sent.text),
            )  # fmt: skip
        if jkt is not None and claims is not None:
            yield self._replay(jkt, claims.jti)

    def _time(self, claims: ProofClaims) -> Check:
        policy, now = self._guard.policy, self._guard.clock.time()
        oldest, latest = now - policy.dpop_max_age, now + policy.leeway
        expected = f"iat from {moment(oldest)} to {moment(latest)}"
        if policy.dpop_nonce != "off":
            expected += (
                f", or a nonce of this API (JWTGUARD_DPOP_NONCE={policy.dpop_nonce})"
            )
        nonce = "" if claims.nonce is None else ", with a nonce"
        found = f"iat {moment(claims.issued_at)} UTC{nonce}"
        freshness = self._binding.proofs.freshness
        return _asked("iat", expected, found, lambda: freshness.check(claims, now))

    def _replay(self, jkt: str, jti: str) -> Check:
        """Ask the shared state; what each process remembers alone is not known here."""
        expected, policy = "a proof that was not used before", self._guard.policy
        replays = self._binding.replays
        # Only a look: to claim it would use the proof up before its client can.
        text = "not known: each process remembers the proofs that it has seen"
        if not policy.dpop_replays:
            text = "not checked (JWTGUARD_DPOP_REPLAYS=0)"
        elif replays.shared:
            place = place_of(policy, self._guard.state.state)
            try:
                used = self._guard.run(replays.find(jkt, jti))
            except StateUnavailableError as error:
                used, text = False, f"not known: {place} cannot be read ({error})"
            else:
                text = f"not in {place}"
            if used:
                hint = "each request needs a new proof"
                return failed("jti", "dpop_replayed", expected, "used before", hint)
        return _passed("jti", expected, text)


def _tried(
    name: str,
    expected: str,
    read: Callable[[], Found],
    words: Callable[[Any], str],
) -> tuple[Found | None, Check]:
    """Return what *read* returns, and the check that says so."""
    try:
        found = read()
    except AuthError as error:
        return None, _failed(name, error, expected)
    return found, _passed(name, expected, words(found))


def _asked(name: str, expected: str, found: str, check: Callable[[], Any]) -> Check:
    try:
        check()
    except AuthError as error:
        return _failed(name, error, expected, found)
    return _passed(name, expected, found)


def _passed(name: str, expected: str, found: str) -> Check:
    return Check(name=name, passed=True, expected=expected, found=found)


def _failed(name: str, error: AuthError, expected: str, found: str = "") -> Check:
    said = error.detail or found
    hint = hints.hint_of(error.reason)
    return failed(name, error.reason, expected, said, hint)


def _header_text(header: ProofHeader) -> str:
    return f"typ dpop+jwt, alg {header.alg}"


def _claims_text(_: ProofClaims) -> str:
    return "jti, htm, htu, ath and iat"


def bound_to(token: str) -> str | None:
    """Return the thumbprint that *token* claims, unverified."""
    try:
        cnf = parse(token).claims.get("cnf")
    except AuthError:
        return None
    jkt = cnf.get("jkt") if isinstance(cnf, dict) else None
    return jkt if isinstance(jkt, str) else None
