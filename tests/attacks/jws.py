"""RFC 7515 section 5.2: what our verifier says of a JWS whose payload is anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jwtguard.core.model.encoding import decode_segment
from jwtguard.core.model.jwk_set import parse_given
from jwtguard.core.verify.jose import parse
from jwtguard.errors import InvalidTokenError


def verifies(keys: Mapping[str, Any], token: object) -> bool:
    """Whether one of *keys* made *token*, by the same steps as for access tokens.

    Published vectors sign texts that are no claims, so an empty set of claims stands in
    while header and signature are read; the signature is checked over what was sent.
    """
    if not isinstance(token, str) or token.count(".") != 2:
        return False
    head, body, tail = token.split(".")
    try:
        held = parse_given(keys)
        found = parse(f"{head}.e30.{tail}")
        decode_segment(body.encode())
    except (InvalidTokenError, ValueError):
        return False
    alg, kid, _ = found.header
    signed = f"{head}.{body}".encode()
    fitting = held.select(alg, kid, "one")
    return any(key.verifies(alg, signed, found.signature) for key in fitting)
