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
)  # fmt: skip
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
    public("/static/"),
    *(protected(path) for path in ("/Healthz", "/healthz/", "/static", "/STATIC/x")),
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
]
