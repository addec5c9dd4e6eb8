"""RFC 9449 section 7, RFC 8705 section 3: who may use a token that is bound.

A bound token is refused unless its sender proves that the key or certificate is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ....errors import InvalidTokenError
from ...extract.credentials import DPOP, Credentials
from ...extract.wire import Wire
from ...model.effects import Ask
from ...model.facts import Facts
from ...model.policy import Policy
from ..keys import Emit
from .proof import Proofs
from .replays import Replays

_BY_SENDER = frozenset({"header", "subprotocol"})
"""Carriers that bring a proof beside the token, if there is one."""


class Binding:
    """What one policy asks of bound tokens, and of those that have to be bound."""

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        *,
        shared: bool,
    ) -> None:
        self._spoken = policy.dpop != "off"
        self._policy = policy
        self._required = policy.dpop == "require"
        self._clients = frozenset(
            policy.client_key(client) for client in policy.clients if client.dpop
        )
        self.proofs = Proofs(policy, now)
        longest = self.proofs.freshness.longest
        self.replays = Replays(policy, monotonic, emit, longest=longest, shared=shared)

    def is_bearer(self, facts: Facts) -> bool:
        """Whether a token may be used by whoever holds it."""
        common, extras = facts.common, facts.extras
        if extras.jkt is not None or extras.x5t is not None or self._required:
            return False
        listed = self._policy.listed(common.issuer) if common.tenant else None
        issuer = common.issuer if listed is None else listed.url
        return (issuer, common.client_id) not in self._clients

    def check(
        self, facts: Facts, shown: Credentials, wire: Wire | None, sha256: bytes
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a token that is not bound as it has to be, or not to this sender.

        *sha256* is the token's; empty if it is not known.
        """
        if facts.x5t is not None:
            _check_certificate(facts.x5t, wire)
        if facts.jkt is None:
            # A proof of any key would do for a token without one.
            if facts.x5t is None or shown.scheme == DPOP:
                raise InvalidTokenError("unbound_token")
            return None
        if shown.proof is None:
            # Told to those who could have sent a proof; a cookie and a session cannot.
            sent = self._spoken and shown.carrier in _BY_SENDER
            reason = "bound_token_as_bearer" if sent else "bound_token"
            raise InvalidTokenError(reason)
        proof = self.proofs.check(shown.proof, shown.token, facts.jkt, wire, sha256)
        return self.replays.claim(facts.jkt, proof.jti, proof.seconds)


def _check_certificate(x5t: str, wire: Wire | None) -> None:
    if wire is None or wire.certificate is None:
        detail = wire.no_certificate if wire is not None else ""
        raise InvalidTokenError("certificate_missing", detail=detail or _OFF)
    if wire.certificate != x5t:
        raise InvalidTokenError("certificate_mismatch")


_OFF = "JWTGUARD_CLIENT_CERT is off, or there is no request"
