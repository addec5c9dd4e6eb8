"""Token requests: the fields before the body is read, and the form in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwtguard.core.authorize.forms import MAX_PARAMETERS, parse_form
from jwtguard.core.authorize.token_requests import check_head
from jwtguard.errors import GrantError
from tests.core.authorize.token_requests_support import (
    FORM,
    WWW,
    grant,
    refused,
    request,
)

# Before the body is read.


@pytest.mark.parametrize(
    "value",
    [FORM, FORM.upper(), f"{FORM};charset=utf-8", f'{FORM} ; charset="UTF-8" '],
)
def test_a_plain_form_may_come(value: str) -> None:
    """The media type, perhaps with the one charset it can have."""
    check_head(request(content_type=value, content_length="100"), 100)
    check_head(request(content_type=value, content_encoding="identity"), 100)


@pytest.mark.parametrize(
    "fields",
    [
        {"content_type": "application/json"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": []},
        {"content_type": None},
        {"content_type": [FORM, FORM]},
        {"content_type": f"{FORM}, {FORM}"},
        {"content_type": f"{FORM}; charset=utf-7"},
        {"content_type": f"{FORM}; charset=iso-8859-1"},
        {"content_type": f"{FORM}; charset=utf-8; charset=utf-7"},
        {"content_type": f"{FORM}; boundary=x"},
        {"content_type": f"{FORM};"},
        {"content_type": f"{FORM}x"},
        {"content_type": f"{FORM}\u00a0"},
        {"content_type": f"{FORM}\x0b;charset=utf-8"},
        {"content_type": f"{FORM};charset=ut\u017f-8"},
        {"content_encoding": "gzip"},
        {"content_encoding": ["identity", "gzip"]},
        {"content_encoding": ""},
        {"query": "client_id=spa"},
        {"query": "&"},
        {"content_length": ["1", "1"]},
        {"content_length": "-1"},
        {"content_length": "+1"},
        {"content_length": "1_0"},
        {"content_length": "٣"},
        {"content_length": "²"},
        {"content_length": ""},
        {"content_length": "1, 1"},
        {"transfer_encoding": "gzip"},
        {"transfer_encoding": "gzip, chunked"},
        {"transfer_encoding": "identity"},
        {"transfer_encoding": ""},
        {"transfer_encoding": ["chunked", "chunked"]},
        {"transfer_encoding": "chunked", "content_length": "1"},
    ],
)
def test_what_another_parser_could_read_differently_is_refused(
    fields: dict[str, Any],
) -> None:
    """Two types, another charset, a coding, a query string, an odd length or two."""
    with pytest.raises(GrantError) as caught:
        check_head(request(**fields), 100)
    assert (caught.value.status, caught.value.reason) == (400, "form_malformed")


@pytest.mark.parametrize(
    "fields",
    [
        {"transfer_encoding": "chunked"},
        {"transfer_encoding": " Chunked"},
        {"content_length": f"{1:018}"},
        {},
    ],
)
def test_one_way_to_tell_where_the_body_ends_is_enough(fields: dict[str, Any]) -> None:
    """Chunks, or a length, which may begin with zeros; HTTP/2 needs neither."""
    check_head(request(**fields), 100)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post", ""])
def test_a_token_endpoint_takes_post_only(method: str) -> None:
    """405 with Allow, and nothing is read."""
    with pytest.raises(GrantError) as caught:
        check_head(request(method=method), 100)
    assert (caught.value.status, caught.value.reason) == (405, "post_only")
    assert caught.value.fields == (("Allow", "POST"),)


@pytest.mark.parametrize("length", ["101", "9" * 30, "9" * 5000, f"{1:019}"])
def test_a_body_too_long_is_not_even_read(length: str) -> None:
    """413 by what it says of itself, however many digits that takes; 18 are enough."""
    with pytest.raises(GrantError) as caught:
        check_head(request(content_length=length), 100)
    assert (caught.value.status, caught.value.reason) == (413, "body_too_long")


@pytest.mark.parametrize("origin", [[WWW, WWW], f"{WWW}, {WWW}", ","])
def test_two_origins_are_refused(origin: Any) -> None:
    """None of them is picked."""
    with pytest.raises(GrantError) as caught:
        check_head(request(origin=origin), 100)
    assert (caught.value.status, caught.value.reason) == (400, "origin_repeated")


# The form.


@pytest.mark.parametrize(
    "body",
    [
        b"a=1;b=2",
        b"a=1&",
        b"&a=1",
        b"a=1&&b=2",
        b"a",
        b"=1",
        b"a=1&b",
        b"a=%zz",
        b"a=%",
        b"a=%2",
        b"a=\xff",
        b"a=%ff",
        b"a=\xc3\xa9",
        b"a=%c0%af",
        b"a=%ed%a0%80",
        b"a%00=1",
        b"a.b=1",
        b"a[]=1",
        b"a%5b0%5d=1",
        b"a b=1",
        b"+a=1",
        b"\xef\xbb\xbfgrant_type=x",
        b"%EF%BB%BFa=1",
        b"\xc3\xa9=1",
        b"a=1&a=1",
        b"a=1&A=2",
        b"client_id=a&client%5Fid=b",
        b"Grant_Type=password",
        b"CLIENT_ID=spa",
        b"refresh_Token=x",
        b"Username=alice",
        b"PASSWORD=x",
        b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS + 1)),
    ],
)
def test_a_form_with_two_readings_is_refused(body: bytes) -> None:
    """No second parser behind us finds another client, grant or token in it."""
    with pytest.raises(GrantError) as caught:
        parse_form(body)
    assert (caught.value.status, caught.value.reason) == (400, "form_malformed")


@pytest.mark.parametrize("length", ["0", "18", "20", "190"])
def test_a_body_of_another_length_than_it_says_is_refused(length: str) -> None:
    """What is cut off or added could be another parameter."""
    assert refused(content_length=length) == "form_malformed"
    assert grant(content_length="19").grant_type == "password"


def test_an_ordinary_form_is_read() -> None:
    """Blanks, escapes, empty values; what may repeat, repeats."""
    body = b"username=al+ice%40x&password=%C3%A9%3D%26=&x=&resource=a&resource=b"
    assert parse_form(body) == {
        "username": ["al ice@x"],
        "password": ["é=&="],
        "x": [""],
        "resource": ["a", "b"],
    }
    assert parse_form(b"") == {}
    many = b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS))
    assert len(parse_form(many)) == MAX_PARAMETERS


FORM_BYTES = st.lists(
    st.sampled_from(
        [
            b"a",
            b"grant_type",
            b"=",
            b"&",
            b";",
            b"+",
            b"%",
            b"%41",
            b"%2b",
            b"%26",
            b" ",
            b"%00",
            b"%c3%a9",
            b"\xc3\xa9",
            b"\xff",
            b"[]",
            b"resource",
            b"%3D",
            b"\n",
        ]
    ),
    max_size=12,
).map(b"".join)


@given(FORM_BYTES | st.binary(max_size=40))
@example(b"a=%C3%A9+%2B&b=")
def test_the_standard_library_reads_the_same_form(body: bytes) -> None:
    """What is accepted, ``parse_qsl`` finds alike; nothing else is raised."""
    try:
        form = parse_form(body)
    except GrantError:
        return
    found = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    assert {n: [v for k, v in found if k == n] for n, _ in found} == form


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,9}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        max_size=4,
    )
)
def test_every_form_a_client_encodes_is_read(fields: dict[str, str]) -> None:
    """``urlencode`` and back, with any text."""
    found = parse_form(urlencode(fields).encode())
    assert found == {name: [value] for name, value in fields.items()}
