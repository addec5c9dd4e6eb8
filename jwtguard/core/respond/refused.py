"""The fields of a refusal on what an error handler of the application answered to it.

RFC 9110 section 15.5.2: a 401 has a challenge, whoever made its body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import AuthError
from ..model.request import Fields


def original(error: AuthError) -> AuthError:
    """Return the refusal that an exception of a framework stands for, or *error*."""
    found: AuthError = getattr(error, "error", error)
    return found


def answered(refused: Sequence[AuthError], status: int) -> AuthError | None:
    """Return the last of *refused* with *status*, or None.

    An application may catch a refusal and answer something else: that is no refusal.
    """
    return next((error for error in reversed(refused) if error.status == status), None)


def with_fields(given: Iterable[tuple[str, str]], ours: Fields) -> Fields:
    """Return the fields *given* with those of a refusal, none doubled.

    Our challenge and ``no-store`` count. Of the others the application's own counts.
    """
    kept = [field for field in given if not _is_replaced(*field, ours)]
    names = {name.lower() for name, _ in kept}
    return *kept, *(field for field in ours if field[0].lower() not in names)


def _is_replaced(name: str, value: str, ours: Fields) -> bool:
    lower = name.lower()
    if lower == "cache-control":
        return "no-store" not in value.lower()
    return lower == "www-authenticate" and any(n.lower() == lower for n, _ in ours)
