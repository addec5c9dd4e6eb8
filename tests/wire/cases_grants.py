"""Token paths: RFC 6749 section 5.2, and who may ask for what from where."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlencode

from tests.wire.case import Case
from tests.wire.tokens import EVIL, OTHER, WWW, bearer, origin, raw, site
from tests.wire.worlds import App, Ask

FORM = ("Content-Type", "application/x-www-form-urlencoded")
SETTINGS = {
    "TOKEN_PATHS": "/oauth/token",
    "REVOCATION_PATHS": "/oauth/revoke",
    "REFRESH_CLIENTS": "spa batch",
}
LOGIN = {"grant_type": "password", "client_id": "spa", "username": "a", "password": "b"}
REFRESH = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": "r"}
REVOKE = {"client_id": "spa", "token": "r"}
JSON = App(headers=(("Content-Type", "application/json"),), body=b"{}")


def basic(text: str) -> tuple[str, str]:
    """Return an Authorization field of the Basic scheme."""
    return raw(f"Basic {b64encode(text.encode()).decode()}")


def encoded(form: object) -> bytes:
    """Return a form as the bytes of a body."""
    return form if isinstance(form, bytes) else urlencode(form).encode()  # type: ignore[arg-type]


def passes(name: str, form: object, *headers: tuple[str, str], **more: object) -> Case:
    """A request that is handed on byte for byte."""
    page = dict(headers).get("Origin")
    path = str(more.get("path", "/oauth/token"))
    body = encoded(form)
    kind = () if "Content-Type" in dict(headers) else (FORM,)
    return Case(
        name=f"token path: {name}",
        ask=Ask(method="POST", path=path, headers=(*kind, *headers), body=body),
        settings=SETTINGS,
        app=JSON,
        cors=page,
        body=body,
        headers={"cache-control": "no-store"},
    )


def refused(
    name: str,
    form: object,
    *headers: tuple[str, str],
    status: int = 403,
    error: str = "unauthorized_client",
    cors: str | None = None,
    path: str = "/oauth/token",
    **ask: object,
) -> Case:
    """A request that the app never sees."""
    kind = () if any(n == "Content-Type" for n, _ in headers) else (FORM,)
    asked: dict[str, object] = {"method": "POST", "body": encoded(form), **ask}
    return Case(
        name=f"token path refused: {name}",
        ask=Ask(path=path, headers=(*kind, *headers), **asked),  # type: ignore[arg-type]
        settings=SETTINGS,
        status=status,
        error=error,
        ran=False,
        cors=cors,
        absent=("www-authenticate",),
    )


def malformed(
    name: str, form: object, *headers: tuple[str, str], **ask: object
) -> Case:
    """400 invalid_request: it could be read in two ways, or in none."""
    return refused(
        name,
        form,
        *headers,
        status=400,
        error="invalid_request",
        **ask,  # type: ignore[arg-type]
    )


GRANTS = [
    passes("password from the client's page", LOGIN, origin(WWW)),
    passes("password without an origin", LOGIN),
    passes(
        "password of a client that is not listed, without an origin",
        LOGIN | {"client_id": "nobody"},
    ),
    passes("refresh from the client's page", REFRESH, origin(WWW)),
    passes("refresh of a client without origins", REFRESH | {"client_id": "batch"}),
    passes("the client by Basic", {**LOGIN, "client_id": "spa"}, basic("spa:s")),
    passes("resource may repeat", encoded(LOGIN) + b"&resource=a&resource=b"),
    passes(
        "revocation from the client's page", REVOKE, origin(WWW), path="/oauth/revoke"
    ),
    passes("a Bearer header is not read", LOGIN, bearer()),
    passes("a charset of UTF-8", LOGIN, ("Content-Type", FORM[1] + "; charset=UTF-8")),
    passes("a quoted one", LOGIN, ("Content-Type", FORM[1] + ';charset="utf-8"')),
    passes("no coding", LOGIN, ("Content-Encoding", "identity")),
    passes("audience may repeat", encoded(LOGIN) + b"&audience=a&audience=b"),
    passes(
        "a hundred parameters",
        encoded(LOGIN) + b"".join(b"&a%d=" % n for n in range(96)),
    ),
    passes("Basic and body agree", LOGIN, basic("spa:s"), origin(WWW)),
    passes(
        "Basic alone",
        {"grant_type": "password", "username": "a"},
        basic("spa:s"),
        origin(WWW),
    ),
    passes(
        "Basic, form-encoded", {"grant_type": "password"}, basic("%73pa:s"), origin(WWW)
    ),
    passes("another grant", LOGIN | {"grant_type": "client_credentials"}, origin(WWW)),
    passes(
        "a grant by URI",
        LOGIN | {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"},
    ),
    passes(
        "every byte of a value",
        encoded(LOGIN) + b"&x=" + b"%00%0A%C3%A9%25+~*'()!",
    ),
    passes("an empty value", encoded(LOGIN) + b"&scope="),
    passes("typed into nowhere", LOGIN, *site("none")),
    passes("same-origin without an Origin", LOGIN, *site("same-origin")),
    passes(
        "refresh by Basic, no origins",
        {"grant_type": "refresh_token"},
        basic("batch:s"),
    ),
    passes(
        "revocation of a client without origins",
        REVOKE | {"client_id": "batch"},
        path="/oauth/revoke",
    ),
    passes(
        "revocation though refresh is off",
        REVOKE | {"client_id": "other"},
        origin(OTHER),
        path="/oauth/revoke",
    ),
    passes("revocation by a slash", REVOKE, origin(WWW), path="/oauth/revoke/"),
    passes("a trailing slash", LOGIN, origin(WWW), path="/oauth/token/"),
    Case(
        name="token path: a body in pieces",
        ask=Ask(
            method="POST",
            path="/oauth/token",
            headers=(FORM, origin(WWW)),
            body=(encoded(LOGIN)[:7], encoded(LOGIN)[7:9], b"", encoded(LOGIN)[9:]),
        ),
        settings=SETTINGS,
        body=encoded(LOGIN),
        cors=WWW,
    ),
    Case(
        name="token path: a body without a length",
        ask=Ask(
            method="POST",
            path="/oauth/token",
            headers=(FORM,),
            body=encoded(LOGIN),
            length=None,
        ),
        settings=SETTINGS,
        body=encoded(LOGIN),
    ),
    Case(
        name="token path: a preflight is granted to the client's page",
        ask=Ask(
            method="OPTIONS",
            path="/oauth/token",
            headers=(origin(WWW), ("Access-Control-Request-Method", "POST")),
        ),
        settings=SETTINGS,
        status=204,
        ran=False,
        cors=WWW,
    ),
    *(
        refused(
            f"method {method}",
            b"",
            status=405,
            error="invalid_request",
            method=method,
        )
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS")
    ),
    malformed("JSON", b"{}", ("Content-Type", "application/json")),
    malformed("text/plain", LOGIN, ("Content-Type", "text/plain")),
    malformed("two Content-Types", LOGIN, FORM, FORM),
    malformed("another charset", LOGIN, ("Content-Type", FORM[1] + "; charset=utf-16")),
    malformed("another parameter", LOGIN, ("Content-Type", FORM[1] + "; x=y")),
    malformed("compressed", LOGIN, ("Content-Encoding", "gzip")),
    malformed("a query string", LOGIN, query="client_id=spa"),
    malformed("invalid UTF-8", encoded(LOGIN) + b"&a=%ff"),
    malformed("raw bytes, good UTF-8", encoded(LOGIN) + b"&a=\xc3\xa9"),
    malformed("a name in other letters", encoded(LOGIN) + b"&Username=bob"),
    malformed("it alone", {"grant_type": "password", "USERNAME": "alice"}),
    malformed("; as separator", encoded(LOGIN).replace(b"&", b";")),
    malformed("a name outside the alphabet", encoded(LOGIN) + b"&a.b=1"),
    malformed("an escape that is none", encoded(LOGIN) + b"&a=%zz"),
    malformed("an empty pair", encoded(LOGIN) + b"&&a=1"),
    malformed("a parameter twice", encoded(LOGIN) + b"&client_id=spa"),
    malformed("a parameter twice, in two cases", encoded(LOGIN) + b"&Client_Id=spa"),
    malformed(
        "101 parameters", encoded(LOGIN) + b"".join(b"&a%d=" % n for n in range(97))
    ),
    malformed("no grant_type", {"client_id": "spa"}),
    malformed("an empty grant_type", {"client_id": "spa", "grant_type": ""}),
    malformed(
        "grant_type in another case",
        REFRESH | {"grant_type": "Refresh_Token"},
        origin(WWW),
        cors=WWW,
    ),
    malformed(
        "grant_type with a blank",
        REFRESH | {"grant_type": "refresh_token "},
        origin(WWW),
        cors=WWW,
    ),
    malformed("two Origins", LOGIN, origin(WWW), origin(WWW)),
    malformed("an Origin with a comma", LOGIN, origin(f"{WWW},{WWW}")),
    malformed("Basic and body disagree", LOGIN, basic("other:s")),
    malformed("two Authorization fields", LOGIN, basic("spa:s"), basic("spa:s")),
    malformed("Basic without a colon", LOGIN, basic("spa")),
    malformed("Basic that is no base64", LOGIN, raw("Basic !!!")),
    malformed("an empty body", b""),
    malformed("a length that is no number", LOGIN, length="x"),
    malformed("a negative length", LOGIN, length="-1"),
    malformed("the client left", LOGIN, leaves=True),
    malformed("the client left a chunked body", LOGIN, leaves=True, length=None),
    refused(
        "a body over the limit",
        b"a=" + b"x" * 65536,
        status=413,
        error="invalid_request",
    ),
    refused(
        "a body over the limit, without a length",
        b"a=" + b"x" * 65536,
        status=413,
        error="invalid_request",
        length=None,
    ),
    refused(
        "refresh of a client that is not listed", REFRESH | {"client_id": "nobody"}
    ),
    refused(
        "refresh without a client",
        {"grant_type": "refresh_token", "refresh_token": "r"},
    ),
    refused(
        "refresh that is off",
        REFRESH | {"client_id": "other"},
        origin(OTHER),
        cors=OTHER,
    ),
    refused("refresh without an origin", REFRESH),
    refused("refresh from a foreign origin", REFRESH, origin(EVIL)),
    refused("refresh from another client's page", REFRESH, origin(OTHER)),
    refused(
        "refresh from the own origin",
        REFRESH,
        origin("https://api.example"),
        *site("same-origin"),
    ),
    refused("refresh from null", REFRESH, origin("null")),
    refused("refresh from an empty origin", REFRESH, origin("")),
    refused("password from a foreign origin", LOGIN, origin(EVIL)),
    refused("password from another client's page", LOGIN, origin(OTHER)),
    refused("password with an empty origin", LOGIN, origin("")),
    refused(
        "password of a client without origins, from a page",
        LOGIN | {"client_id": "batch"},
        origin(WWW),
    ),
    refused(
        "password of a client not listed, from a page",
        LOGIN | {"client_id": "nobody"},
        origin(WWW),
    ),
    refused(
        "password without a client, from a page",
        {"grant_type": "password", "username": "a", "password": "b"},
        origin(WWW),
        cors=WWW,
    ),
    refused("cross-site without an origin", LOGIN, *site("cross-site")),
    refused("same-site without an origin", LOGIN, *site("same-site")),
    refused(
        "any other grant from a foreign origin",
        LOGIN | {"grant_type": "client_credentials"},
        origin(EVIL),
    ),
    refused(
        "revocation of a client that is not listed",
        {"token": "r", "client_id": "nobody"},
        path="/oauth/revoke",
    ),
    refused("revocation without a client", {"token": "r"}, path="/oauth/revoke"),
    refused("revocation without an origin", REVOKE, path="/oauth/revoke"),
    refused(
        "revocation from a foreign origin", REVOKE, origin(EVIL), path="/oauth/revoke"
    ),
    refused(
        "refresh marked same-origin, without an Origin", REFRESH, *site("same-origin")
    ),
    refused(
        "refresh of a client without origins, from a page",
        REFRESH | {"client_id": "batch"},
        origin(WWW),
    ),
    refused(
        "refresh of another's by Basic",
        {"grant_type": "refresh_token"},
        basic("other:s"),
        origin(WWW),
    ),
    refused(
        "revocation from another client's page",
        REVOKE,
        origin(OTHER),
        path="/oauth/revoke",
    ),
    refused(
        "revocation of a client without origins, from a page",
        REVOKE | {"client_id": "batch"},
        origin(WWW),
        path="/oauth/revoke",
    ),
    refused(
        "revocation by GET",
        b"",
        status=405,
        error="invalid_request",
        method="GET",
        path="/oauth/revoke",
    ),
    malformed(
        "revocation as JSON",
        b"{}",
        ("Content-Type", "application/json"),
        path="/oauth/revoke",
    ),
    refused(
        "the client cannot be told, from a stranger's page",
        {"grant_type": "password"},
        origin(EVIL),
    ),
    malformed(
        "a refusal of rubbish, for a listed page to read",
        b"rubbish",
        origin(WWW),
        cors=WWW,
    ),
    malformed("a refusal of rubbish, for nobody else", b"rubbish", origin(EVIL)),
    malformed("Basic twice in one", LOGIN, raw("Basic YTpi Basic YTpi")),
    malformed("Basic that is no UTF-8", LOGIN, raw("Basic //86eA==")),
    malformed("Basic without padding", LOGIN, raw("Basic c3BhOnNz" + "cw")),
    malformed("an empty coding", LOGIN, ("Content-Encoding", "")),
    refused("the path in another case", REFRESH, origin(EVIL), path="/OAuth/TOKEN"),
    refused("over plain http", LOGIN, error="insecure_transport", scheme="http"),
    Case(
        name="token path refused: two names for one path",
        ask=Ask(
            method="POST",
            path="/oauth/./token",
            headers=(FORM, origin(EVIL)),
            body=encoded(REFRESH),
        ),
        settings=SETTINGS,
        status=400,
        error="invalid_request",
    ),
    Case(
        name="token path: the app's own CORS fields are replaced",
        ask=Ask(
            method="POST",
            path="/oauth/token",
            headers=(FORM, origin(WWW)),
            body=encoded(LOGIN),
        ),
        settings=SETTINGS,
        app=App(
            headers=(
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Credentials", "true"),
            )
        ),
        cors=WWW,
        absent=("access-control-allow-credentials",),
    ),
    Case(
        name="token path: an error of the app's is for the page to read",
        ask=Ask(
            method="POST",
            path="/oauth/token",
            headers=(FORM, origin(WWW)),
            body=encoded(LOGIN),
        ),
        settings=SETTINGS,
        app=App(status=400, body=b'{"error": "invalid_grant"}'),
        status=400,
        cors=WWW,
        headers={"cache-control": "no-store"},
    ),
    *(
        Case(
            name=f"token path: a preflight from {page} is refused",
            ask=Ask(
                method="OPTIONS",
                path="/oauth/token",
                headers=(origin(page), ("Access-Control-Request-Method", "POST")),
            ),
            settings=SETTINGS,
            status=403,
        )
        for page in (EVIL, "https://api.example", "null")
    ),
    Case(
        name="token path: another limit",
        ask=Ask(
            method="POST",
            path="/oauth/token",
            headers=(FORM, origin(WWW)),
            body=encoded(LOGIN),
        ),
        settings={**SETTINGS, "MAX_BODY_BYTES": "10"},
        status=413,
        error="invalid_request",
        cors=WWW,
    ),
]
