"""What of a token server's answer comes back to the client (RFC 6749 section 5)."""

from __future__ import annotations

import re

from ..model.decision import Respond
from ..model.effects import Incoming, UnusableAnswerError
from ..model.encoding import parse_json

_JSON = re.compile(
    r"application/(?:[a-z0-9.-]+\+)?json[ \t]*(?:;[\x20-\x7e\t]*)?", re.IGNORECASE
)
_STATUSES = frozenset({200, 201, 204, *range(400, 600)})
"""Those of a token or revocation endpoint; servers send others in ways of their own."""
_PRINTABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110 section 5.5: what may stand in a field value."""
_HANDED_BACK = (
    ("www-authenticate", "WWW-Authenticate"),
    ("retry-after", "Retry-After"),
    ("dpop-nonce", "DPoP-Nonce"),
)


def handed_back(got: Incoming) -> Respond:
    """Return what of the issuer's answer a client may see."""
    # Followed, a redirect would carry the password and our client secret to wherever it
    # points.
    if 300 <= got.status < 400:
        raise UnusableAnswerError(f"status {got.status}: redirects are not followed")
    if got.status not in _STATUSES or (got.status == 204 and got.body):
        raise UnusableAnswerError(f"status {got.status}: not one of a token endpoint")
    fields = [("Cache-Control", "no-store")]
    if got.body:
        kind = got.headers.get("content-type", "").strip(" \t")
        # HTML from the issuer, served at our own origin, would run as a page of ours.
        if not _JSON.fullmatch(kind):
            raise UnusableAnswerError(f"status {got.status}: its body is not JSON")
        fields.append(("Content-Type", kind))
    for lower, name in _HANDED_BACK:
        value = got.headers.get(lower)
        # A server of ours must not be made to send what it would refuse as header
        # injection: that would be a 500.
        if value is not None and _PRINTABLE.fullmatch(value):
            fields.append((name, value))
    if got.status != 204:  # RFC 9110 section 8.6
        fields.append(("Content-Length", str(len(got.body))))
    return Respond(got.status, tuple(fields), got.body)


def brings_token(answer: Respond) -> bool:
    """Whether the issuer accepted the password (RFC 6749 section 5.1).

    Some issuers answer a wrong password with 200 and an error in the body.
    """
    if answer.status != 200:
        return False
    try:
        document = parse_json(answer.body)
    except ValueError:
        return False
    token = document.get("access_token") if isinstance(document, dict) else None
    return isinstance(token, str) and token != ""
