"""The cookie of a session, in one part or two (RFC 6265bis sections 4.1 and 5.4).

Browsers keep a cookie of 4,096 bytes with its attributes, and common servers refuse a
``Cookie`` field of 8,190 bytes, so a session has at most two parts.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import NamedTuple

from ..extract.forwarded import is_loopback
from ..extract.wire import Wire
from ..model.encoding import decode_segment
from ..model.policy import Policy
from ..model.request import Request

PART = 3800
"""Longest value of one cookie, in characters."""
PARTS = 2
LONGEST = PART * PARTS
LOOPBACK_NAME = "jwtguard_session"
"""Browsers refuse ``__Host-`` cookies over http, even on loopback."""
PREFIXES = ("__host-", "__secure-", "__http-")
"""Prefixes that require ``Secure`` (RFC 6265bis section 4.1.3)."""
_MOST = 3
"""Most cookies of one name that are read; browsers send one."""


class TooLongError(ValueError):
    """A session does not fit into cookies."""


class Shown(NamedTuple):
    """The session cookies of a request."""

    name: str
    secure: bool
    """Whether the browser uses https."""
    texts: tuple[str, ...]
    """The values that may be the sealed session."""
    names: frozenset[str]
    """The names of the cookies that were sent."""
    too_long: bool
    """Whether one is longer than any that the guard sets."""

    def __repr__(self) -> str:
        """Show the names without the values."""
        return f"Shown({sorted(self.names)})"


class SessionCookies:
    """Reads and writes the session cookie of one policy."""

    def __init__(self, policy: Policy) -> None:
        self._name = policy.session_cookie
        self._proxies = tuple(policy.proxies)
        plain = not self._name.lower().startswith(PREFIXES)
        self._on_loopback = self._name if plain else LOOPBACK_NAME
        self._samesite = policy.session_samesite.capitalize()
        self._https_outside = bool(policy.public_url) and all(
            url.startswith("https://") for url in policy.public_url
        )

    def name_for(self, request: Request, wire: Wire) -> tuple[str, bool] | None:
        """Return the cookie's name, and whether it is ``Secure``.

        Return None if the cookie would be sent over plain HTTP.
        """
        if wire.scheme == "https" or self._https_outside:
            return self._name, True
        return (self._on_loopback, False) if is_loopback(request) else None

    def find(self, request: Request, wire: Wire) -> Shown | None:
        """Return the session's cookies in *request*, or None."""
        fields = request.headers.get("cookie")
        named = self.name_for(request, wire) if fields else None
        if named is None or not fields:
            return None
        name, secure = named
        found = _values(fields, _names(name))
        present = frozenset(one for one, values in found.items() if values)
        if not present:
            return None
        too_long = any(len(v) > PART for values in found.values() for v in values)
        whole, first, second = (list(values)[:_MOST] for values in found.values())
        texts = *whole, *(one + other for one in first for other in second or [""])
        short = tuple(text for text in texts if len(text) <= LONGEST)
        return Shown(name, secure, short, present, too_long)

    def written(
        self, shown: tuple[str, bool], text: str, left: float, there: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Return the ``Set-Cookie`` values that make a browser keep *text*.

        *shown* is the result of ``name_for``, *left* is in seconds, and *there* names
        the cookies that the browser has. Parts that are no longer used are deleted.
        Raises ``TooLongError``.
        """
        name, secure = shown
        if len(text) > LONGEST:
            raise TooLongError
        whole, *parts = _names(name)
        made = {whole: text}
        if len(text) > PART:
            made = {p: text[i * PART :][:PART] for i, p in enumerate(parts)}
        others = [one for one in (whole, *parts) if one in set(there) - set(made)]
        kept = [self._field(n, v, secure, max(0, int(left))) for n, v in made.items()]
        return *kept, *(self._field(one, "", secure, 0) for one in others)

    def cleared(self, shown: tuple[str, bool]) -> tuple[str, ...]:
        """Return the ``Set-Cookie`` values that make a browser forget every part."""
        name, secure = shown
        return tuple(self._field(one, "", secure, 0) for one in _names(name))

    def _field(self, name: str, value: str, secure: bool, age: int) -> str:
        attributes = f"Path=/; Max-Age={age}; HttpOnly; SameSite={self._samesite}"
        return f"{name}={value}; {attributes}{'; Secure' if secure else ''}"


def _values(fields: Iterable[str], names: Iterable[str]) -> dict[str, dict[str, None]]:
    """Return the different values of the cookies called *names*, in their order."""
    found: dict[str, dict[str, None]] = {one: {} for one in names}
    for part in "; ".join(fields).split(";"):
        key, _, value = part.partition("=")
        values, value = found.get(key.strip(" \t")), value.strip(" \t")
        if values is not None and value:
            values[value] = None
    return found


def _names(name: str) -> tuple[str, str, str]:
    return name, f"{name}.0", f"{name}.1"


def text_of(sealed: bytes) -> str:
    """Return *sealed* as a cookie's value: base64url."""
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def sealed_in(text: str) -> bytes:
    """Return what a cookie's value holds; raise ``ValueError``."""
    return decode_segment(text.encode("utf-8", "replace"))
