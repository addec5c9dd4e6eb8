"""RFC 9110 section 9.1: which methods a path rule applies to."""

from __future__ import annotations

import re

from .validation import Problems, Where

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+")


def check_methods(
    methods: tuple[object, ...], where: Where, problems: Problems
) -> None:
    """Methods have case, so a rule for ``get`` would apply to nothing."""
    for method in methods:
        good = isinstance(method, str) and _METHOD.fullmatch(method)
        text = f"{method!r} is not a valid method; expected one like GET"
        problems.check(good, (*where, "methods"), text)


def takes(methods: tuple[str, ...], method: str) -> bool:
    """Whether a rule for *methods* applies to *method*; no methods: it always does.

    GET stands for HEAD too; a WebSocket handshake is a GET. Frameworks route ``post``
    to what they have for ``POST``, so another case must not escape the rule.
    """
    wanted = method.upper()
    return not methods or wanted in methods or (wanted == "HEAD" and "GET" in methods)
