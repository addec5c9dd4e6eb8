"""The calls that check what a handler requires of its caller."""

from __future__ import annotations

from typing import Any

from .core.authorize.requirements import Requirement
from .core.authorize.unguarded import check_roles
from .core.model.decision import Outbox
from .core.model.policy import Policy
from .core.model.principal import Principal
from .core.model.request import Request
from .errors import AuthError
from .refusing import Refuser, unread


class Requirer(Refuser):
    """Checks requirements by a policy, and reports what it refuses."""

    policy: Policy
    clock: Any

    def require(
        self,
        principal: Principal | None,
        requirement: Requirement,
        request: Request,
        outbox: Outbox | None = None,
        *,
        given: object = None,
    ) -> Principal:
        """Return *principal* if it meets *requirement*; else report and raise.

        With ``JWTGUARD_REPORT_ONLY`` it may only report; *outbox*, that of the request,
        then tells the developer. A check of the application's own gets *given*, the
        framework's request, or *request* without it. Raises ``AuthError``,
        ``ConfigurationError`` for a requirement that no token can meet, and
        ``TypeError`` for a check that is ``async``.
        """
        found = self.require_principal(principal, requirement, request, outbox)
        if requirement.own is not None:
            answer = requirement.own.call(found, request if given is None else given)
            self.judge(answer, found, requirement, request, outbox)
        return found

    async def arequire(
        self,
        principal: Principal | None,
        requirement: Requirement,
        request: Request,
        outbox: Outbox | None = None,
        *,
        given: object = None,
    ) -> Principal:
        """Do what ``require`` does, and await a check that is ``async``."""
        found = self.require_principal(principal, requirement, request, outbox)
        if requirement.own is not None:
            shown = request if given is None else given
            answer = await requirement.own.acall(found, shown)
            self.judge(answer, found, requirement, request, outbox)
        return found

    def require_principal(
        self,
        principal: Principal | None,
        requirement: Requirement,
        request: Request,
        outbox: Outbox | None = None,
    ) -> Principal:
        """Do what ``require`` does, without a check of the application's own."""
        now, leeway = self.clock.time(), self.policy.leeway
        try:
            return requirement.check_principal(principal, now=now, leeway=leeway)
        except AuthError as error:
            return self._refused(error, principal, requirement, request, outbox)

    def judge(
        self,
        answer: object,
        principal: Principal,
        requirement: Requirement,
        request: Request,
        outbox: Outbox | None = None,
    ) -> None:
        """Report and raise unless *answer*, of an own check, is ``True``."""
        # What the check itself raises is answered and reported as what a handler
        # raises: it does not get here.
        try:
            if requirement.own is not None:
                requirement.own.judge(answer)
        except AuthError as error:
            self._refused(error, principal, requirement, request, outbox)

    def _refused(
        self,
        error: AuthError,
        principal: Principal | None,
        requirement: Requirement,
        request: Request,
        outbox: Outbox | None,
    ) -> Principal:
        """Report and raise *error*, or only report it."""
        # A role that no token can have is a mistake of the program, not of the caller.
        check_roles(error, requirement.names, self.policy)
        reports, rule = self._flow.reports, str(requirement)
        if principal and reports.instead(error, principal, request, outbox, rule):
            return principal
        access = self._flow.paths.rule(
            request.method, request.path, request.raw_path, request.root
        )
        self.report(unread(error, request, access), request, principal)
        self._reported.add(error)
        raise error
