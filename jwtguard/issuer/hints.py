"""RFC 6749 section 5.2: refusals that a developer is told how to end."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from ..core.model.policy import Client
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

LONGEST = 65536
_REFUSED_ORIGINS = frozenset({"grant_foreign_origin", "preflight_refused"})


def unknown_client(
    environ: WSGIEnvironment, known: Collection[str]
) -> Response | HTTPException | None:
    """Return the answer to a client that is not *known*, or None to go on.

    The body is read, and left for the next reader.
    """
    request = Request(environ)
    request.max_content_length = LONGEST
    if request.method != "POST":
        return None
    try:
        body = request.get_data()
        basic = request.authorization
        name = request.form.get("client_id")
    except HTTPException as error:
        return error
    environ["wsgi.input"] = BytesIO(body)
    if basic is not None and basic.type == "basic":
        name = basic.username
    if name is None or name in known:
        return None
    return _invalid_client(known, by_basic=basic is not None)


def _invalid_client(known: Collection[str], *, by_basic: bool) -> Response:
    """Anybody may read it, from any page: it names nobody."""
    hint = (
        "This issuer does not know the client. Add it: jwtguard issuer --client ID=URL"
    )
    print(hint, f"(there are: {' '.join(known)})", file=sys.stderr, flush=True)
    answer = Response(content_type="application/json", status=401 if by_basic else 400)
    answer.set_data(json.dumps({"error": "invalid_client", "error_description": hint}))
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cache-Control"] = "no-store"
    if by_basic:
        answer.headers["WWW-Authenticate"] = 'Basic realm="issuer"'
    return answer


def say_who_is_refused(event: str, fields: Mapping[str, Any]) -> None:
    """Print the option that would let a refused page in (a hook for the guard)."""
    if event != "refused" or fields.get("reason") not in _REFUSED_ORIGINS:
        return
    origin = fields.get("origin") or ""
    try:
        Client(id="any", origins=(origin,))
    except ConfigurationError:
        origin = "URL"
    print(
        f"A page of another origin was refused. Let it in: --origin CLIENT={origin}",
        file=sys.stderr,
        flush=True,
    )
