"""May this client, from this page, do this here? RFC 6749 section 3.3, RFC 6454.

``authorize`` sees an ``AccessKey`` and nothing else of the request or the token, so
what is remembered under the key is right by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ...errors import AccessDeniedError, AuthError, InvalidOriginError
from ..extract.paths import Kind, PathAccess
from ..model.decision import Decoration, decoration
from ..model.facts import Common, Standing
from ..model.policy import METHODS, Policy
from ..model.request import Fields
from ..verify.token_cache import CachedToken
from . import requirements
from .clients import Clients
from .freshness import check_acr

_SHORT = 512
"""Characters of method and origin. The answer to a key of more is not remembered."""


class AccessKey(NamedTuple):
    """All that decides what a verified token may do. Later rules add a field."""

    rule: PathAccess
    method: str
    origin: str | None
    own: bool
    """The page was served at this application's own origin."""
    claimed: bool
    """The token itself names the origin, and the policy believes it."""
    cookie: bool
    """The token came in the cookie, which browsers send by themselves."""
    issuer: str
    client_id: str | None
    scopes: frozenset[str]
    standing: Standing | None = None
    """The rest of what path rules ask for; None where the policy has no such rule.

    ``acr`` and claims stay what they are while a token lives, so they fit in here. How
    long ago the user signed in changes with the clock: ``freshness`` judges that on
    each use, and nothing remembers the answer.
    """


class Reported(NamedTuple):
    """Let the application run, though rules that are reported only refuse this."""

    decoration: Decoration
    refusals: tuple[AuthError, ...]
    """At least one, in the order of the checks."""


Access = Decoration | Reported | AuthError
"""What happens to the header fields of the application's answer, or the refusal."""


class Authorizer:
    """Answers by one policy, and remembers the answers to short keys."""

    def __init__(self, policy: Policy, clients: Clients) -> None:
        self._clients = clients
        self._clients_only = policy.clients_only
        self._report_only = frozenset(policy.report_only)
        self._checks: tuple[Callable[[AccessKey], Fields], ...] = (
            self._check_listed, self._check_page, _check_scopes, _check_claims,
            _check_acr,
        )  # fmt: skip
        # 403 before 401: who may never do it is not asked to sign in again.
        size = min(policy.token_cache, 1024)
        self.remembered = lru_cache(size)(self._answer) if size else self._answer

    def access(
        self,
        rule: PathAccess,
        method: str,
        origin: str | None,
        own: bool,
        known: CachedToken,
        cookie: bool,
    ) -> Access:
        """Return whether a known token may be used like this."""
        common = known.facts.common
        # Keys come from strangers: 1024 of them with 16 KB tokens would be 16 MB.
        short = common.shared and len(method) + len(origin or "") <= _SHORT
        answer = self.remembered if short else self._answer
        return answer(rule, method, origin, own, cookie, common)

    def _answer(
        self,
        rule: PathAccess,
        method: str,
        origin: str | None,
        own: bool,
        cookie: bool,
        common: Common,
    ) -> Access:
        claimed = origin in common.origins
        issuer, client_id = common.issuer, common.client_id
        key = AccessKey(
            rule, method, origin, own, claimed, cookie,
            issuer, client_id, common.scopes, common.standing,
        )  # fmt: skip
        return self.authorize(key)

    def authorize(self, key: AccessKey) -> Access:
        """Apply the rules about client, origin, method, scopes, claims and login."""
        fields: Fields = ()
        reported: list[AuthError] = []
        for check in self._checks:
            try:
                fields += check(key)
            except AuthError as error:
                refusal = error.with_traceback(None)  # it is kept, the frames are not
                if refusal.report_only not in self._report_only:
                    return refusal
                reported.append(refusal)
        # What the application itself grants to such an origin stays as it is: ours is
        # neither granted nor taken away.
        replace = all(refusal.report_only != "origins" for refusal in reported)
        if key.cookie:
            ours = decoration(
                fields, replace=replace, vary=("Origin", "Cookie"), private=True
            )
        else:
            ours = decoration(fields) if replace else decoration(replace=False)
        return Reported(ours, tuple(reported)) if reported else ours

    def _check_listed(self, key: AccessKey) -> Fields:
        """Refuse the tokens of other clients, if only listed ones are accepted."""
        listed = self._clients.of(key.issuer, key.client_id) is not None
        if self._clients_only and not listed:
            raise AccessDeniedError("client_not_listed")
        return ()

    def _check_page(self, key: AccessKey) -> Fields:
        """Return the CORS fields for the token's own client, or refuse the page."""
        origin = key.origin
        if origin is None:
            return ()
        client = self._clients.of(key.issuer, key.client_id)
        fields = self._clients.cors_fields(
            key.issuer, key.client_id, origin, claimed=key.claimed
        )
        listed = client if client is not None and client.serves(origin) else None
        # A form or a simple request needs no preflight, so the methods of the client
        # are checked here once more.
        allowed = key.method in (METHODS if listed is None else listed.methods)
        if fields is not None and allowed and not key.cookie:
            return fields  # whether it is our own origin too makes no difference
        if key.own:
            return fields or ()
        # A cookie is sent without the page's doing, so only an origin that was promised
        # credentials may cause it.
        agreed = client is not None and client.credentials and origin in client.origins
        if fields is None or (key.cookie and not agreed):
            raise InvalidOriginError("foreign_origin")
        if not allowed:
            raise AccessDeniedError("method_not_allowed_for_client")
        return fields


_NO_RULE = (
    "JWTGUARD_SCOPES has no rule for this path and method; a last rule `/*=` accepts "
    "any token on all other paths"
)


def _check_scopes(key: AccessKey) -> Fields:
    needed = key.rule.scopes
    if needed is None and key.rule.kind is Kind.PROTECTED:
        raise AccessDeniedError("no_rule", detail=_NO_RULE)
    if needed:
        requirements.check_all(key.scopes, needed)
    return ()


def _check_claims(key: AccessKey) -> Fields:
    standing = key.standing
    unmet = [one for one in key.rule.rules if standing is None or one in standing.unmet]
    if unmet:
        names = dict.fromkeys(name for one in unmet for name in one.names)
        raise AccessDeniedError("claim_not_allowed", detail=" ".join(names))
    return ()


def _check_acr(key: AccessKey) -> Fields:
    rule = key.rule
    if rule.acr is not None:
        acr = key.standing.acr if key.standing is not None else None
        check_acr(acr, rule.acr, rule.max_age)
    return ()
