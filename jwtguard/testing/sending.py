"""Answers of an issuer in memory, as httpx wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx

from ..core.model.effects import FetchFailedError, Incoming

Answer = Callable[[str, str, Mapping[str, str], bytes], Incoming]
"""Answers a method, a URL, header fields and a body."""


def response_to(request: httpx.Request, answer: Answer) -> httpx.Response:
    """Return the response; a ``FetchFailedError`` is a failed connection."""
    url = str(request.url)
    try:
        got = answer(request.method, url, request.headers, request.read())
    except FetchFailedError as error:
        raise httpx.ConnectError(str(error)) from error
    return httpx.Response(got.status, headers=dict(got.headers), content=got.body)
