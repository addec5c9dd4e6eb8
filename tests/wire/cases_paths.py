"""Which rule a path falls under; what can be read in two ways is given nothing."""

from __future__ import annotations

from tests.wire.case import Case
from tests.wire.tokens import bearer
from tests.wire.worlds import Ask

PUBLIC = {"PUBLIC_PATHS": "/static/* /healthz"}
SCOPES = {**PUBLIC, "SCOPES": "GET:/notes/*=notes:read /static/secret=admin /*="}

AMBIGUOUS = (
    "/static//x", "/static/./x", "/static/../notes", "/static/..", "/static/x;y",
    "/static/x\\y", "/static/%2e%2e/notes", "/static/x\x01", "//static/x",
    "/static/\ufffd", "/static/\u0130", "/static/\u0131", "static/x",
)  # fmt: skip
NOT_UTF8 = "/adm\udcffin"
"""The byte FF, as ``os.fsdecode`` writes it."""
ROOTED = (
    ("/api", "/static/api/notes"), ("/api", "/apistatic/x"), ("/api", "/static/API"),
    ("/API", "/api/static/x"), ("/api/", "/api/static/x"), ("api", "/static/api"),
)  # fmt: skip
"""Roots that routers take off in different ways."""
ASGI = ("asyncio", "trio", "starlette", "fastapi")
RAW = ("/static/..%2fnotes", "/static%2Fx", "/static/a%5Cb")


def public(path: str) -> Case:
    """No token is needed there."""
    return Case(name=f"path is public: {path}", ask=Ask(path=path), settings=PUBLIC)


def protected(path: str, raw_path: str | None = None) -> Case:
    """A token is needed there."""
    return Case(
        name=f"path is protected: {raw_path or path!r}",
        ask=Ask(path=path, raw_path=raw_path),
        settings=PUBLIC,
        status=401,
    )


PATHS = [
    public("/healthz"),
    public("/static/x"),
    public("/static/a/b"),
    public("/static/caf\u00e9"),
    public("/static/a/"),
    *(protected(path) for path in ("/Healthz", "/healthz/", "/static", "/STATIC/x")),
    protected("/static/"),
    *(protected(path) for path in ("/staticx", "/", "/healthzx")),
    *(protected(path) for path in AMBIGUOUS),
    *(protected("/static/../notes".replace("..", "x"), raw) for raw in RAW),
    *(
        Case(
            name=f"path refused where scopes are set: {path!r}",
            ask=Ask(path=path, headers=(bearer(scope="notes:read admin"),)),
            settings=SCOPES,
            status=400,
            error="invalid_request",
        )
        for path in AMBIGUOUS
    ),
    *(
        Case(
            name=f"a rule that demands matches widely: {path}",
            ask=Ask(path=path, headers=(bearer(),)),
            settings=SCOPES,
            status=403,
            error="insufficient_scope",
        )
        for path in ("/notes", "/notes/", "/NOTES/1", "/notes/a/b", "/static/Secret/")
    ),
    Case(
        name="a scope rule goes before a public path",
        ask=Ask(path="/static/secret"),
        settings=SCOPES,
        status=401,
    ),
    Case(
        name="a rule without scopes takes nothing away from a public path",
        ask=Ask(path="/static/x"),
        settings=SCOPES,
    ),
    Case(
        name="a rule without scopes lets any token in",
        ask=Ask(path="/other", headers=(bearer(),)),
        settings=SCOPES,
        subject="alice",
    ),
    Case(
        name="a rule for GET means HEAD too",
        ask=Ask(method="HEAD", path="/notes", headers=(bearer(),)),
        settings=SCOPES,
        status=403,
    ),
    Case(
        name="a rule for GET says nothing of POST",
        ask=Ask(method="POST", path="/notes", headers=(bearer(),)),
        settings={"SCOPES": "GET:/notes/*=notes:read"},
        status=403,
        error="access_denied",
    ),
    Case(
        name="all rules that match count",
        ask=Ask(path="/notes/1", headers=(bearer(scope="a"),)),
        settings={"SCOPES": "/notes/*=a /notes/1=b"},
        status=403,
        error="insufficient_scope",
        headers={"www-authenticate": 'scope="a b"'},
    ),
    *(
        Case(
            name=f"a root elsewhere gives nothing away: {root} {path}",
            ask=Ask(path=path, root=root),
            settings=PUBLIC,
            status=401,
            worlds=ASGI,
        )
        for root, path in ROOTED
    ),
    *(
        Case(
            name=f"a root elsewhere is refused where scopes are set: {root} {path}",
            ask=Ask(path=path, root=root, headers=(bearer(scope="notes:read admin"),)),
            settings=SCOPES,
            status=400,
            error="invalid_request",
            worlds=ASGI,
        )
        for root, path in ROOTED
    ),
    *(
        Case(
            name=f"a root is taken off at a segment boundary: {root} {path}",
            ask=Ask(path=path, root=root),
            settings=PUBLIC,
            worlds=("asyncio", "trio"),
        )
        for root, path in (
            ("/api", "/api/static/x"),
            ("/api", "/static/x"),
            ("/", "/static/x"),
        )
    ),
    Case(
        name="a path that is not UTF-8 is refused where scopes are set",
        ask=Ask(path=NOT_UTF8, headers=(bearer(scope="notes:read admin"),)),
        settings=SCOPES,
        status=400,
        error="invalid_request",
    ),
    Case(
        name="a path that is not UTF-8 is not public",
        ask=Ask(path=NOT_UTF8),
        settings={"PUBLIC_PATHS": "/*"},
        status=401,
    ),
    Case(
        name="a rule that demands names the path with its root too",
        ask=Ask(path="/x", root="/admin", headers=(bearer(),)),
        settings={"SCOPES": "/admin/*=admin /*="},
        status=403,
        error="insufficient_scope",
    ),
    Case(
        name="one segment in a public path",
        ask=Ask(path="/invites/7/preview"),
        settings={"PUBLIC_PATHS": "/invites/*/preview"},
    ),
    *(
        Case(
            name=f"one segment is one: {path}",
            ask=Ask(path=path),
            settings={"PUBLIC_PATHS": "/invites/*/preview"},
            status=401,
        )
        for path in ("/invites/7/8/preview", "/invites/preview", "/invites/7/preview/")
    ),
    Case(
        name="one segment in an optional path",
        ask=Ask(path="/news/7/comments"),
        settings={"OPTIONAL_PATHS": "/news/*/comments"},
    ),
    *(
        Case(
            name=f"one segment in a rule that demands: {path}",
            ask=Ask(path=path, headers=(bearer(),)),
            settings={"SCOPES": "/users/*/keys=admin /*="},
            status=403,
            error="insufficient_scope",
        )
        for path in ("/users/7/keys", "/Users/x/Keys/")
    ),
    Case(
        name="one segment in a token path",
        ask=Ask(method="GET", path="/main/token"),
        settings={"TOKEN_PATHS": "/*/token"},
        status=405,
        headers={"allow": "POST"},
    ),
]
