"""RFC 3986: what demands reaches far, what gives reaches exactly as far as written."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.extract.paths import Kind, PathAccess, PathRules
from jwtguard.core.model.patterns import ambiguous, below, covers, demands, gives
from jwtguard.core.model.scope_rule import ScopeRule, pattern_problem


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "*",
        "//",
        "/a//b",
        "/a//",
        "//a",
        "/.",
        "/..",
        "/a/./b",
        "/a/../b",
        "/a/..",
        "/a\\b",
        "/a;v=1",
        "/a\x00",
        "/a\n",
        "/a\x7f",
        "/%2e%2e",
        "/a%",
        "/%41",
        "/static/../admin",
        "/static/..;/admin",
        "/a/.\\",
        "/a\x85b",
        "/a\x9f",
        "/adm\ufffdin",
        "/adm\u0131n",
        "/adm\u0130n",
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_ambiguous(path: str) -> None:
    """Empty and dot segments, backslash, ``;``, controls, what is still encoded.

    What was not UTF-8, and the two letters that only some matchers take for an i.
    """
    assert ambiguous(path, None)


def test_a_byte_that_was_kept_as_a_surrogate_is_ambiguous() -> None:
    """A server that decodes with ``surrogateescape`` shows that it was not UTF-8."""
    assert ambiguous(b"/adm\xffin".decode("utf-8", "surrogateescape"), None)


def test_letters_that_routers_fold_differently_are_ambiguous() -> None:
    """Where ``re.IGNORECASE`` or ``upper()`` finds two letters alike, so do we.

    Rules that demand compare casefolded text: whatever another matcher takes for the
    same letter has to fold alike, or to be refused.
    """
    cased = [chr(n) for n in range(0x110000) if _has_case(chr(n))]
    every = "".join(cased)
    for letter in cased:
        alike = {*re.findall(re.escape(letter), every, re.IGNORECASE)}
        alike |= {letter.upper(), letter.lower()}
        for other in alike:
            odd = ambiguous(f"/{letter}", None) or ambiguous(f"/{other}", None)
            assert letter.casefold() == other.casefold() or odd, (letter, other)


def _has_case(letter: str) -> bool:
    return letter.lower() != letter or letter.upper() != letter


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/", "/a.b", "/...", "/.a", "/a..", "/é"]
)
def test_ordinary_paths_are_not(path: str) -> None:
    """Dots inside a name, a slash at the end, other scripts."""
    assert not ambiguous(path, None)


@pytest.mark.parametrize("raw", ["/a%2Fb", "/a%2fb", "/a%5Cb", "/%2f", "/a%5c?x"])
def test_an_encoded_slash_is_seen_in_the_raw_target(raw: str) -> None:
    """The server decoded it: another one in front may not have."""
    assert ambiguous("/a/b", raw)


@pytest.mark.parametrize("raw", [None, "/a/b", "/a/b?next=%2Fx", "/%61/b"])
def test_the_raw_target_is_used_for_nothing_else(raw: str | None) -> None:
    """Queries and other escapes say nothing about the path."""
    assert not ambiguous("/a/b", raw)


def rules(**settings: Any) -> PathRules:
    return PathRules(**settings)


def kind(path: str, method: str = "GET", raw: str | None = None, **rules: Any) -> Any:
    return PathRules(**rules).kind(method, path, raw)


GIVING: dict[str, Any] = {
    "public": ("/static/*", "/healthz", "/"),
    "optional": ("/home", "/news/*"),
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", Kind.PUBLIC),
        ("/healthz", Kind.PUBLIC),
        ("/static/a/", Kind.PUBLIC),
        ("/static/a/b", Kind.PUBLIC),
        ("/home", Kind.OPTIONAL),
        ("/news/1", Kind.OPTIONAL),
        ("/static", Kind.PROTECTED),
        ("/static/", Kind.PROTECTED),
        ("/staticx", Kind.PROTECTED),
        ("/Static/a", Kind.PROTECTED),
        ("/healthz/", Kind.PROTECTED),
        ("/HEALTHZ", Kind.PROTECTED),
        ("/healthz/x", Kind.PROTECTED),
        ("/home/", Kind.PROTECTED),
        ("/other", Kind.PROTECTED),
    ],
)
def test_what_gives_matches_exactly(path: str, expected: Kind) -> None:
    """No other case, no added slash; ``/x/*`` excludes ``/x``, and so ``/x/``."""
    assert kind(path, **GIVING) is expected


@pytest.mark.parametrize(
    "path",
    [
        "/static/../admin",
        "/static//admin",
        "/static/%2e%2e/admin",
        "/static/a;b",
        "/static/\\..\\admin",
        "/static/.",
        "/static/\x00",
        "static/a",
        "/static/..;/x",
    ],
)
def test_an_ambiguous_path_is_given_nothing(path: str) -> None:
    """It needs a token, or where rules demand something it is refused."""
    assert kind(path, **GIVING) is Kind.PROTECTED
    assert kind(path, **GIVING, token=("/oauth/token",)) is None
    assert kind(path, **GIVING, scopes=(ScopeRule(path="/a"),)) is None
    assert kind("/static/x", raw="/static%2fx", **GIVING) is Kind.PROTECTED


DEMANDED = ["/notes", "/notes/", "/notes/1", "/NOTES/1/", "/Notes", "/notes//"]


@pytest.mark.parametrize("path", DEMANDED)
def test_what_demands_matches_widely(path: str) -> None:
    """Whatever the case or the slash at the end; ``/x/*`` includes ``/x``."""
    assert demands("/notes/*", path)
    assert demands("/Notes/*", path)
    assert demands("/*", path)


def test_what_demands_stops_at_the_segment() -> None:
    """A longer name is another name."""
    for path in ("/notesx", "/note", "/", "/x/notes"):
        assert not demands("/notes/*", path)
    assert demands("/notes", "/NOTES/")
    assert demands("/fax", "/FAX")
    assert not demands("/fa", "/FAX")
    assert not demands("/notes", "/notes/1")
    assert demands("/", "/")
    assert not demands("/", "/a")


def test_precedence_is_token_scope_optional_public_protected() -> None:
    """The first that fits wins, in the order of what they ask."""
    settings: dict[str, Any] = {
        "token": ("/a/token",),
        "revocation": ("/a/revoke",),
        "scopes": (ScopeRule(path="/a/s", require=("x",)),),
        "optional": ("/a/o",),
        "public": ("/a/*",),
    }
    made = PathRules(**settings)
    found = [made.kind("POST", f"/a/{end}", None) for end in ("token", "revoke")]
    assert found == [Kind.TOKEN, Kind.REVOCATION]
    assert made.kind("GET", "/a/S/", None) is Kind.PROTECTED
    assert made.kind("GET", "/a/o", None) is Kind.OPTIONAL
    assert made.kind("GET", "/a/p", None) is Kind.PUBLIC
    assert made.kind("GET", "/b", None) is Kind.PROTECTED


def test_a_public_directory_does_not_open_the_admin_in_it_by_case() -> None:
    """A scope rule holds whatever the spelling that the application also takes."""
    made = rules(public=("/*",), scopes=(ScopeRule(path="/admin/*", require=("a",)),))
    for path in ("/admin", "/ADMIN/x", "/Admin/", "/admin/x"):
        assert made.kind("GET", path, None) is Kind.PROTECTED
        assert made.demands("GET", path).scopes == ("a",)


def test_a_rule_without_scope_takes_nothing_away() -> None:
    """``/*=`` names protected paths; public and optional ones stay what they are."""
    made = rules(public=("/p",), optional=("/o",), scopes=(ScopeRule(path="/*"),))
    assert made.kind("GET", "/p", None) is Kind.PUBLIC
    assert made.kind("GET", "/o", None) is Kind.OPTIONAL
    assert made.demands("GET", "/x").scopes == ()


def test_all_rules_that_match_count() -> None:
    """The scopes of each, once."""
    made = rules(
        scopes=(
            ScopeRule(path="/n/*", methods=("GET",), require=("r",)),
            ScopeRule(path="/n/*", methods="POST", require="w"),
            ScopeRule(path="/n/1", require=("any", "one")),
            ScopeRule(path="/*", require=("any",)),
            ScopeRule(path="/x/*", methods=("PUT",)),
        )
    )
    for method in ("GET", "HEAD", "get", "head"):
        assert made.demands(method, "/n/1").scopes == ("r", "any", "one")
    assert made.demands("POST", "/n/1").scopes == ("w", "any", "one")


@pytest.mark.parametrize("kind", [*Kind, None])
def test_only_where_a_token_can_open_something_is_it_read(kind: Kind | None) -> None:
    """No known token leads past the rules of a token path or an ambiguous one."""
    reads = PathAccess(kind, ()).reads_token
    assert reads is (kind in (Kind.PROTECTED, Kind.OPTIONAL))


def test_strangers_cannot_fill_the_memory_with_paths() -> None:
    """200 characters of method and path, 1024 times; what is longer is not held."""
    made = rules(public=("/*",))
    known = made._known  # what it holds shows nowhere else
    for method in ("GET", "M" * 150):
        long = "/".ljust(201 - len(method), "a")
        assert made.rule(method, long).kind is Kind.PUBLIC
    assert made.rule("GET", "/a", "/%61").kind is Kind.PUBLIC
    assert made.rule("GET", "/a", root="/".ljust(196, "r")).kind is Kind.PUBLIC
    assert known.cache_info().currsize == 0
    for method in ("GET", "M" * 150):
        assert made.rule(method, "/".ljust(200 - len(method), "a")).kind is Kind.PUBLIC
    assert known.cache_info().currsize == 2
    for number in range(1100):
        made.rule("GET", f"/{number}")
    assert known.cache_info().currsize == 1024


def test_a_path_that_no_rule_names_is_told_from_one_that_needs_nothing() -> None:
    """None is a refusal later; an empty tuple is none."""
    made = rules(scopes=(ScopeRule(path="/n", methods=("GET",), require=("r",)),))
    assert made.demands("GET", "/x").scopes is None
    assert made.demands("DELETE", "/n").scopes is None
    assert rules().demands("GET", "/x").scopes == ()


def test_one_segment_is_given_exactly() -> None:
    """``*`` stands for one segment that is not empty, and for no part of one."""
    for path in ("/invites/7/preview", "/invites/*/preview", "/invites/\xe9/preview"):
        assert gives("/invites/*/preview", path)
    for path in (
        "/invites/preview", "/invites//preview", "/invites/7/8/preview",
        "/invites/7/preview/", "/invites/7/Preview", "/invites/7",
        "/x/invites/7/preview",
    ):  # fmt: skip
        assert not gives("/invites/*/preview", path)
    assert gives("/a/*/*", "/a/b/c/d")
    assert not gives("/a/*/*", "/a/b")
    assert not gives("/a/*/*", "/a/b/")
    assert gives("/*", "/")


def test_one_segment_is_demanded_widely() -> None:
    """Whatever the case or the slash at the end; a final ``/*`` is still the rest."""
    for path in ("/users/7/keys", "/Users/x/KEYS/", "/users/keys/keys"):
        assert demands("/users/*/keys", path)
    for path in ("/users/keys", "/users/7/8/keys", "/users/7/keys/1", "/users//keys"):
        assert not demands("/users/*/keys", path)
    for path in ("/users/7/keys", "/users/7/keys/1/2"):
        assert demands("/users/*/keys/*", path)
    assert demands("/users/*/", "/users/7")
    assert not demands("/users/*/", "/users/7/keys")


# Where the application is mounted.


@pytest.mark.parametrize(
    ("root", "path", "found"),
    [
        ("/api", "/api/x", "/x"),
        ("/api", "/api/", "/"),
        ("/api", "/api/x/api/y", "/x/api/y"),
        ("/api", "/api/api/x", "/api/x"),
        ("/api", "/x", "/x"),
        ("/", "/x", "/x"),
        ("/a/b", "/a/b/c", "/c"),
        ("/a/b", "/a/c", "/a/c"),
    ],
)
def test_a_root_is_taken_off_where_all_routers_do_it(
    root: str, path: str, found: str
) -> None:
    """At a segment boundary; a path without the root had it taken off by a proxy."""
    assert below(root, path) == found


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/api", "/static/api/x"),
        ("/api", "/apix"),
        ("/api", "/apiadmin/report"),
        ("/api", "x/api"),
        ("/api", "/API/x"),
        ("/API", "/api/x"),
        ("/api", "/static/Api"),
        ("/api/", "/api/x"),
        ("/api/", "/api"),
        ("/api/", "/x"),
        ("/api/", "/api//x"),
        ("/api", "/api"),
        ("api", "api/x"),
        ("api", "/x/api"),
        ("//", "//x"),
    ],
)
def test_a_root_that_routers_find_elsewhere_is_ambiguous(root: str, path: str) -> None:
    """Some split at the root wherever it is, some take it off without a boundary."""
    assert below(root, path) == ""
    assert ambiguous("", None)


def test_a_scope_rule_names_the_whole_path_too() -> None:
    """An application that leaves the root where it is routes on the whole path."""
    made = rules(
        public=("/static/*",),
        scopes=(
            ScopeRule(path="/api/admin/*", require=("admin",)),
            ScopeRule(path="/notes", require=("notes",)),
            ScopeRule(path="/api/*"),
        ),
    )
    assert made.demands("GET", "/admin/x", "/api").scopes == ("admin",)
    assert made.rule("GET", "/admin/x", root="/api").scopes == ("admin",)
    assert made.rule("GET", "/admin/x", "/%61dmin/x", "/api").scopes == ("admin",)
    assert made.rule("GET", "/admin/x").scopes is None
    assert made.demands("GET", "/notes", "/api").scopes == ("notes",)
    assert made.demands("GET", "/other", "/api").scopes is None, (
        "names nothing it did not"
    )
    assert made.kind("GET", "/static/x", None, "/api") is Kind.PUBLIC
    assert made.kind("GET", "/x", None, "/api/admin") is Kind.PROTECTED
    assert made.kind("GET", "/static/x", None, "/api/admin") is Kind.PROTECTED
    long = f"/admin/{'a' * 200}"
    assert made.rule("GET", long, root="/api").scopes == ("admin",)


SEGMENTS = ["a", "A", "b", "token", "..", ".", "", "é", "%2f", "ß", "ss"]
PATHS = st.lists(st.sampled_from(SEGMENTS), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
PATTERNS = st.lists(st.sampled_from([*SEGMENTS[:4], "ß", "ss", "*"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@given(PATTERNS, PATHS)
def test_whatever_is_given_would_also_be_demanded(pattern: str, path: str) -> None:
    """Giving is the narrower way to read one and the same pattern."""
    if pattern_problem(pattern) is None and gives(pattern, path):
        assert demands(pattern, path)


@given(PATTERNS, PATTERNS, PATHS)
def test_no_public_pattern_reaches_a_token_path(
    give: str, demand: str, path: str
) -> None:
    """Where ``covers`` sees nothing, there is no path that both match."""
    if pattern_problem(give) is None and pattern_problem(demand) is None:
        both = gives(give, path) and demands(demand, path)
        assert not both or covers(give, demand)


class Counted(str):
    """A path that notes when it is taken apart."""

    __slots__ = ()
    noted: ClassVar[list[str]] = []

    def split(self, *args: Any) -> list[str]:
        """Note it, and split."""
        self.noted.append("split")
        return super().split(*args)

    def rstrip(self, *args: Any) -> str:
        """Note it, and strip."""
        self.noted.append("rstrip")
        return super().rstrip(*args)


def test_a_long_path_is_not_taken_apart_for_each_rule() -> None:
    """Anybody may send one of 64 KiB: with a hundred rules that took 50 ms."""
    made = PathRules(
        token=[f"/t{n}" for n in range(50)],
        public=[f"/p{n}/*" for n in range(50)],
        scopes=[ScopeRule(path=f"/s{n}/*", require=["a"]) for n in range(50)],
    )
    Counted.noted.clear()
    assert made.rule("GET", Counted("/x" * 200)).scopes is None
    assert len(Counted.noted) <= 6
