"""RFC 9701: an answer that its issuer has signed for this API."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ...errors import AuthError
from ..model.effects import Ask, UnusableAnswerError
from ..verify.issuer_states import IssuerState
from ..verify.jose import Compact, parse
from ..verify.signatures import matching_keys, verifying_key
from ..verify.token_rules import audiences

TYPE = "token-introspection+jwt"


def opened(
    text: bytes, state: IssuerState, client_id: str, now: float
) -> Generator[Ask, Any, Any]:
    """Return the answer inside; raise ``UnusableAnswerError``."""
    try:
        compact = parse(text.decode("ascii").strip())
        if compact.header.alg not in state.rules.algorithms:
            raise UnusableAnswerError("signed with an algorithm that is not accepted")
        keys = yield from state.key_cache.find(
            lambda held: matching_keys(compact, held, state.rules)
        )
        verifying_key(compact, keys)
    except UnicodeDecodeError:
        raise UnusableAnswerError("the signed answer is malformed") from None
    except AuthError as error:
        raise UnusableAnswerError(f"the signed answer: {error.reason}") from None
    _check(compact, state, client_id, now)
    answer = compact.claims.get("token_introspection")
    # A second level would be an answer to somebody else, wrapped once more.
    if not isinstance(answer, dict) or "token_introspection" in answer:
        raise UnusableAnswerError("the signed answer has no token_introspection object")
    return answer


def _check(compact: Compact, state: IssuerState, client_id: str, now: float) -> None:
    """RFC 9701 section 5: type, issuer, audience and time."""
    claims = compact.claims
    problem = ""
    if compact.header.typ not in (TYPE, f"application/{TYPE}"):
        problem = f"typ is not {TYPE}"
    elif claims.get("iss") != state.rules.issuer:
        problem = "iss is another issuer"
    elif not _names(state, client_id) & set(audiences(claims) or ()):
        problem = "aud is neither introspect_client_id nor our audience"
    elif not _is_past(claims.get("iat"), now + state.rules.leeway):
        problem = "iat is missing or in the future"
    if problem:
        raise UnusableAnswerError(f"the signed answer: {problem}")


def _names(state: IssuerState, client_id: str) -> frozenset[str]:
    """Return what an issuer may call us: the client that asks, or the API."""
    audience = state.rules.audience
    return frozenset((client_id, *(() if audience == "unchecked" else audience)))


def _is_past(value: Any, latest: float) -> bool:
    # `type` and not isinstance: True is an int in Python.
    return type(value) in (int, float) and value <= latest
