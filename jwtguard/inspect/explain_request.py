"""What the guard does with one request, step by step: path, preflight, decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..core.extract.paths import Kind
from ..core.model.decision import Proceed, Respond
from ..core.model.facts import Facts
from ..core.model.origins import is_loopback_host, is_plain
from ..core.model.principal import Principal
from ..core.model.request import Request
from ..core.respond.near_misses import of_cookie_page, of_origin
from ..core.token_answers import changes
from ..core.verify.claim_login import acr_of, authenticated_at
from ..core.verify.jose import parse
from ..core.verify.token_kind import CERTIFICATE
from ..errors import AuthError
from ..guard import Guard
from . import hints
from .demands import words_of
from .explain_certificate import with_certificate
from .explain_login import login_checks
from .explain_metadata import metadata_checks
from .shown import Check, failed

_KINDS = {
    Kind.TOKEN: "a token path: the form is checked, no access token is read",
    Kind.REVOCATION: "a revocation path: the form is checked, no access token is read",
    Kind.LOGOUT: "a logout path: logout tokens of issuers, no access token is read",
    Kind.SESSION: "a session path: the guard answers, no access token is read",
    Kind.METADATA: "a metadata path: open to all, no token is read",
    Kind.PROTECTED: "a token is needed",
    Kind.OPTIONAL: "a token is read if one is sent",
    Kind.PUBLIC: "public: no token is read",
}


def request_of(
    guard: Guard, token: str, *, method: str, path: str, origin: str, cookie: bool,
    certificate: bytes | None = None, proof: str | None = None,
) -> Request:  # fmt: skip
    """Return the request that a caller would send, with *token* where it belongs.

    *proof* is a DPoP proof that goes with it.
    """
    # Where there are both, https is what callers use.
    urls = sorted(guard.policy.public_origins, key=lambda url: (is_plain(url), url))
    url = next(iter(urls), "https://api.invalid")
    scheme, _, host = url.partition("://")
    headers = {"host": (host,)}
    if cookie:
        headers["cookie"] = (f"{guard.policy.cookie}={token}",)
    elif proof is not None:
        headers |= {"authorization": (f"DPoP {token}",), "dpop": (proof,)}
    else:
        headers["authorization"] = (f"Bearer {token}",)
    if origin:
        headers["origin"] = (origin,)
    peer = peer_at(scheme, host)
    sent = Request(method=method, path=path, headers=headers, scheme=scheme, peer=peer)
    return sent if certificate is None else with_certificate(guard, sent, certificate)


def peer_at(scheme: str, host: str) -> str:
    """Return the address of who asks for a URL: plain http on loopback stays here."""
    return "127.0.0.1" if scheme == "http" and is_loopback_host(host) else ""


def try_request(
    guard: Guard,
    request: Request,
    token: str,
    *,
    app: bool = False,
    session: bool = False,
) -> Iterator[Check]:
    """Yield what is decided about *request*, which brings *token*.

    CORS and scopes by path are included. *app* says that the decorators of the
    application are looked at elsewhere, *session* that a session cookie has the token.
    """
    access = guard.path_access(request)
    kind, needed = access.kind, access.scopes
    if kind is None:
        hint = hints.hint_of("path_ambiguous")
        yield failed("path", "path_ambiguous", "a plain path", request.path, hint)
        return
    found = _KINDS[kind]
    if kind is Kind.PROTECTED and (words := words_of(access)):
        found = f"a token with {words} is needed"
    elif kind is Kind.PROTECTED and guard.policy.scopes and needed is None:
        found = "no rule names this path and method, so every request is refused"
    yield Check(name="path", passed=True, found=f"{request.path}: {found}")
    if kind in (Kind.TOKEN, Kind.REVOCATION, Kind.LOGOUT, Kind.SESSION):
        return  # without its form there is nothing to check
    yield from metadata_checks(guard, request, kind)
    if kind is Kind.METADATA:
        return  # whatever is asked for there, and by whom
    if request.header("origin"):
        yield _preflight(guard, request)
    if session and kind is not Kind.PUBLIC:
        yield _session_page(guard, request)
    decided = _decided(guard, request, token)
    if needed and decided.reason not in ("", "scope_missing"):
        yield from _missing_scopes(guard, needed, token)
    yield from login_checks(guard, access, token)
    yield decided if app or not decided.passed else _beside_the_app(decided)


def _session_page(guard: Guard, request: Request) -> Check:
    """Say whether a session cookie is accepted from the page of *request*.

    The request itself is tried with the session's token: a cookie might be refreshed,
    and the browser would lose its session.
    """
    page = guard.page_of(request)
    sent = f"sent from {page.origin}" if page.origin else "sent without Origin"
    found = f"{sent}; the request is tried with the access token of the session"
    try:
        guard._flow.origin_rules.check_cookie(request, page)  # noqa: SLF001  # as it does
    except AuthError as error:
        if error.report_only in guard.policy.report_only and not changes(request):
            found = f"{sent}: {only_reported(error.reason)}"
            return Check(name="cookie", passed=True, found=found)
        hint = _hint_of_page(error.reason, page.origin or "", guard)
        expected = "an Origin of this site"
        return failed("cookie", error.reason, expected, sent, hint)
    return Check(name="cookie", passed=True, found=found)


def _hint_of_page(reason: str, origin: str, guard: Guard) -> str:
    if reason == "origin_missing":
        return "a browser would send Origin: add --origin"
    if reason == "foreign_origin":
        return of_cookie_page(origin, guard.policy.clients)
    return hints.hint_of(reason)


def _missing_scopes(guard: Guard, needed: Sequence[str], token: str) -> Iterator[Check]:
    """Say which scopes are missing where the request is refused for something else."""
    claimed = claimed_by(guard, token)
    if claimed is not None and not claimed.scopes.issuperset(needed):
        found, hint = grants_of(claimed), hints.hint_of("scope_missing")
        expected = f"scope {' and '.join(needed)}"
        yield failed("scopes", "scope_missing", expected, found, hint)


def _beside_the_app(decided: Check) -> Check:
    hint = "decorators and other checks in the application were not looked at: --app"
    return replace(decided, hint=hint)


def claimed_by(guard: Guard, token: str) -> Principal | None:
    """Return the principal that *token* claims, unverified; None if it cannot be read.

    Only for showing every problem at once; it never lets a request through.
    """
    try:
        compact = parse(token)
        rules = guard.issuer_of(compact).rules
    except AuthError:
        return None
    cnf = compact.claims.get("cnf")
    methods = cnf if isinstance(cnf, dict) else {}
    facts = Facts(
        subject="",
        issuer=rules.issuer,
        scopes=rules.scopes(compact.claims),
        roles=rules.roles(compact.claims),
        jkt=methods.get("jkt"),
        x5t=methods.get(CERTIFICATE),
        acr=acr_of(compact.claims),
        authenticated_at=authenticated_at(compact.claims),
    )
    return Principal.of(facts, "")


def grants_of(principal: Principal) -> str:
    """Say which scopes and roles *principal* has."""
    scopes = " ".join(sorted(principal.scopes)) or "none"
    return f"scopes {scopes}; roles {' '.join(sorted(principal.roles)) or 'none'}"


def _preflight(guard: Guard, request: Request) -> Check:
    """What a browser asks first, from a page of another origin."""
    origin = request.header("origin") or ""
    asking = {
        "host": request.headers["host"],
        "origin": (origin,),
        "access-control-request-method": (request.method,),
    }
    asked = request._replace(method="OPTIONS", headers=asking)
    decision = guard.decide(asked, lambda _: b"")
    answer = decision if isinstance(decision, Respond) else decision.fallback
    if guard.page_of(request).own:
        found = "not asked: the page is of this server's own origin"
        return Check(name="preflight", passed=True, found=found)
    fields = {name.lower(): value for name, value in answer.headers} if answer else {}
    methods = fields.get("access-control-allow-methods", "")
    expected = f"{origin} with {request.method}"
    if answer is None or answer.reason or "access-control-allow-origin" not in fields:
        hint = of_origin(origin, None, guard.policy.clients)
        return failed("preflight", "preflight_refused", expected, "no", hint)
    if request.method not in methods.replace(",", " ").split():
        hint = "`methods` of the client says which; in TOML"
        reason = "method_not_allowed_for_client"
        return failed("preflight", reason, expected, methods, hint)
    return Check(name="preflight", passed=True, expected=expected, found=methods)


def _decided(guard: Guard, request: Request, token: str) -> Check:
    decision = guard.decide(request, lambda _: b"")
    asked = f"{request.method} {request.path}"
    origin = request.header("origin")
    if origin:
        asked += f" from {origin}"
    if isinstance(decision, Proceed):
        who = decision.principal
        found = f"passes the guard as {who.subject if who else 'nobody'}"
        if decision.reported:
            found += f"; {only_reported(*decision.reported)}"
        return Check(name="request", passed=True, expected=asked, found=found)
    hint = hints.hint_of(decision.reason)
    if decision.reason == "foreign_origin" and origin:
        hint = _of_page(guard, request, origin, token)
    if decision.reason == "origin_missing":
        hint = "a browser would send Origin: add --origin"
    answer = f"answered {decision.status}"
    return failed("request", decision.reason, asked, answer, hint)


def _of_page(guard: Guard, request: Request, origin: str, token: str) -> str:
    clients = guard.policy.clients
    if "cookie" in request.headers:
        return of_cookie_page(origin, clients)
    return of_origin(origin, _client(guard, token), clients)


def only_reported(*reasons: str) -> str:
    """Say that a refusal for *reasons* is only reported."""
    return f"would be refused ({', '.join(reasons)}): JWTGUARD_REPORT_ONLY"


def _client(guard: Guard, token: str) -> str | None:
    try:
        return guard.verify(token).client_id
    except AuthError:
        return None
