"""The form parsers that may stand behind a token path read what the guard has read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import anyio
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from werkzeug.formparser import FormDataParser

from jwtguard.core.authorize.forms import parse_form
from jwtguard.errors import GrantError

MIME = "application/x-www-form-urlencoded"
NAMES = st.sampled_from(
    [
        b"grant_type", b"client_id", b"refresh_token", b"%67rant_type", b"grant%5Ftype",
        b"a", b"a:b", b"a-b", b"0", b"resource", b"_method", b"grant_type[]", b"a.b",
        b"", b"\xef\xbb\xbfgrant_type", b"grant_type%00", b"+a", b"_charset_",
    ]
)  # fmt: skip
VALUES = st.lists(
    st.sampled_from(
        [
            b"refresh_token", b"password", b"spa", b"=", b"%5F", b"%", b"+", b"%25",
            b"%2526", b"%00", b"%0A", b"\r\n", b";", b"[]", b"%26", b"%3D", b"%3B",
            b"\xc3\xa9", b"%C3%A9", b"%f0%9f%98%80", b"\xff", b"%ff", b" ", b"\t",
            b"\x00", b"\x0b", b"\x1c", b"#", b"?", b"'", b'"', b"<", b"%EF%BB%BF",
        ]
    ),
    max_size=4,
).map(b"".join)  # fmt: skip
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
    lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
)


def by_werkzeug(body: bytes) -> dict[str, list[str]]:
    """Flask's reading."""
    parser = FormDataParser(silent=False)
    _, form, _ = parser.parse(io.BytesIO(body), MIME, len(body), {})
    return form.to_dict(flat=False)


def by_starlette(body: bytes) -> dict[str, list[str]]:
    """Starlette's and FastAPI's reading."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def read() -> dict[str, list[str]]:
        headers = [(b"content-type", MIME.encode())]
        scope = {"type": "http", "method": "POST", "headers": headers}
        form = await Request(scope, receive).form()
        return {name: [str(v) for v in form.getlist(name)] for name in form}

    return anyio.run(read)


def plain(form: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Leave out what is not ASCII: Starlette takes bytes beyond it for Latin-1.

    No rule depends on such a value: grant types and client ids are ASCII.
    """
    return {n: [v if v.isascii() else "" for v in vs] for n, vs in form.items()}


@given(FORMS)
def test_no_form_reads_differently_in_a_framework(body: bytes) -> None:
    """A form that passes has one meaning; what could have two never passes."""
    try:
        ours = parse_form(body)
    except GrantError:
        return
    assert by_werkzeug(body) == ours
    assert plain(by_starlette(body)) == plain(ours)
