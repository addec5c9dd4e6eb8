"""The relay and its issuers: whose secret goes where, and how endpoints are found."""

from __future__ import annotations

import json
import os
import threading
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from werkzeug.test import Client as WSGIClient
from werkzeug.test import TestResponse

from jwtguard import (
    Client,
    ConfigurationError,
    Guard,
    Policy,
    TrustedIssuer,
    load_policy,
)
from jwtguard.inspect.check_policy import check
from jwtguard.relay import TokenRelay
from jwtguard.testing import FakeClock
from tests.waiting import HANG

STAFF, PARTNER = "https://id.staff.example", "https://id.partner.example"
FORM = {"grant_type": "password", "client_id": "web", "username": "u", "password": "p"}
CLIENTS = (Client(id="web", issuer=STAFF), Client(id="app", issuer=PARTNER))


class Web:
    """Metadata of any issuer, and its endpoints; notes what was asked."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.posted: list[httpx.Request] = []
        self.down = False
        self.named: Mapping[str, str] = {}

    def transport(self, url: str, headers: Mapping[str, str], timeout: float) -> Any:
        """Answer requests for metadata."""
        self.found.append(url)
        if self.down:
            raise ConnectionRefusedError("nobody listens")
        issuer = url.partition("/.well-known")[0]
        endpoints = {
            "token_endpoint": f"{issuer}/token",
            "revocation_endpoint": f"{issuer}/revoke",
        }
        metadata = {"issuer": issuer, **endpoints, **self.named}
        return 200, {}, json.dumps(metadata).encode()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer what the relay posts."""
        request.read()
        self.posted.append(request)
        return httpx.Response(400, json={"error": "invalid_grant"})

    def relay(self, policy: Policy, clock: FakeClock | None = None) -> TokenRelay:
        """Return a relay by *policy* that asks this web."""
        guard = Guard(policy, clock=clock or FakeClock(), transport=self.transport)
        return TokenRelay(guard, transport=self)


@pytest.fixture
def web() -> Web:
    """What the relay can reach."""
    return Web()


def policy(*issuers: TrustedIssuer, **settings: Any) -> Policy:
    given = issuers or (TrustedIssuer(url=STAFF),)
    clients = tuple(c for c in CLIENTS if c.issuer in {i.url for i in given})
    return Policy(**{"issuers": given, "audience": "a", "clients": clients, **settings})


def post(relay: TokenRelay, path: str = "/token", **form: str) -> TestResponse:
    http = WSGIClient(relay.wsgi)
    return http.post(path, base_url="https://api.example", data={**FORM, **form})


def secret_of(request: httpx.Request) -> tuple[str, str]:
    """Return the secrets in the Authorization header and in the form."""
    basic = request.headers.get("authorization", "").removeprefix("Basic ")
    form = parse_qs(request.content.decode())
    return b64decode(basic).decode(), form.get("client_secret", [""])[0]


# Whose secret goes where.


def test_the_secret_of_one_issuer_is_never_sent_to_another(web: Web) -> None:
    """Each client's form goes to its own issuer, with that issuer's secret or none."""
    relay = web.relay(
        policy(
            TrustedIssuer(
                url=STAFF, relay_url=f"{STAFF}/t", relay_client_secret="of staff"
            ),
            TrustedIssuer(url=PARTNER, relay_auth="post"),
        )
    )
    post(relay)
    post(relay, client_id="app")
    assert [str(r.url) for r in web.posted] == [f"{STAFF}/t", f"{PARTNER}/token"]
    assert [secret_of(r) for r in web.posted] == [("web:of+staff", ""), ("", "")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("relay_url", f"{STAFF}/token"),
        ("relay_revocation_url", f"{STAFF}/revoke"),
        ("relay_client_secret", "hush"),
        ("relay_auth", "post"),
    ],
)
def test_what_belongs_to_one_issuer_is_refused_beside_several(
    tmp_path: Path, name: str, value: str
) -> None:
    """In code and as a variable, by its name; a secret is not shown."""
    issuers = (TrustedIssuer(url=STAFF), TrustedIssuer(url=PARTNER))
    with pytest.raises(ConfigurationError, match=f"{name}: for one issuer only"):
        policy(*issuers, **{name: value})
    config = tmp_path / "jwtguard.toml"
    config.write_text(f'[[issuers]]\nurl = "{STAFF}"\n[[issuers]]\nurl = "{PARTNER}"\n')
    environ = {
        "JWTGUARD_CONFIG": str(config),
        "JWTGUARD_AUDIENCE": "a",
        f"JWTGUARD_{name.upper()}": value,
    }
    with pytest.raises(ConfigurationError) as caught:
        load_policy(environ)
    (problem,) = caught.value.problems
    assert problem.startswith(f"JWTGUARD_{name.upper()}: for one issuer only")
    assert "hush" not in problem


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("relay_url", "http://id.example/token", "is not a valid https URL"),
        (
            "relay_revocation_url",
            "http://id.example/revoke",
            "is not a valid https URL",
        ),
        ("relay_client_secret", "", "must be a non-empty string"),
        ("relay_auth", "digest", "write basic or post"),
    ],
)
def test_what_is_wrong_in_an_issuers_table_names_the_issuer(
    name: str, value: str, message: str
) -> None:
    """The same checks as for the variables."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        policy(TrustedIssuer(url=STAFF, **{name: value}))  # type: ignore[arg-type]
    assert f"issuer {STAFF}: {name}: " in f"{caught.value}"


def test_a_variable_overrides_the_table_of_the_only_issuer(
    tmp_path: Path, web: Web
) -> None:
    """As it does for every other setting; the file may hold all of it too."""
    config = tmp_path / "jwtguard.toml"
    config.write_text(f"""
        audience = "a"
        [[issuers]]
        url = "{STAFF}"
        relay_url = "{STAFF}/file"
        relay_client_secret = "of the file"
        relay_auth = "post"
        [[clients]]
        id = "web"
    """)
    environ = {"JWTGUARD_CONFIG": str(config)}
    post(web.relay(load_policy(environ)))
    environ["JWTGUARD_RELAY_URL"] = f"{STAFF}/variable"
    environ["JWTGUARD_RELAY_AUTH"] = "basic"
    post(web.relay(load_policy(environ)))
    assert [str(r.url) for r in web.posted] == [f"{STAFF}/file", f"{STAFF}/variable"]
    secrets = [secret_of(request) for request in web.posted]
    assert secrets == [("", "of the file"), ("web:of+the+file", "")]


def test_basic_is_form_encoded_and_the_form_stays_as_it_came(web: Web) -> None:
    """RFC 6749 section 2.3.1: a colon or a percent sign in either is no separator."""
    clients = (Client(id="a:b c"),)
    made = policy(relay_client_secret="p:%q é", clients=clients)
    post(web.relay(made), client_id="a:b c")
    (request,) = web.posted
    assert secret_of(request) == ("a%3Ab+c:p%3A%25q+%C3%A9", "")
    sent = httpx.Request("POST", STAFF, data=FORM | {"client_id": "a:b c"})
    assert parse_qs(request.content) == parse_qs(sent.content)


def test_no_repr_shows_a_secret() -> None:
    """Neither the policy's nor the issuer's."""
    made = policy(TrustedIssuer(url=STAFF, relay_client_secret="hush"))
    assert "hush" not in repr(made)


# Endpoints.


def test_both_endpoints_may_be_named(web: Web) -> None:
    """Then nothing is discovered."""
    made = policy(relay_url=f"{STAFF}/t", relay_revocation_url=f"{STAFF}/r")
    relay = web.relay(made)
    post(relay)
    post(relay, "/revoke", token="x")
    assert [str(r.url) for r in web.posted] == [f"{STAFF}/t", f"{STAFF}/r"]
    assert web.found == []


def test_endpoints_are_discovered_once(web: Web) -> None:
    """Each of the two; later requests use what was found."""
    relay = web.relay(policy())
    for _ in range(3):
        post(relay)
        post(relay, "/revoke", token="x")
    assert len(web.found) == 2
    assert {str(r.url) for r in web.posted} == {f"{STAFF}/token", f"{STAFF}/revoke"}


def test_a_failed_discovery_is_remembered(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the back-off is over the issuer is left alone; the log says the cause."""
    web.down = True
    clock = FakeClock()
    relay = web.relay(policy(relay_limit="999/minute"), clock)
    with caplog.at_level("INFO", "jwtguard"):
        codes = {post(relay).status_code for _ in range(50)}
    assert (codes, len(web.found)) == ({502}, 2)
    told = [r for r in caplog.records if getattr(r, "event", "") == "discovery_failed"]
    (failed,) = told
    assert failed.levelname == "WARNING"
    assert "id.staff.example" in failed.problem  # type: ignore[attr-defined]
    assert "ConnectionRefusedError" in failed.problem  # type: ignore[attr-defined]
    details = [r.detail for r in caplog.records if hasattr(r, "detail")]
    assert len(details) == 50
    assert all("ConnectionRefusedError" in detail for detail in details)
    web.down = False
    clock.advance(10)
    assert post(relay).status_code == 400
    assert len(web.found) == 3


def test_pauses_grow_up_to_a_minute(web: Web) -> None:
    """An issuer that is down for an hour is asked about once a minute."""
    web.down = True
    clock = FakeClock()
    relay = web.relay(policy(relay_limit="9999/second"), clock)
    for _ in range(3600):
        clock.advance(1)
        post(relay)
    assert 2 * 60 <= len(web.found) <= 2 * 80


def test_requests_at_once_share_one_discovery(web: Web) -> None:
    """However many wait for it."""
    open_, begun = threading.Event(), threading.Event()
    answer = web.transport

    def held(url: str, headers: Mapping[str, str], timeout: float) -> Any:
        begun.set()
        assert open_.wait(HANG)
        return answer(url, headers, timeout)

    guard = Guard(policy(relay_limit="99/minute"), transport=held)
    relay = TokenRelay(guard, transport=web)
    threads = [threading.Thread(target=post, args=(relay,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(HANG)
    open_.set()
    for thread in threads:
        thread.join(HANG)
    assert (len(web.found), len(web.posted)) == (1, 8)


def test_old_endpoints_serve_while_the_metadata_are_read_again(web: Web) -> None:
    """A moved endpoint is found; an issuer that is down takes nothing away."""
    clock = FakeClock()
    relay = web.relay(policy(relay_limit="99/minute"), clock)
    post(relay)
    web.down = True
    clock.advance(601)
    assert post(relay).status_code == 400
    (endpoint,) = (
        one
        for one in relay._flow.upstreams[STAFF].endpoints.values()
        if one.url is not None
    )
    assert endpoint.url == f"{STAFF}/token"


@pytest.mark.parametrize("inside", ["http://127.0.0.1:9/t", "https://localhost/t"])
def test_metadata_cannot_send_the_relay_to_this_machine(web: Web, inside: str) -> None:
    """Else the answer of a service that only we can reach came back to the caller."""
    web.named = {"token_endpoint": inside}
    relay = web.relay(policy())
    assert post(relay).status_code == 502
    assert web.posted == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_during_a_discovery_leaves_a_working_child(web: Web) -> None:
    """What another thread held in the parent is open in the child."""
    relay = web.relay(policy())
    upstream = relay._flow.upstreams[STAFF]
    endpoint = upstream.endpoints["token_endpoint"]
    with endpoint._lock, relay._drivers._limiter._own._lock:
        relay.guard.after_fork()
        assert post(relay).status_code == 400


# What ``check`` says.


def said_by_check(guard: Guard) -> dict[str, tuple[str, str]]:
    found = check(guard)
    return {f.what: (f.level, f.text) for f in found if "relay" in f.what}


def test_check_looks_for_both_endpoints(web: Web) -> None:
    """Where there is a relay, or a setting of one."""
    relay = web.relay(policy())
    assert said_by_check(relay.guard) == {
        "relay: token endpoint": ("ok", f"{STAFF}/token"),
        "relay: revocation endpoint": ("ok", f"{STAFF}/revoke"),
    }
    guard = Guard(policy(relay_url=f"{STAFF}/t"), transport=web.transport)
    assert said_by_check(guard)["relay: token endpoint"] == ("ok", f"{STAFF}/t")
    assert said_by_check(Guard(policy(), transport=web.transport)) == {}


def test_check_says_which_endpoint_is_missing(web: Web) -> None:
    """Without a token endpoint nobody signs in: wrong. The other is weak."""
    web.named = {"token_endpoint": "", "revocation_endpoint": ""}
    relay = web.relay(policy())
    found = said_by_check(relay.guard)
    level, text = found["relay: token endpoint"]
    assert (level, STAFF in text) == ("wrong", True)
    assert found["relay: revocation endpoint"][0] == "weak"
