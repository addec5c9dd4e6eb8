"""The cookie of a session: its names, parts and attributes (RFC 6265bis)."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.core.extract.wire import TLS, Wire
from jwtguard.core.model.policy import Policy
from jwtguard.core.model.request import Request
from jwtguard.core.session.cookies import (
    LONGEST,
    PART,
    SessionCookies,
    Shown,
    TooLongError,
)
from jwtguard.testing import JWTIssuer
from tests.session_support import NAME, SECRET

HTTP = Wire("http", secure=True)


def cookies(**settings: Any) -> SessionCookies:
    made: Policy = JWTIssuer().policy(
        session_client="www", secrets=(SECRET,), **settings
    )
    return SessionCookies(made)


def request(
    *fields: str, host: str = "www.example", peer: str = "192.0.2.1"
) -> Request:
    headers = {"host": (host,), **({"cookie": fields} if fields else {})}
    return Request("GET", "/", headers, peer=peer)


def found(*fields: str, **settings: Any) -> Shown:
    shown = cookies(**settings).find(request(*fields), TLS)
    assert shown is not None
    return shown


def test_a_session_is_read_by_its_exact_name() -> None:
    """RFC 6265 section 5.4: names compare exactly, several fields are one list."""
    assert found(f"a=b; {NAME}=x; c=d").texts == ("x",)
    assert found("a=b", f"{NAME}=x").texts == ("x",)
    for field in ("a=b", f"{NAME.lower()}=x", f"x{NAME}=x", f"{NAME}=", NAME, ""):
        assert cookies().find(request(field), TLS) is None, field
    assert cookies().find(request(), TLS) is None


def test_two_parts_are_joined_whatever_their_order() -> None:
    """Browsers promise no order."""
    assert found(f"{NAME}.1=b; {NAME}.0=a").texts == ("ab",)
    assert found(f"{NAME}.0=a").texts == ("a",)
    assert found(f"{NAME}.1=b", f"{NAME}=x").texts == ("x",)


def test_every_repeated_cookie_is_tried_within_bounds() -> None:
    """A sibling host may have planted one; a thousand cookies take no extra time."""
    assert found(f"{NAME}=x; {NAME}=y").texts == ("x", "y")
    many = "; ".join(
        f"{NAME}{part}={n}" for n in range(99) for part in ("", ".0", ".1")
    )
    assert len(found(many).texts) == 3 + 9


def test_what_is_longer_than_ours_is_told() -> None:
    """The guard never sets a part above the limit."""
    assert not found(f"{NAME}.0={'a' * PART}; {NAME}.1={'b' * PART}").too_long
    assert found(f"{NAME}={'a' * (PART + 1)}").too_long


@pytest.mark.parametrize("length", [1, PART, PART + 1, LONGEST])
@pytest.mark.parametrize("name", [NAME, "n" * 64])
def test_the_whole_field_fits_into_a_cookie(length: int, name: str) -> None:
    """4,096 bytes count name, value and attributes; two parts at most."""
    text = "x" * length
    made = cookies(session_cookie=name).written((name, True), text, 1e11)
    assert len(made) == (1 if length <= PART else 2)
    assert all(len(field) < 4096 for field in made)
    values = [field.partition(";")[0].partition("=")[2] for field in made]
    assert "".join(values) == text


def test_a_session_over_two_parts_is_refused() -> None:
    """Servers would refuse the field, and lock the browser out."""
    with pytest.raises(TooLongError):
        cookies().written((NAME, True), "x" * (LONGEST + 1), 60)


def test_the_attributes_keep_it_from_scripts_and_other_sites() -> None:
    """HttpOnly, Secure, Path=/, SameSite, the remaining Max-Age, and no Domain."""
    (made,) = cookies().written((NAME, True), "x", 60.9)
    said = made.split("; ")
    assert said[0] == f"{NAME}=x"
    assert set(said[1:]) == {
        "Path=/", "Max-Age=60", "HttpOnly", "SameSite=Lax", "Secure"
    }  # fmt: skip
    (strict,) = cookies(session_samesite="Strict").written((NAME, True), "x", 60)
    assert "SameSite=Strict" in strict


def test_parts_of_another_number_go() -> None:
    """Parts that a smaller or larger session does not use are deleted."""
    both = (f"{NAME}.0", f"{NAME}.1")
    made = cookies().written((NAME, True), "x", 60, both)
    assert [field.partition("=")[0] for field in made] == [NAME, *both]
    assert ["Max-Age=0" in field for field in made] == [False, True, True]
    grown = cookies().written((NAME, True), "x" * (PART + 1), 60, (NAME,))
    assert [field.partition("=")[0] for field in grown] == [*both, NAME]


def test_signing_out_clears_every_part() -> None:
    """Whichever the browser holds; with the attributes that its name demands."""
    made = cookies().cleared((NAME, True))
    assert len(made) == 3
    assert all("Max-Age=0" in field and "; Secure" in field for field in made)


def test_on_loopback_over_http_it_has_another_name() -> None:
    """Browsers refuse the prefix and ``Secure`` there; only loopback is exempt."""
    made = cookies()
    here = request(f"{NAME}=x; jwtguard_session=y", host="localhost", peer="127.0.0.1")
    assert made.name_for(here, HTTP) == ("jwtguard_session", False)
    shown = made.find(here, HTTP)
    assert shown is not None
    assert shown.texts == ("y",)
    (field,) = made.written(("jwtguard_session", False), "x", 60)
    assert "Secure" not in field
    assert "HttpOnly" in field
    far = request("jwtguard_session=y", host="www.example")
    assert made.name_for(far, HTTP) is None
    assert made.find(far, HTTP) is None
    for prefix in ("__host-", "__Secure-", "__HTTP-"):
        named = cookies(session_cookie=f"{prefix}s").name_for(here, HTTP)
        assert named == ("jwtguard_session", False)
    assert cookies(session_cookie="own").name_for(here, HTTP) == ("own", False)


def test_behind_a_proxy_that_ends_tls_the_public_url_counts() -> None:
    """The browser speaks https there, whatever reaches this server."""
    made = cookies(public_url="https://www.example")
    assert made.name_for(request(), HTTP) == (NAME, True)
    mixed = cookies(public_url=("https://www.example", "http://localhost:8000"))
    assert mixed.name_for(request(), HTTP) is None
