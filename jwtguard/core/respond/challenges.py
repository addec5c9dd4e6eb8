"""RFC 9110 section 11.6.1: the challenges of a refusal, in the schemes spoken here.

An error states its own challenge (RFC 6750 section 3). Under which scheme it is told,
and what is offered beside it, depends on the policy and on how the token was sent (RFC
9449 section 7.1).
"""

from __future__ import annotations

from ...errors import AuthError, Challenge
from ..extract.credentials import DPOP
from ..model.challenge import MISSING_TOKEN
from ..model.policy import Policy


class Challenges:
    """Words challenges by one policy."""

    def __init__(self, policy: Policy) -> None:
        self._spoken = policy.dpop != "off"
        self._required = policy.dpop == "require"
        self._algs = ("algs", " ".join(policy.dpop_algorithms))

    def of(
        self, error: AuthError, given: tuple[Challenge, ...], scheme: str
    ) -> tuple[Challenge, ...]:
        """Return the challenges of *error* in place of *given*, which it states itself.

        *scheme* is the one in which the token came, or was tried.
        """
        if not self._spoken:
            return given
        (own,) = given
        if own.scheme == DPOP:  # alone: clients count challenges to know their way
            return (self._by_proof(own),)
        if self._required:
            return (self._by_proof(own),)
        if error.code == MISSING_TOKEN:
            return own, self._by_proof(own)
        # It could be used here, under the other scheme.
        if error.reason == "bound_token_as_bearer":
            return own, self._by_proof(Challenge(DPOP))
        if scheme == DPOP or error.reason == "unbound_token":
            return (self._by_proof(own),)
        return given

    def _by_proof(self, own: Challenge) -> Challenge:
        return Challenge(DPOP, (*own.params, self._algs))
