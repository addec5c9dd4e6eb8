"""How answers leave: a refusal, and our header fields on the application's answer.

RFC 6750 section 3 says which fields a refusal has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from ...errors import AuthError, Challenge, InvalidOriginError
from ..authorize import clients
from ..extract.credentials import BEARER, DPOP, scheme_of
from ..extract.fetch_metadata import origin_of
from ..extract.paths import Kind, PathAccess, PathRules
from ..model.decision import Decision, Outbox, Proceed, Respond, decoration
from ..model.facts import Facts
from ..model.policy import Policy
from ..model.request import Fields, Request
from ..verify.keys import Emit
from . import cors
from .challenges import Challenges
from .debugging import Debugging
from .decorating import decorated, with_outbox
from .login_page import redirected
from .metadata import Metadata
from .refused import answered, with_fields
from .wording import Render, Wording

_NO_STORE = ("Cache-Control", "no-store")


class Responses:
    """Answers preflights and words refusals by one policy, and reports them."""

    def __init__(
        self,
        policy: Policy,
        clients: clients.Clients,
        emit: Emit,
        paths: PathRules,
        render: Render | None = None,
    ) -> None:
        self._clients = clients
        self._realm = policy.realm
        self._challenges = Challenges(policy)
        self._login_url = policy.login_url
        self._emit = emit
        self.wording = Wording(emit, render)
        self._debugging = Debugging(policy, paths) if policy.debug else None
        self.metadata = Metadata(policy)

    def preflight(self, request: Request, rule: PathAccess | None) -> Decision | None:
        """Answer a preflight, or return None if *request* is another kind of request.

        On a public path the application answers first. No rule: a token endpoint.
        """
        if not cors.is_preflight(request):
            return None
        if rule is not None and rule.kind is Kind.LOGOUT:
            return None  # no page is let in there
        if rule is not None and rule.kind is Kind.METADATA:
            return self.metadata.preflight(request)
        # A preflight brings no token, so which client asks is not known: the answer
        # serves every client that lists the origin.
        origin = origin_of(request)
        answer = self._clients.preflight(origin or "")
        # A public API may grant origins of its own, to pages that this policy has never
        # heard of.
        if rule is not None and rule.kind is Kind.PUBLIC:
            return Proceed(None, decoration(replace=False), fallback=answer)
        if answer.reason:
            self.report(InvalidOriginError(answer.reason), request, origin)
        elif any(missing := cors.ungranted(request, answer)):
            method, headers = missing
            self._emit(
                "preflight_limited", origin=origin, method=method, headers=headers
            )
        return answer

    def refuse(
        self,
        error: AuthError,
        request: Request,
        facts: Facts | None = None,
        cors_fields: Fields | None = None,
        *,
        origin: str | None,
    ) -> Respond:
        """Word the refusal and report it.

        *facts* are those of the verified token, if there is one; *cors_fields* are
        those of the answer, if a rule has settled them; *origin* is the one sent.
        """
        self.report(error, request, origin, facts)
        return self.answer(error, request, facts, cors_fields, origin=origin)

    def answer(
        self,
        error: AuthError,
        request: Request,
        facts: Facts | None = None,
        cors_fields: Fields | None = None,
        *,
        origin: str | None,
    ) -> Respond:
        """Word the refusal, which was reported already."""
        if cors_fields is None:
            cors_fields = self._cors(error, origin, facts)
        if self._login_url is not None:
            error = redirected(error, request, self._login_url)
        answer = self.wording.worded(error, request)
        ours = (*self.fields(error, request), *cors_fields, clients.VARY)
        return answer._replace(headers=(*answer.headers, *ours))

    def handled(
        self,
        refused: Sequence[AuthError],
        status: int,
        given: Iterable[tuple[str, str]],
        *,
        by_proof: bool,
    ) -> Fields:
        """Return the fields *given* of the application's answer to a refusal.

        Those of the refusal are among them, if it has this *status*. *by_proof*: the
        token came with a DPoP proof.
        """
        error = answered(refused, status)
        if error is None:
            return tuple(given)
        scheme = DPOP if by_proof else BEARER
        return with_fields(given, self._fields(error, error.challenges, scheme))

    def answer_to(self, error: AuthError, request: Request) -> AuthError:
        """Return what is answered to *error*: itself, or a redirect to the login page.

        The log is told of *error*, as nothing was let in.
        """
        return redirected(error, request, self._login_url)

    def fields(self, error: AuthError, request: Request | None = None) -> Fields:
        """Return the fields of any refusal: challenge, Retry-After, Allow; no-store."""
        challenges = error.challenges
        if request is None or not challenges:
            return self._fields(error, challenges, BEARER)
        return self._fields(error, challenges, scheme_of(request), request.path)

    def _fields(
        self,
        error: AuthError,
        given: tuple[Challenge, ...],
        scheme: str,
        path: str | None = None,
    ) -> Fields:
        challenges = self._challenges.of(error, given, scheme) if given else ()
        if challenges and self.metadata:
            challenges = self.metadata.challenges(challenges, error.status, path)
        challenged = challenge_fields(challenges, self._realm)
        fields = error.fields
        return (*challenged, *fields) if fields else challenged

    def scope_of(self, rule: PathAccess) -> str | None:
        """Return the scopes to ask for before a request to a path (RFC 6750 3)."""
        return " ".join(rule.scopes) if rule.scopes and self.metadata else None

    def _cors(
        self, error: AuthError, origin: str | None, facts: Facts | None
    ) -> Fields:
        """Before the client is known, all who list the origin; then it alone."""
        # The page that was refused is not told why: it could find out who is signed in
        # where.
        if isinstance(error, InvalidOriginError):
            return ()
        if facts is None or origin is None:
            return self._clients.union(origin)
        common = facts.common
        claimed = origin in common.origins
        return (
            self._clients.cors_fields(
                common.issuer, common.client_id, origin, claimed=claimed
            )
            or ()
        )

    def report(
        self,
        error: AuthError,
        request: Request,
        origin: str | None,
        facts: Facts | None = None,
    ) -> None:
        """Tell the log and the hook of a refusal."""
        debug = self._debugging and self._debugging.fields(error, request, facts)
        self._emit(
            "refused",
            reason=error.reason,
            status=error.status,
            method=request.method,
            origin=origin,
            client_id=facts.common.client_id if facts else None,
            detail=error.detail,
            **({"debug": debug} if debug else {}),
        )


@lru_cache(maxsize=256)
def challenge_fields(challenges: tuple[Challenge, ...], realm: str) -> Fields:
    """Return a field for each challenge; several in one are often misread."""
    return (
        _NO_STORE,
        *(("WWW-Authenticate", _worded(one, realm)) for one in challenges),
    )


def _worded(challenge: Challenge, realm: str) -> str:
    params = (("realm", realm), *challenge.params)
    quoted = ", ".join(f'{name}="{value}"' for name, value in params)
    return f"{challenge.scheme} {quoted}"


class Finished(NamedTuple):
    """The head of the answer as it is sent, and the body if that is replaced."""

    status: int
    headers: Fields
    body: bytes | None = None
    """None: the application's own body."""


def finish(
    decision: Proceed, status: int, headers: Iterable[tuple[str, str]]
) -> Finished:
    """Return the application's answer with our header fields, or what replaces it."""
    given = tuple(headers)
    fallback = decision.fallback
    # The application has answered the preflight itself if it grants an origin; any
    # other answer is its 404 or 405.
    if fallback is not None and not cors.grants(name for name, _ in given):
        return Finished(fallback.status, fallback.headers, fallback.body)
    headers = tuple(decorated(given, decision.decoration)[0])
    if decision.outbox is not None:
        headers = with_outbox(headers, decision.outbox)
    return Finished(status, headers)


def answered_with(decision: Decision, outbox: Outbox) -> Decision:
    """Return *decision* with what is in *outbox*, now or when the answer starts."""
    if isinstance(decision, Proceed):
        outbox.report(*(decision.outbox or outbox).reported)
        return decision._replace(outbox=outbox)
    return told(decision, outbox)


def told(answer: Respond, outbox: Outbox) -> Respond:
    """Return *answer*, which no cache keeps, with the cookies that leave now."""
    fields = tuple(("Set-Cookie", value) for value in outbox.fields())
    return answer._replace(headers=(*answer.headers, *fields))


def as_mapping(fields: Fields) -> dict[str, str]:
    """Return *fields* for a framework that takes each name once, values joined."""
    found: dict[str, str] = {}
    for name, value in fields:
        # RFC 9110 section 5.3 allows it for all fields that a refusal has; two
        # challenges in one field are legal, if rarely understood.
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
