"""Metadata of the API itself, and challenges that say where they are (RFC 9728)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jwtguard.core.model.policy_fields import DPOP_ALGORITHMS
from tests.wire.case import CORS, CORS_ASKED, Case
from tests.wire.tokens import EVIL, ISSUER, bearer, origin
from tests.wire.worlds import Answer, App, Ask

URL = "https://api.example/mcp"
AT = "/.well-known/oauth-protected-resource"
WHERE = (
    'resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp"'
)
SETTINGS = {
    "RESOURCE": URL,
    "SCOPES": "GET:/notes=notes:read POST:/notes=notes:write /*=",
}
DOCUMENT = {
    "resource": URL,
    "authorization_servers": [ISSUER.url],
    "scopes_supported": ["notes:read", "notes:write"],
    "bearer_methods_supported": ["header"],
    "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
}


@dataclass(frozen=True, kw_only=True)
class Document(Case):
    """The metadata are answered, to anybody."""

    document: Mapping[str, Any]

    def check(self, answer: Answer) -> None:
        """Hold *answer* against the promise: it is ours, and public."""
        assert answer.status == 200
        assert answer.seen is None
        empty = self.ask.method == "HEAD"
        assert empty or json.loads(answer.body) == self.document
        assert answer.get("content-length") != "0"
        assert answer.get("content-type") == "application/json"
        assert answer.get("cache-control") == "public, max-age=3600"
        assert answer.get(CORS) == "*"
        assert answer.get("access-control-allow-credentials") is None
        assert answer.get("www-authenticate") is None


@dataclass(frozen=True, kw_only=True)
class Preflight(Case):
    """Pages of any origin may read them."""

    def check(self, answer: Answer) -> None:
        """Hold *answer* against the promise."""
        assert answer.status == 204
        assert answer.get(CORS) == "*"
        assert answer.get("access-control-allow-headers") == "*"


@dataclass(frozen=True, kw_only=True)
class Passed(Case):
    """The application answers, and pages of any origin may read that."""

    def check(self, answer: Answer) -> None:
        """Hold *answer* against the promise."""
        assert answer.status == self.app.status
        assert answer.seen is not None
        assert answer.get(CORS) == "*"
        assert answer.get("www-authenticate") is None


@dataclass(frozen=True, kw_only=True)
class Told(Case):
    """The one challenge ends like this; nothing in it comes from ``Host``."""

    challenge: str

    def check(self, answer: Answer) -> None:
        """Hold *answer* against the promise."""
        assert answer.status == self.status
        assert answer.seen is None
        told = answer.get("www-authenticate") or ""
        assert told.startswith("Bearer ")
        assert self.challenge in told, told
        assert "evil" not in told


def document(name: str, path: str, *headers: tuple[str, str], **ask: Any) -> Document:
    return Document(
        name=f"metadata: {name}", settings=SETTINGS, document=DOCUMENT,
        ask=Ask(path=path, headers=headers, **ask),
    )  # fmt: skip


def told(
    name: str, status: int, challenge: str, *headers: tuple[str, str], **rest: Any
) -> Told:
    ask = Ask(headers=headers, host="evil.example", **rest)
    return Told(
        name=f"metadata: {name}", ask=ask, status=status, settings=SETTINGS,
        challenge=challenge,
    )  # fmt: skip


def passed(name: str, path: str, **app: Any) -> Passed:
    return Passed(
        name=f"metadata: {name}", ask=Ask(path=path, headers=(origin(EVIL),)),
        settings=SETTINGS, app=App(status=404, **app),
    )  # fmt: skip


ASKED = (
    origin(EVIL),
    (CORS_ASKED, "GET"),
    ("Access-Control-Request-Headers", "mcp-protocol-version"),
)

METADATA = [
    document("at the path of the resource", f"{AT}/mcp"),
    document("with a slash at the end", f"{AT}/mcp/"),
    document("at the root", AT),
    document("to a page", AT, origin(EVIL)),
    document("to a HEAD request", AT, method="HEAD"),
    document("whatever the token", AT, ("Authorization", "Bearer x")),
    document("whatever the Host", AT, host="evil.example"),
    Preflight(
        name="metadata: a preflight", settings=SETTINGS,
        ask=Ask(method="OPTIONS", path=f"{AT}/mcp", headers=ASKED),
    ),
    Preflight(
        name="metadata: a preflight for others", settings=SETTINGS,
        ask=Ask(
            method="OPTIONS", path="/.well-known/oauth-authorization-server",
            headers=ASKED,
        ),
        app=App(status=404),
    ),
    passed("of another resource", f"{AT}/other"),
    passed("of an issuer", "/.well-known/oauth-authorization-server/mcp"),
    passed("of an OpenID provider", "/.well-known/openid-configuration"),
    told("without a token", 401, f'scope="notes:read", {WHERE}'),
    told("without a token, on a path for any", 401, f'"api", {WHERE}', path="/x"),
    told(
        "an invalid token", 401,
        f'error_description="The access token has expired", {WHERE}',
        bearer(expires_in=-3600),
    ),
    told(
        "a scope that is missing", 403, f'scope="notes:read", {WHERE}',
        bearer(scope="x"),
    ),
    told(
        "two tokens", 400, 'More than one Authorization value was sent"',
        bearer(), bearer(),
    ),
    told("POST to the metadata", 401, f'"api", {WHERE}', method="POST", path=AT),
    Case(
        name="metadata: off by default",
        ask=Ask(path=AT),
        status=401,
        error="missing_token",
    ),
    Case(
        name="metadata: off",
        ask=Ask(path=AT),
        settings={"RESOURCE": "off"},
        status=401,
        error="missing_token",
    ),
]  # fmt: skip
"""The rows about metadata."""
