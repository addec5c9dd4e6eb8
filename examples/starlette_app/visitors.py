"""Who was here lately: the people whose sessions an admin may want to end."""

from __future__ import annotations

from cachetools import TTLCache
from starlette.requests import Request

from jwtguard import Principal
from jwtguard.starlette import principal_of

SECONDS = 3600
MOST = 200


class Visitors:
    """The visitors of the last hour, in the memory of one process."""

    def __init__(self) -> None:
        self._seen: TTLCache[tuple[str, str], str] = TTLCache(MOST, SECONDS)

    def see(self, who: Principal) -> None:
        """Remember *who*, by issuer and subject."""
        self._seen[who.issuer, who.subject] = who.display_name

    def forget(self, issuer: str, subject: str) -> None:
        """Drop a person whose sessions have ended."""
        self._seen.pop((issuer, subject), None)

    def others(self, who: Principal) -> dict[str, str]:
        """Return subject and name of those who came by the same issuer as *who*."""
        return {
            subject: name
            for (issuer, subject), name in self._seen.items()
            if issuer == who.issuer and subject != who.subject
        }


def visitor(request: Request) -> Principal:
    """Return who sent the request, and remember who was here."""
    who = principal_of(request)
    request.app.state.visitors.see(who)
    return who
