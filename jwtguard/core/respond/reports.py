"""Refusals that are only reported: the event ``would_refuse``, once for each reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from ...errors import AuthError
from ..extract.fetch_metadata import origin_of
from ..extract.paths import PathRules
from ..model.decision import Outbox
from ..model.facts import Facts
from ..model.policy import Policy
from ..model.principal import Principal
from ..model.request import Request
from ..verify.keys import Emit

_WORD = re.compile(r"[A-Za-z_-]{1,32}|v[0-9]{1,3}")
"""A segment of a path that names a kind of thing, not one of them."""
_MOST_SEGMENTS = 12


class Reports:
    """Tells of refusals that one policy only reports."""

    def __init__(self, policy: Policy, paths: PathRules, emit: Emit) -> None:
        self._words = frozenset(policy.report_only)
        self._header = policy.report_header
        self._paths = paths
        self._emit = emit

    def covers(self, error: AuthError) -> bool:
        """Whether *error* is only reported."""
        return error.report_only in self._words

    def instead(
        self,
        error: AuthError,
        principal: Principal,
        request: Request,
        outbox: Outbox | None,
        rule: str,
    ) -> bool:
        """Report *error* of a handler's *rule* instead, if it is only reported."""
        found = self.covers(error)
        if found:
            self.tell((error,), request, principal.facts, outbox, rule)
        return found

    def tell(
        self,
        refusals: Iterable[AuthError],
        request: Request,
        facts: Facts,
        outbox: Outbox | None,
        rule: str | None = None,
    ) -> tuple[str, ...]:
        """Tell the log and the hook of each refusal, and return the reasons.

        *rule* None: a rule of the path. With ``JWTGUARD_REPORT_HEADER``, *outbox* gets
        the reasons too.
        """
        told = tuple(refusals)
        for error in told:
            self._emit(
                "would_refuse",
                reason=error.reason,
                rule=self._rule(error, request) if rule is None else rule,
                method=request.method,
                origin=origin_of(request),
                client_id=facts.client_id,
                issuer=facts.issuer,
                subject=subject_mark(facts),
            )
            if self._header and outbox is not None:
                outbox.report(error.reason)
        return tuple(error.reason for error in told)

    def _rule(self, error: AuthError, request: Request) -> str:
        if error.reason == "no_rule":
            return path_shape(request.path)
        if error.report_only in ("scopes", "acr", "rules"):
            found = self._paths.naming(request.method, request.path, request.root)
            return " ".join(found)
        return ""


def path_shape(path: str) -> str:
    """Return a pattern for *path*: ``*`` in place of whatever may name one thing."""
    # The path itself may name a person, and a pattern is what a rule needs anyway.
    parts = path.rstrip("/").split("/")[1:]
    kept = ["*" if not _WORD.fullmatch(part) else part for part in parts]
    return "/" + "/".join(kept[:_MOST_SEGMENTS])


def subject_mark(facts: Facts) -> str:
    """Return three hex digits that tell subjects apart, and do not tell who they are.

    With 4096 values, a mark fits many people; two subjects rarely have the same.
    """
    text = f"{facts.issuer} {facts.subject}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:3]
