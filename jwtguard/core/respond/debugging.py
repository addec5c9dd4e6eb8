"""What the log of ``JWTGUARD_DEBUG`` says of a refusal. No answer ever holds it."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import AuthError
from ..extract import token_header
from ..extract.fetch_metadata import origin_of
from ..extract.paths import Kind, PathAccess, PathRules
from ..model.facts import Facts
from ..model.policy import Policy
from ..model.request import Request
from ..verify.jose import parse
from .case_hints import hint_of

PAGE = "docs/errors.md"
"""The page that explains every reason; each has an anchor there."""
_LONGEST = 200
_RULES = {
    Kind.TOKEN: "token path",
    Kind.REVOCATION: "revocation path",
    Kind.LOGOUT: "logout path",
    Kind.SESSION: "session path",
    Kind.METADATA: "metadata path",
    Kind.OPTIONAL: "optional path",
    Kind.PUBLIC: "public path",
}
_CLAIMS = ("iss", "aud", "client_id", "azp", "scope", "scp", "iat", "nbf", "exp")
"""What tells tokens apart. Nothing that says who the user is."""


class Debugging:
    """Describes refusals for a developer, by one policy."""

    def __init__(self, policy: Policy, paths: PathRules) -> None:
        self._find = token_header.finder(policy, dpop=True)
        self._paths = paths
        self._clients = policy.clients

    def fields(
        self, error: AuthError, request: Request, facts: Facts | None
    ) -> Mapping[str, str]:
        """Return what the log says beside the fields of the event."""
        rule = self._paths.access(request)
        origin = origin_of(request)
        return {
            "path": request.path[:_LONGEST],
            "rule": _rule(rule),
            "needed": error.scope or "",
            "seen": self._seen(request) if facts is None else _verified(facts),
            "hint": hint_of(error, rule.kind, origin, facts, self._clients),
            "see": f"{PAGE}#{error.reason}",
        }

    def _seen(self, request: Request) -> str:
        """Say what an unverified token claims, as far as it can be read."""
        try:
            shown = self._find(request)
            if shown is None:
                return "no token"
            compact = parse(shown.token)
        except AuthError:
            return "no token that can be read"
        header, claims = compact.header, compact.claims
        said = [f"alg={header.alg!r} typ={header.typ!r} kid={header.kid!r}"]
        said += [f"{name}={claims[name]!r}" for name in _CLAIMS if name in claims]
        return f"unverified, by {shown.carrier}: {' '.join(said)}"[: 4 * _LONGEST]


def _verified(facts: Facts) -> str:
    scopes, roles = " ".join(sorted(facts.scopes)), " ".join(sorted(facts.roles))
    return f"client={facts.client_id!r} scopes={scopes!r} roles={roles!r}"


def _rule(access: PathAccess) -> str:
    if access.kind is None:
        return "none: the path is ambiguous"
    if access.kind is not Kind.PROTECTED:
        return _RULES[access.kind]
    if access.scopes is None:
        return "none: no rule names the path"
    return f"scope {' and '.join(access.scopes)}" if access.scopes else "any token"
