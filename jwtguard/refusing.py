"""The calls that answer and report what is refused behind the guard."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable, Sequence

from .core.extract.credentials import is_bearer
from .core.extract.fetch_metadata import origin_of
from .core.extract.paths import Kind, PathAccess
from .core.model.decision import Proceed, Respond
from .core.model.principal import Principal
from .core.model.request import Fields, Request
from .core.respond.refused import original
from .core.respond.responses import told
from .errors import AuthError, MissingTokenError
from .sessions import SessionKeeper


class Refuser(SessionKeeper):
    """What a guard answers when the application, or a decorator in it, refuses."""

    _reported: weakref.WeakSet[AuthError]
    """What ``require`` has reported and raised: it may come back to be answered."""

    def refuse(
        self,
        error: AuthError,
        request: Request,
        decision: Proceed | None = None,
        reported: Sequence[AuthError] = (),
    ) -> Respond:
        """Return the answer to *error*, and report it.

        *decision* is the one that let the request through, if the application raised;
        an error that is among *reported*, or was raised by ``require``, is not reported
        once more.
        """
        responses, origin = self._flow.responses, origin_of(request)
        error = original(error)
        known = error in self._reported
        self._reported.discard(error)
        if decision is None:
            if known:
                return responses.answer(error, request, origin=origin)
            return responses.refuse(error, request, origin=origin)
        if decision.fallback is not None:
            return decision.fallback
        if not known and error not in reported:
            self.report(error, request, decision.principal)
        facts = decision.principal.facts if decision.principal else None
        cors = decision.decoration.cors
        answer = responses.answer(error, request, facts, cors, origin=origin)
        return answer if decision.outbox is None else told(answer, decision.outbox)

    def report(
        self, error: AuthError, request: Request, principal: Principal | None
    ) -> None:
        """Tell the log and the hook that *request* of *principal* is refused."""
        facts = principal.facts if principal else None
        self._flow.responses.report(error, request, origin_of(request), facts)

    def answer_to(self, error: AuthError, request: Request) -> AuthError:
        """Return what a framework's own answer has to say: *error*, as a rule.

        A visitor's navigation gets a ``LoginRedirectError`` in place of a 401, if
        ``JWTGUARD_LOGIN_URL`` names the login page.
        """
        return self._flow.responses.answer_to(error, request)

    def refusal_body(self, error: AuthError, request: Request) -> Respond:
        """Return the answer to *error* without the fields of ``refusal_fields``.

        For a framework that adds those, or lets ``handled`` add them.
        """
        return self._flow.responses.wording.worded(error, request)

    def refusal_fields(
        self, error: AuthError, request: Request | None = None
    ) -> Fields:
        """Return the header fields that go with *error* in a framework's own answer."""
        return self._flow.responses.fields(error, request)

    def handled(
        self,
        refused: Sequence[AuthError],
        status: int,
        given: Iterable[tuple[str, str]],
        principal: Principal | None = None,
    ) -> Fields:
        """Return the fields *given* of the application's answer after it *refused*.

        If the answer has the status of a refusal, it gets the fields of that refusal.
        They challenge *principal* in the scheme that its token came in.
        """
        by_proof = principal is not None and principal.bound == "dpop"
        return self._flow.responses.handled(refused, status, given, by_proof=by_proof)


_PUBLIC = (
    "the path is public, so its token is not read: take it out of "
    "JWTGUARD_PUBLIC_PATHS, or list it in JWTGUARD_OPTIONAL_PATHS"
)


def unread(error: AuthError, request: Request, access: PathAccess) -> AuthError:
    """Say for the log that a token was sent where none is read."""
    public = access.kind is Kind.PUBLIC and isinstance(error, MissingTokenError)
    if public and is_bearer(request):
        return MissingTokenError(error.reason, detail=_PUBLIC)
    return error


def check_render(render: object) -> None:
    """Raise ``TypeError`` if *render* cannot word a refusal at once."""
    if render is None:
        return
    call = getattr(type(render), "__call__", None)  # noqa: B004  # its kind, not whether
    if inspect.iscoroutinefunction(render) or inspect.iscoroutinefunction(call):
        raise TypeError("render must be a plain function, and this one is async")
    if not callable(render):
        raise TypeError(f"render must be a function, not {render!r}")
