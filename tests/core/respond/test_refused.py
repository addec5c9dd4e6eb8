"""Which fields an application's own answer to a refusal has in the end."""

from __future__ import annotations

import pytest

from jwtguard.core.respond.refused import answered, original, with_fields
from jwtguard.errors import AccessDeniedError, MissingTokenError

OURS = (
    ("Cache-Control", "no-store"),
    ("WWW-Authenticate", "Bearer one"),
    ("WWW-Authenticate", "DPoP two"),
    ("Retry-After", "3"),
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((), ()),
        ((("X-Own", "1"),), (("X-Own", "1"),)),
        ((("www-authenticate", "Basic"),), ()),
        ((("cache-control", "max-age=60"),), ()),
    ],
)
def test_fields_of_the_refusal_are_added(
    given: tuple[tuple[str, str], ...], kept: tuple[tuple[str, str], ...]
) -> None:
    """Our challenges and our cache rule take the place of the application's."""
    assert with_fields(given, OURS) == (*kept, *OURS)


def test_what_the_application_knows_better_stays() -> None:
    """A stricter cache rule, another pause, and its own challenge if we have none."""
    own = (("Cache-Control", "private, no-store"), ("retry-after", "60"))
    assert with_fields(own, OURS) == (*own, *OURS[1:3])
    basic = (("WWW-Authenticate", "Basic"),)
    assert with_fields(basic, OURS[:1]) == (*basic, *OURS[:1])


def test_the_last_refusal_with_the_status_counts() -> None:
    """Whatever else was refused and caught on the way."""
    first, second = AccessDeniedError("a"), AccessDeniedError("b")
    refused = [first, second, MissingTokenError("no_credentials")]
    assert answered(refused, 403) is second
    assert answered(refused, 404) is None


def test_the_plain_error_of_an_exception_is_found() -> None:
    """A plain one is itself."""
    plain, other = AccessDeniedError("a"), AccessDeniedError("b")
    assert original(plain) is plain
    vars(other)["error"] = plain
    assert original(other) is plain
