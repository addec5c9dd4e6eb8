"""Revoking a token that a client has sent to a revocation endpoint (RFC 7009).

The endpoint answers 200 for a token that it does not know, too (section 2.2). So the
token is verified here before it ends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ..errors import AuthError, KeysUnavailableError
from .authorize.clients import Clients
from .model.decision import TokenRequest
from .model.effects import Ask
from .model.facts import Facts
from .model.policy import Policy
from .model.principal import Principal
from .verify.claims import facts_of_issued
from .verify.keys import Emit
from .verify.revoking import Revoking
from .verify.verifier import Verifier


class RevocationFlow:
    """Records the revocations that endpoints of one policy have accepted."""

    def __init__(
        self,
        policy: Policy,
        clients: Clients,
        verifier: Verifier,
        revoking: Revoking,
        now: Callable[[], float],
        emit: Emit,
    ) -> None:
        self._longest = policy.max_token_bytes
        self._now = now
        self._clients = clients
        self._verifier = verifier
        self._revoking = revoking
        self._emit = emit

    def answered(
        self, grant: TokenRequest | None, status: int
    ) -> Generator[Ask, Any, None]:
        """Revoke the token of a revocation request that was answered with *status*.

        Revokes the session of an access token, or only the token if it has no ``sid``.
        The client has to be listed for the token's issuer. The token may have expired,
        or be for another API. Other tokens are ignored. Raises no exception.
        """
        # Only if the issuer has confirmed it: a refused request must not end a
        # session.
        if grant is None or grant.grant_type or status != 200:
            return
        token = grant.form.get("token", [""])[0]
        if not 0 < len(token) <= self._longest:
            return
        try:
            facts = yield from self._issued(token)
        except KeysUnavailableError:
            self._emit("revocations_lost", problem="KeysUnavailable")
            return
        except AuthError:
            return
        # RFC 7009 section 2.1: a client revokes its own tokens, and not those of
        # another issuer's clients.
        listed = self._clients.named(grant.client_id or "")
        if any(client.issuer in (None, facts.issuer) for client in listed):
            yield from self._revoking.session(Principal.of(facts, token))

    def _issued(self, token: str) -> Generator[Ask, Any, Facts]:
        """Return the facts of an access token that a trusted issuer has signed."""
        # A cached token was verified; whether it has expired since does not matter
        # here.
        _, known = self._verifier.token_cache.get(token)
        if known is not None:
            return known.facts
        signed = yield from self._verifier.signed(token)
        return facts_of_issued(signed.rules, signed.compact, self._now())
