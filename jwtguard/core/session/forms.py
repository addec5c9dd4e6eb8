"""Reading what is posted to a session path: a form, or the JSON of a script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from ...errors import GrantError
from ..authorize.forms import check_framing, parse_form
from ..extract.navigation import wants_page
from ..model.encoding import parse_json
from ..model.request import Request
from ..model.site_path import is_site_path

_TYPE = re.compile(
    r"(application/(?:json|x-www-form-urlencoded))"
    r'[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*',
    re.IGNORECASE | re.ASCII,
)
_FORM = "application/x-www-form-urlencoded"
_KEPT = "/:@!$&'()*+,;=~-._%?"
"""Characters that a path and its query need not encode (RFC 3986 section 3)."""


class Posted(NamedTuple):
    """What was posted, and whether a script posted it."""

    script: bool
    """Whether a script posted it: scripts get a status instead of a redirect."""
    username: str = ""
    password: str = ""
    next: str = ""
    """The path of this site to redirect to; may be empty."""

    def __repr__(self) -> str:
        """Leave out the user name and the password."""
        return f"Posted(script={self.script})"


def check_head(request: Request, longest: int) -> None:
    """Refuse a wrong method or content type before the body is read."""
    if request.method != "POST":
        raise GrantError("session_method", fields=(("Allow", "POST"),))
    if request.header("content-encoding") not in (None, "identity"):
        raise GrantError("session_malformed")
    check_framing(request, longest)


def read(request: Request, body: bytes) -> Posted:
    """Parse *body*; raise ``GrantError``."""
    types = request.headers.get("content-type", ())
    if not body and not types:  # who signs out has nothing to say
        return Posted(script=not wants_page(request))
    found = _TYPE.fullmatch(types[0].strip(" \t")) if len(types) == 1 else None
    if found is None:
        raise GrantError("session_malformed")
    if found[1].lower() == _FORM:
        form = {name: values[0] for name, values in parse_form(body).items()}
        return _posted(form, script=not wants_page(request) and _by_fetch(request))
    try:
        document = parse_json(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise GrantError("session_malformed")
    return _posted(document, script=True)


def _by_fetch(request: Request) -> bool:
    """Whether the browser says that a script sent the form."""
    return request.header("sec-fetch-mode") is not None


def _posted(fields: Mapping[str, Any], *, script: bool) -> Posted:
    names = ("username", "password", "next")
    texts = [v if isinstance(v := fields.get(name), str) else "" for name in names]
    username, password, target = texts
    return Posted(script, username, password, _site_path(target))


def _site_path(text: str) -> str:
    """Return *text* as ``Location`` needs it; "" if it leads to another site."""
    quoted = quote(text, safe=_KEPT)
    # What had to be quoted must not hide what a browser would drop, or read as a host.
    return quoted if is_site_path(quoted) and "\\" not in text else ""
