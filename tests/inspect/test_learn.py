"""``jwtguard learn``: what it proposes lets the logged traffic pass, and no more."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Guard, load_policy
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.request import Request
from jwtguard.events import JSONFormatter
from jwtguard.inspect.learn import learn
from jwtguard.testing import FakeClock, JWTIssuer
from tests.core.flow_support import request

ISSUER = JWTIssuer(alg="ES256", clock=FakeClock())
WWW, SHOP = "https://www.example.com", "https://shop.example.com"
PRESENT = {
    "JWTGUARD_ISSUER": ISSUER.url,
    "JWTGUARD_AUDIENCE": ISSUER.audience,
    "JWTGUARD_KEYS": json.dumps(ISSUER.jwks()),
    "JWTGUARD_CLIENTS": f"spa={WWW}",
    "JWTGUARD_CLIENTS_ONLY": "true",
    "JWTGUARD_SCOPES": "GET:/notes/*=notes:read POST:/notes/*=notes:write",
}
REPORTED = {
    "JWTGUARD_REPORT_ONLY": "scopes origins clients",
    "JWTGUARD_COOKIE": "token",
}
FORMATS = {
    "json": JSONFormatter(),
    "basic": logging.Formatter(logging.BASIC_FORMAT),
    "dated": logging.Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"),
    "bare": logging.Formatter("%(message)s"),
}


def asked(
    subject: str, method: str = "GET", path: str = "/notes/1", **more: str
) -> Request:
    """Return a request of *subject*, by client *client_id* and from *origin*."""
    token = ISSUER.token(
        subject=subject,
        client_id=more.pop("client_id", "spa"),
        scope=more.pop("scope", "notes:read notes:write"),
    )
    return request(path, method, token=token, **more)


def guard_of(environ: Mapping[str, str]) -> Guard:
    """Return a guard by these settings, at the issuer's time."""
    return Guard(load_policy(environ), clock=ISSUER.clock)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the guard logs, as JSON."""
    yield from logged("json")


def logged(kind: str) -> Iterator[io.StringIO]:
    """Yield what the logger writes in one format."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(FORMATS[kind])
    logger = logging.getLogger("jwtguard")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield text
    logger.removeHandler(handler)
    logger.setLevel(level)


def settings_in(lines: list[str]) -> dict[str, str]:
    """Return the variables that *lines* set."""
    found = (re.fullmatch(r'export (JWTGUARD_\w+)="(.*)"', line) for line in lines)
    return {match[1]: match[2] for match in found if match}


TRAFFIC = [
    asked(subject, method, path, **more)
    for subject in ("alice", "bob", "carol")
    for method, path, more in (
        ("GET", "/notes/1", {}),
        ("GET", "/notes/1", {"origin": SHOP}),
        ("GET", "/notes/2", {"client_id": "shop", "origin": SHOP}),
        ("POST", "/notes/2", {"client_id": "batch"}),
        ("HEAD", f"/reports/{subject}", {}),
        ("DELETE", "/reports/17/pages/3", {}),
        ("GET", "/v2/users/4711/keys", {}),
        ("PATCH", "/", {"origin": "http://localhost:3000"}),
    )
]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_traffic_passes_under_what_was_learnt(kind: str) -> None:
    """Learnt from JSON lines or from text, no request is refused or reported."""
    told: list[str] = []
    for text in logged(kind):
        guard = guard_of(PRESENT | REPORTED)
        for one in TRAFFIC:
            assert isinstance(guard.decide(one), Proceed)
        lines = list(learn(text.getvalue().splitlines(), guard.policy))
    assert "# These would still be refused:" not in lines
    learnt = settings_in(lines)
    assert set(learnt) == {"JWTGUARD_CLIENTS", "JWTGUARD_SCOPES"}
    enforcing = Guard(
        load_policy(PRESENT | learnt),
        clock=ISSUER.clock,
        on_event=lambda event, _: told.append(event),
    )
    for one in TRAFFIC:
        assert isinstance(enforcing.decide(one), Proceed), one
    assert told == []


def test_what_was_not_in_the_log_is_still_refused(log: io.StringIO) -> None:
    """Another origin, client, path or method is not opened by it."""
    guard = guard_of(PRESENT | REPORTED)
    for one in TRAFFIC:
        guard.decide(one)
    learnt = settings_in(list(learn(log.getvalue().splitlines(), guard.policy)))
    enforcing = guard_of(PRESENT | learnt)
    for one in (
        asked("alice", origin="https://evil.example"),
        asked("alice", client_id="stranger"),
        asked("alice", "POST", "/reports/17"),
        asked("alice", "GET", "/v2/users"),
        asked("alice", "GET", "/notes/1", client_id="batch", origin=SHOP),
        asked("alice", scope="x"),
    ):
        assert not isinstance(enforcing.decide(one), Proceed)


def test_the_lines_say_how_often_when_and_by_how_many(log: io.StringIO) -> None:
    """Each new part has a line of its own below the setting."""
    guard = guard_of(PRESENT | REPORTED)
    for subject in ("alice", "bob", "alice"):
        guard.decide(asked(subject, "GET", "/reports/17"))
    text = log.getvalue().replace('"time": "20', '"time": "19', 2)
    lines = list(learn(text.splitlines(), guard.policy))
    assert lines[0] == (
        'export JWTGUARD_SCOPES="GET:/notes/*=notes:read POST:/notes/*=notes:write '
        'GET:/reports/*="'
    )
    assert re.fullmatch(
        r"#   no_rule GET /reports/\*  3 requests, 2 subjects, "
        r"19\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d",
        lines[1],
    )


@pytest.mark.parametrize(
    ("requests", "why"),
    [
        ([asked("alice", origin=SHOP)] * 5, "seen from one subject only"),
        (
            [asked(name, origin="null") for name in ("alice", "bob")],
            "null is the origin of any sandboxed page",
        ),
        (
            [asked(name, origin="https://a.example/x") for name in ("alice", "bob")],
            "not a valid origin",
        ),
        (
            [asked(name, origin="http://a.example") for name in ("alice", "bob")],
            "a page over plain http can be changed on the way",
        ),
        ([asked("alice", "GET", f"/{word}") for word in "abcd"], "seen from one"),
        (
            [asked(name, "GET", f"/{name}1") for name in ("alice", "bob")],
            "a rule for it would open every path",
        ),
        (
            [asked(name, "GET", "/x", scope="y") for name in ("alice", "bob")][:1],
            "seen from one subject only",
        ),
        (
            [asked(name, scope="y") for name in ("alice", "bob")],
            "the client has to request the scope together with the token",
        ),
        (
            [asked(name, "TRACK", origin=WWW) for name in ("alice", "bob")],
            "list the method in `methods` of [[clients]]",
        ),
        (
            [
                request("/notes/1", cookie=f"token={token}", origin=SHOP)
                for token in (ISSUER.token(subject=name) for name in ("alice", "bob"))
            ],
            "cookies need an origin with credentials = true in [[clients]]",
        ),
        (
            [asked(name, "M-SEARCH", "/x") for name in ("alice", "bob")],
            "not a common method",
        ),
    ],
)
def test_what_is_not_proposed_is_listed(
    requests: list[Request], why: str, log: io.StringIO
) -> None:
    """With the reason; no setting is printed for it."""
    guard = guard_of(PRESENT | REPORTED)
    for one in requests:
        assert isinstance(guard.decide(one), Proceed)
    lines = list(learn(log.getvalue().splitlines(), guard.policy))
    if requests[0].method != "TRACK":  # no rule is for it, which is proposed
        assert settings_in(lines) == {}
    assert any(line.startswith("#   ") and why in line for line in lines), lines


def test_a_segment_that_each_subject_has_for_itself_becomes_a_star(
    log: io.StringIO,
) -> None:
    """Names of people are not proposed; two people are too few to tell."""
    guard = guard_of(PRESENT | REPORTED)
    for name in ("alice", "bob"):
        guard.decide(asked(name, "GET", f"/users/{name}/keys"))
    few = list(learn(log.getvalue().splitlines(), guard.policy))
    assert settings_in(few) == {}
    guard.decide(asked("carol", "GET", "/users/carol/keys"))
    (line,) = settings_in(list(learn(log.getvalue().splitlines(), None))).values()
    assert line == "GET:/users/*/keys="


def test_one_subject_that_tries_many_paths_opens_none(log: io.StringIO) -> None:
    """A scan is of one subject, whatever it is merged into."""
    guard = guard_of(PRESENT | REPORTED)
    for word in ("admin", "debug", "env", "git", "backup"):
        guard.decide(asked("mallory", "GET", f"/api/{word}"))
    assert settings_in(list(learn(log.getvalue().splitlines(), None))) == {}


def event(**fields: Any) -> str:
    """Return a line of a log."""
    usual = {
        "event": "would_refuse",
        "reason": "foreign_origin",
        "method": "GET",
        "client_id": "spa",
        "issuer": "https://id.example.com",
        "origin": SHOP,
    }
    return json.dumps({**usual, **fields})


def pair(**fields: Any) -> list[str]:
    """Return the same line of two subjects."""
    return [event(subject=subject, **fields) for subject in ("aaa", "bbb")]


def test_clients_of_several_issuers_are_tables() -> None:
    """A variable cannot say which issuer a client belongs to."""
    lines = pair() + pair(issuer="https://other.example.com", client_id="x y")
    found = [line for line in learn(lines, None) if not line.startswith("#")]
    assert found == [
        "[[clients]]",
        'id = "spa"',
        'issuer = "https://id.example.com"',
        f'origins = ["{SHOP}"]',
        "[[clients]]",
        'id = "x y"',
        'issuer = "https://other.example.com"',
        f'origins = ["{SHOP}"]',
    ]


def test_an_id_that_a_variable_cannot_hold_is_a_table() -> None:
    """Nor is anything printed that a shell would run."""
    for client_id in ("x y", "$(id)", "a=b", 'a"b', "a`b", "a,b"):
        lines = list(learn(pair(client_id=client_id), None))
        assert settings_in(lines) == {}
        assert f"id = {json.dumps(client_id)}" in lines


def test_clients_that_say_more_stay_in_the_file(tmp_path: Any) -> None:
    """A variable would take away their methods and credentials."""
    path = tmp_path / "jwtguard.toml"
    path.write_text(
        f'[[clients]]\nid = "spa"\norigins = ["{WWW}"]\ncredentials = true\n'
        '[[scopes]]\npath = "/a"\nmethods = ["GET", "PUT"]\nrequire = ["a"]\n'
    )
    environ = {k: v for k, v in PRESENT.items() if k[9:] not in ("CLIENTS", "SCOPES")}
    policy = load_policy({**environ, "JWTGUARD_CONFIG": str(path)})
    lines = pair() + pair(reason="no_rule", rule="/b", client_id=None)
    found = [line for line in learn(lines, policy) if not line.startswith("#")]
    assert found == [
        "[[clients]]",
        'id = "spa"',
        f'origins = ["{WWW}", "{SHOP}"]',
        'export JWTGUARD_SCOPES="GET:/a=a PUT:/a=a GET:/b="',
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not a log line",
        "{",
        "[]",
        "null",
        "{}",
        '{"event": 1}',
        '{"message": "hello"}',
        "[" * 5000,
        "{" * 5000,
        "would_refuse",
        "x" * 30_000,
    ],
)
def test_what_is_not_known_is_counted(line: str) -> None:
    """And nothing is proposed for it; empty lines do not count."""
    found = list(learn([line, *pair()], None))
    assert ("# 1 line holds no known event" in found) is bool(line)
    assert settings_in(found) == {"JWTGUARD_CLIENTS": f"spa={SHOP}"}


def test_other_events_are_counted_by_name() -> None:
    """In both forms."""
    lines = [
        json.dumps({"event": "refused", "reason": "expired"}),
        "INFO:jwtguard:refused reason='expired' status=401",
        "INFO:jwtguard:fetch_ok issuer='https://id.example.com' keys=2",
    ]
    assert list(learn(lines, None)) == [
        "# nothing to propose",
        "# other events: fetch_ok 1, refused 2",
    ]


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"time": "2026-11-05T23:59:59.999Z"}, "2026-11-05"),
        ({"timestamp": "2026-11-05 01:02:03,456"}, "2026-11-05"),
        ({"@timestamp": 1793836800}, "2026-11-05"),
        ({"asctime": "yesterday"}, ""),
        ({"ts": True}, ""),
        ({"ts": 1e300}, ""),
        ({"ts": None}, ""),
    ],
)
def test_the_day_is_read_in_many_forms(fields: dict[str, Any], day: str) -> None:
    """As other formatters write it; a line without one still counts."""
    (_, line) = learn(pair(**fields), None)
    assert line.endswith(f"2 requests, 2 subjects{', ' if day else ''}{day}")


def test_a_message_inside_json_is_read() -> None:
    """Other formatters put the whole text into one member."""
    text = "would_refuse reason='no_rule' rule='/b' method='GET' subject='{}'"
    lines = [json.dumps({"msg": text.format(n), "time": "2026-11-05"}) for n in "ab"]
    assert list(learn(lines, None)) == [
        'export JWTGUARD_SCOPES="GET:/b="',
        "#   no_rule GET /b  2 requests, 2 subjects, 2026-11-05",
    ]


@given(st.lists(st.one_of(
    st.text(max_size=80),
    st.text(max_size=40).map(lambda text: f"would_refuse reason={text}"),
    st.dictionaries(
        st.sampled_from(["event", "reason", "rule", "method", "origin", "client_id",
                         "issuer", "subject", "time", "message"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20),
                  st.sampled_from(["would_refuse", "no_rule", "foreign_origin",
                                   "client_not_listed", "/x", "GET", "null"])),
    ).map(json.dumps),
), max_size=12))  # fmt: skip
def test_whatever_is_in_a_log_the_output_is_safe(lines: list[str]) -> None:
    """Settings that load, or comments; nothing that moves a terminal or a shell."""
    printed = list(learn(lines, None))
    for line in printed:
        assert line.isprintable()
        assert line.startswith(("#", "export ", "[[", "id = ", "issuer = ",
                                "origins = ", "path = ", "methods = "))  # fmt: skip
        assert not line.startswith("export ") or not set(line) & set("$`\\;&|<>()")
    found = settings_in(printed)
    load_policy({k: v for k, v in PRESENT.items() if k not in found} | found)


def test_no_end_of_kinds_fills_the_memory() -> None:
    """Strangers choose origins: after some thousands the rest is counted."""
    lines = [event(origin=f"https://{n}.example") for n in range(10_050)]
    printed = list(learn(lines, None))
    assert "# 50 events of further kinds were left out" in printed
