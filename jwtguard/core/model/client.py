"""RFC 6749 section 2: a client, and the origins that its pages are served from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .origin_patterns import fits, origin_pattern_problem
from .origins import serialized
from .url_values import origin_problem
from .validation import (
    NOT_EMPTY,
    TOKEN,
    Problems,
    check_number,
    header_names,
    json_problem,
    set_frozen,
    strings,
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A browser application or batch job, and the origins it is served from.

    ``origins``, ``methods`` and ``headers`` may be given as one string or any iterable
    of strings. ``max_age`` is in seconds. Raises ``ConfigurationError`` with every
    problem.
    """

    id: str
    """The client id, as in the token's client claim."""
    issuer: str | None = None
    """The URL of its issuer; None: the first of the policy's."""
    origins: frozenset[str] = frozenset()
    """Origins whose pages may call, as browsers send them (RFC 6454 section 6.2)."""
    refresh: bool = False
    """Whether it may use the refresh grant on a token path (RFC 6749 section 6)."""
    dpop: bool = False
    """Whether its tokens must be bound to a key (RFC 9449)."""
    methods: tuple[str, ...] = METHODS
    """Methods that its pages may use."""
    headers: tuple[str, ...] = ()
    """Request headers that its pages may send, beside ``Authorization``,
    ``Content-Type`` and ``DPoP``."""
    credentials: bool = False
    """Whether to send ``Access-Control-Allow-Credentials``."""
    max_age: int = 600
    """How long browsers may cache a preflight, in seconds."""
    expose: tuple[str, ...] = ()
    """Response headers that its pages may read, in addition to those of the guard."""
    origin_patterns: tuple[str, ...] = ()
    """Origins of previews, with one ``*`` inside one label of the host. Such pages
    cannot use credentials or refresh tokens."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            id: str,  # noqa: A002
            issuer: str | None = None,
            origins: Iterable[str] = frozenset(),
            refresh: bool = False,
            dpop: bool = False,
            methods: Iterable[str] = METHODS,
            headers: Iterable[str] = (),
            credentials: bool = False,
            max_age: int = 600,
            expose: Iterable[str] = (),
            origin_patterns: Iterable[str] = (),
        ) -> None: ...

    def serves(self, origin: str | None) -> bool:
        """Whether its pages may be at *origin*, by its list or by a pattern."""
        if origin is None or origin in self.origins:
            return origin is not None
        return bool(self.origin_patterns) and fits(self.origin_patterns, origin)

    def __post_init__(self) -> None:
        problems = Problems()
        known = isinstance(self.id, str) and self.id
        where = ("clients", self.id if known else "")
        problems.check(known, (*where, "id"), NOT_EMPTY)
        if known and (problem := json_problem(self.id)):
            problems.add(where, problem)
        text = "'*': client ids are compared exactly; list each client"
        problems.check(self.id != "*", (*where, "id"), text)
        problems.check_text((*where, "issuer"), self.issuer)
        origins = strings(self.origins, (*where, "origins"), problems)
        for origin in origins:
            if serialized(origin) != origin:
                problems.add((*where, "origins"), origin_problem(origin))
        methods = strings(self.methods, (*where, "methods"), problems)
        for method in methods:
            # Methods have case (RFC 9110 section 9.1), and browsers normalize only the
            # classic ones.
            good = TOKEN.fullmatch(method) is not None and method == method.upper()
            text = f"{method!r} is not a valid method; expected one like GET"
            problems.check(good, (*where, "methods"), text)
        patterns = strings(self.origin_patterns, (*where, "origin_patterns"), problems)
        for pattern in patterns:
            if problem := origin_pattern_problem(pattern):
                problems.add((*where, "origin_patterns"), problem)
        headers = header_names(self.headers, (*where, "headers"), problems)
        expose = header_names(self.expose, (*where, "expose"), problems)
        for name in ("refresh", "dpop", "credentials"):
            problems.check_flag((*where, name), getattr(self, name))
        check_number(problems, (*where, "max_age"), self.max_age, 0, whole=True)
        problems.raise_if_any()
        heads = ("HEAD",) if "GET" in methods else ()
        set_frozen(
            self,
            origins=frozenset(origins),
            methods=tuple(dict.fromkeys(methods + heads)),
            headers=headers,
            expose=expose,
            origin_patterns=patterns,
        )
