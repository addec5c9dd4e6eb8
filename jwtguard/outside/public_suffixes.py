"""The list of public suffixes: domains below which anybody may register a name."""

from __future__ import annotations

import importlib
from typing import Any

from ..core.model.origin_patterns import suffix_of
from ..core.model.policy import Policy
from ..errors import ConfigurationError


def check_origin_patterns(policy: Policy) -> None:
    """Raise ``ConfigurationError`` for patterns of origins that strangers can have.

    The list comes with its library, and nothing is fetched.
    """
    named = [
        (client.id, pattern)
        for client in policy.clients
        for pattern in client.origin_patterns
    ]
    if not named:
        return
    suffixes = _list_of_suffixes()
    problems = [
        f"client {client_id}: origin_patterns: {pattern!r}: anybody can register a "
        f"name below {suffix_of(pattern)}; put previews below your own domain"
        for client_id, pattern in named
        if suffixes.privatesuffix(suffix_of(pattern)) is None
    ]
    if problems:
        raise ConfigurationError(*problems)


def _list_of_suffixes() -> Any:
    try:
        library = importlib.import_module("publicsuffixlist")
    except ModuleNotFoundError:
        raise ConfigurationError(
            "clients: origin_patterns need the list of public suffixes: pip install "
            "'jwtguard-middleware[previews]'"
        ) from None
    return library.PublicSuffixList()
