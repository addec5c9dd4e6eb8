"""How the value of a setting is written in a variable, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class ValueProblemError(ValueError):
    """What is wrong with one value, and what is expected."""


def _text(value: str) -> str:
    return value


def _names(value: str) -> tuple[str, ...]:
    if "," in value:
        raise ValueProblemError("separate values with spaces, not commas")
    return tuple(value.split())


def _flag(value: str) -> bool:
    # Neither "1" nor "yes": `require_https=no` must not be read as true, nor `False` as
    # a non-empty string.
    if value not in ("true", "false"):
        small = value.lower()
        known = small in ("true", "false")
        text = f"write {small}, in lower case" if known else "must be true or false"
        raise ValueProblemError(text)
    return value == "true"


def _number(value: str) -> int | float:
    try:
        # float() accepts 1_000 and digits of other scripts, which are mistakes here.
        number = float(value) if value.isascii() and "_" not in value else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e12:
        raise ValueProblemError("must be a non-negative number, without a unit")
    return int(number) if number.is_integer() else number


def _whole(value: str) -> int:
    number = _number(value)
    if not isinstance(number, int):
        raise ValueProblemError("must be a whole number")
    return number


def _clients(value: str) -> tuple[dict[str, Any], ...]:
    return tuple(_client(item) for item in value.split())


def _client(item: str) -> dict[str, Any]:
    name, equals, listed = item.partition("=")
    if not name or "," in name:
        raise ValueProblemError(
            f"{item!r}: expected ID or ID=ORIGIN,ORIGIN, like "
            "spa=https://www.example.com; separate clients with spaces"
        )
    if not equals:
        return {"id": name}
    origins = listed.split(",")
    if not all(origins):
        raise ValueProblemError(f"{item!r}: an origin is missing after `=` or a comma")
    return {"id": name, "origins": tuple(origins)}


def _scopes(value: str) -> tuple[dict[str, Any], ...]:
    return tuple(_scope(item) for item in value.split())


def _scope(item: str) -> dict[str, Any]:
    where, equals, needed = item.partition("=")
    method, colon, path = ("", "", where)
    if not where.startswith("/"):
        method, colon, path = where.partition(":")
    if colon and method.isalpha() and not method.isupper():
        right = f"{method.upper()}:{path}"
        raise ValueProblemError(
            f"{item!r}: methods are in upper case; write {right}={needed}"
        )
    if not equals or "," in where or (colon and not method.isupper()):
        raise ValueProblemError(
            f"{item!r}: expected PATH=SCOPE,SCOPE or METHOD:PATH=SCOPE, like "
            "GET:/notes/*=notes:read; separate rules with spaces"
        )
    require = tuple(needed.split(",")) if needed else ()
    if not all(require):
        raise ValueProblemError(f"{item!r}: a scope is missing next to a comma")
    if not colon:
        return {"path": where, "require": require}
    return {"path": path, "methods": (method,), "require": require}


KINDS: Mapping[str, tuple[Callable[[str], Any], type | tuple[type, ...]]] = {
    "text": (_text, str),
    "names": (_names, list),
    "flag": (_flag, bool),
    "seconds": (_number, (int, float)),
    "count": (_whole, int),
    "bytes": (_whole, int),
    "clients": (_clients, list),
    "scope rules": (_scopes, list),
}
"""How a value of each kind is read from a variable, and its type in TOML."""
