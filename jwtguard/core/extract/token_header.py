"""A token in a header field of its own, which a trusted proxy sets.

A client could set the field, too, so it counts only from proxies that are trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import InvalidRequestError, TokenTooLargeError
from ..model.decision import Decision
from ..model.policy import Policy
from ..model.request import Request
from . import credentials
from .credentials import Credentials, is_token68
from .forwarded import is_trusted

_SCHEME_SPACE = 64
"""Room for the scheme and blanks before the token, in characters."""
Find = Callable[[Request], Credentials | None]
Decide = Callable[[Request], Decision | None]


def field_of(policy: Policy) -> str:
    """Return the lower-case name of the field; empty if the policy has none."""
    return policy.proxy_fields.token if policy.proxy_fields else ""


def finder(policy: Policy, *, dpop: bool | None = None) -> Find:
    """Return what finds the one token of a request by *policy*.

    *dpop*: whether the scheme ``DPoP`` counts; None: if the policy says so.
    """
    name, cookie, longest = field_of(policy), policy.cookie, policy.max_token_bytes
    by_proof = policy.dpop != "off" if dpop is None else dpop
    proxies = policy.proxies

    def find(request: Request) -> Credentials | None:
        return credentials.find(request, cookie, longest, dpop=by_proof)

    def find_beside(request: Request) -> Credentials | None:
        if not is_sent(request, name) or not is_trusted(request.peer, proxies):
            return find(request)
        # Of two tokens, the application could read the other one. A cookie is sent by
        # itself, and the field on purpose.
        found = credentials.find(request, None, longest, dpop=by_proof)
        if found is not None or "authorization" in request.headers:
            raise InvalidRequestError("token_repeated")
        return Credentials(_token(request.headers[name], longest), "header")

    return find_beside if name else find


def beside(policy: Policy, decide: Decide) -> Decide:
    """Return *decide*, which leaves requests with the field to the full flow."""
    name = field_of(policy)
    if not name:
        return decide

    def decide_beside(request: Request) -> Decision | None:
        return None if name in request.headers else decide(request)

    return decide_beside


def is_sent(request: Request, name: str) -> bool:
    """Whether the field *name* holds anything: many proxies send it empty."""
    return any(value.strip(" \t") for value in request.headers.get(name, ()))


def _token(values: Sequence[str], longest: int) -> str:
    """Read ``Bearer x``, or the token alone."""
    if len(values) > 1:
        raise InvalidRequestError("token_repeated")
    value = values[0].strip(" \t")
    # Before anything else runs over it.
    if len(value) > longest + _SCHEME_SPACE:
        raise TokenTooLargeError("header_too_long")
    if value[:7].lower() == "bearer ":
        value = value[7:].lstrip(" ")
    if not is_token68(value):
        raise InvalidRequestError("token_header_malformed")
    return value
