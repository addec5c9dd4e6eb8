"""Claims of a good token, and the rules that judge them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jwtguard.core.model.principal import Principal
from jwtguard.core.model.profiles import GENERIC
from jwtguard.core.verify.claims import checked_facts
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.core.verify.token_rules import TokenRules
from jwtguard.errors import InvalidTokenError

NOW = 1_800_000_000.0
CLAIMS: dict[str, Any] = {
    "iss": "i",
    "sub": "alice",
    "aud": "api",
    "client_id": "spa",
    "scope": "a b",
    "exp": NOW + 300,
}
RULES = TokenRules(
    issuer="i",
    profile=GENERIC,
    audience=frozenset({"api"}),
    algorithms=("ES256",),
    leeway=30,
)


def checked(
    rules: TokenRules = RULES, header: str = "jwt", **changes: Any
) -> Principal:
    claims = {k: v for k, v in {**CLAIMS, **changes}.items() if v != "absent"}
    compact = Compact(Header("ES256", None, header), claims, b"{}", b"", b"")
    return Principal.of(checked_facts(rules, compact, NOW), "t")


def reason(rules: TokenRules = RULES, header: str = "jwt", **changes: Any) -> str:
    with pytest.raises(InvalidTokenError) as caught:
        checked(rules, header, **changes)
    return caught.value.reason


def with_profile(**changes: Any) -> TokenRules:
    return replace(RULES, profile=replace(GENERIC, **changes))
