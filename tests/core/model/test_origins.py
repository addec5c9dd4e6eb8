"""RFC 6454: which origin is which, how a request came in, and whose page it was."""

from __future__ import annotations

import ipaddress
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Policy, TrustedIssuer
from jwtguard.core.authorize.clients import Clients
from jwtguard.core.authorize.origin_rules import OriginRules
from jwtguard.core.extract import fetch_metadata, forwarded
from jwtguard.core.extract.wire import Wires
from jwtguard.core.model import origins
from jwtguard.core.model.origins import address, serialized
from jwtguard.core.model.request import Request

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def request(peer: str = "127.0.0.1", scheme: str = "http", **fields: Any) -> Request:
    headers = {
        name.replace("_", "-"): (value,) if isinstance(value, str) else tuple(value)
        for name, value in fields.items()
    }
    return Request("GET", "/", headers, scheme=scheme, peer=peer)


@pytest.mark.parametrize(
    "origin",
    [
        "https://www.example.com",
        "https://www.example.com:8443",
        "http://localhost:5173",
        "https://[2001:db8::1]",
        "http://[::1]:8080",
        "https://127.0.0.1",
        "https://a_b.c",
        "capacitor://localhost",
        "ionic://localhost",
        "app.my+x://host:80",
        "https://xn--bcher-kva.example",
    ],
)
def test_an_origin_as_browsers_write_it_is_itself(origin: str) -> None:
    """Scheme, host, any unusual port; app schemes as they are."""
    assert serialized(origin) == origin


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("https://WWW.Example.com", "https://www.example.com"),
        ("https://a:443", "https://a"),
        ("http://a:80", "http://a"),
        ("HTTPS://a:80", "https://a:80"),
        ("https://a:0443", "https://a"),
        ("https://a:08443", "https://a:8443"),
        ("Capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_another_spelling_is_put_right(written: str, right: str) -> None:
    """Case and default ports."""
    assert serialized(written) == right


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "https://",
        "https:///",
        "https://a/",
        "https://a/b",
        "https://a?x",
        "https://a#x",
        "https://a:",
        "https://:443",
        "https://a:0",
        "https://a:65536",
        "https://a:x",
        "https://a:+443",
        "https://a: 443",
        "https://user@a",
        "https://user:pw@a",
        "https://www.example.com@evil.example",
        "https://a,b",
        "https://a, https://b",
        "https://a b",
        " https://a",
        "https://a\n",
        "https://a\tb",
        "https://a\x00",
        "https://exämple.com",
        "https://a。b",
        "https://loca\u212ahost",  # the Kelvin sign: small, it is an ASCII k
        "capacitor://loc\u212alhost",
        "https://a.",
        "https://.a",
        "https://a\\b",
        "https://a%2eb",
        "https://*.example.com",
        "https:a",
        "https:/a",
        "//a",
        "a",
        "a.example:443",
        "https://[::1",
        "https://::1",
        "https://[::1]x",
        "https://[::1%25eth0]",
        "https://[v1.a]",
        "capacitor:localhost",
        "capacitor://localhost/x",
        "capacitor://u@localhost",
        "file://",
    ],
)
def test_text_that_looks_like_an_origin_is_refused(text: str) -> None:
    """Paths, user info, lists, wild cards, other scripts, white space."""
    assert serialized(text) is None


@given(
    st.text(max_size=25)
    | st.from_regex(r"(https?|ws|app)://[a-zA-Z0-9.:@\[\]/_-]{0,20}", fullmatch=True)
)
def test_serialized_is_idempotent_and_never_crashes(text: str) -> None:
    """What comes out is an origin, and is its own serialisation."""
    found = serialized(text)
    if found is not None:
        assert serialized(found) == found
        assert found == found.lower()


# How the request came in.


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost:8000",
        "localhost.",
        "app.localhost:80",
        "127.0.0.1",
        "127.9.9.9:1",
        "[::1]",
        "[::1]:8000",
        "[::ffff:127.0.0.1]",
    ],
)
def test_names_of_this_machine(host: str) -> None:
    """RFC 6761 section 6.3, and the loopback addresses; with or without port."""
    assert origins.is_loopback_host(host)
    assert forwarded.is_loopback(request(host=host))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost.evil.example",
        "evil.example",
        "127.0.0.1.evil.example",
        "127.1",
        "xlocalhost",
        "[::1].evil.example",
        "[::1]evil",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "evil.example:localhost",
        "localhost@evil.example",
        "2130706433",
        "[::1",
        "::1]",
        "localhost:80@evil.example",
        "[::1]:80@evil.example",
        "localhost:evil.example",
    ],
)
def test_look_alikes_of_this_machine(host: str) -> None:
    """Names that only contain, begin or end like one."""
    assert not origins.is_loopback_host(host)
    assert not forwarded.is_loopback(request(host=host))


@pytest.mark.parametrize(
    "name",
    [
        "forwarded",
        "via",
        "x-forwarded-by",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-path",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-protocol",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-forwarded-ssl",
        "x-forwarded-uri",
        "x-forwarded",
        "x-forwarded-client-cert",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "cf-connecting-ip",
        "cf-ray",
        "true-client-ip",
        "cdn-loop",
        "cloudfront-forwarded-proto",
        "fastly-client-ip",
        "fly-client-ip",
        "akamai-origin-hop",
        "client-cert",
        "front-end-https",
        "x-appengine-user-ip",
        "x-arr-ssl",
        "x-azure-clientip",
        "x-envoy-external-address",
        "x-nginx-proxy",
        "x-nf-client-connection-ip",
        "x-scheme",
        "x-vercel-id",
    ],
)
def test_a_forwarded_request_is_never_loopback(name: str) -> None:
    """A proxy on this machine must not make the whole world local, even by ``""``."""
    for value in ("", "x"):
        headers = {"host": ("localhost",), name: (value,)}
        assert not forwarded.is_loopback(Request("GET", "/", headers, peer="127.0.0.1"))


def test_strangers_cannot_fill_the_memory_with_long_addresses() -> None:
    """What was read once is remembered, but nothing longer than a name can be."""
    wires = Wires(PROXIES, require_https=True)
    tracemalloc.start()
    for number in range(100):
        long = f"{number}{'a' * 20_000}"
        asked = request("203.0.113.1", x_forwarded_for=f"::1%{long}")
        assert forwarded.client_address(asked, PROXIES) == "203.0.113.1"
        assert not forwarded.is_loopback(request(host=long))
        assert not forwarded.is_loopback(request(host=f"{long}.localhost"))
        assert not wires.of(request(f"::1%{long}")).secure
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000


@pytest.mark.parametrize(("length", "known"), [(255, True), (256, False)])
def test_a_name_as_long_as_names_can_be_is_read(length: int, known: bool) -> None:
    """RFC 1035 section 2.3.4: 255 characters, and not one more."""
    host = ".localhost".rjust(length, "a")
    assert forwarded.is_loopback(request(host=host)) is known
    zone = "::1%".ljust(length, "a")
    found = forwarded.client_address(request("10.0.0.1", x_forwarded_for=zone), PROXIES)
    assert found == (zone if known else "10.0.0.1")


@pytest.mark.parametrize("peer", ["10.0.0.1", "unix", "", "localhost", "127.0.0.1x"])
def test_a_peer_elsewhere_is_not_loopback(peer: str) -> None:
    """Whatever it writes into Host."""
    assert not forwarded.is_loopback(request(peer, host="localhost"))
    assert forwarded.is_loopback(request("::ffff:127.0.0.1", host="localhost"))


def scheme_of(asked: Request, proxies: Sequence[origins.Network | str]) -> str:
    """Return the scheme that counts behind *proxies*, asked twice: peers are kept."""
    wires = Wires(proxies, require_https=True)
    assert wires.of(asked) == wires.of(asked)
    return wires.of(asked).scheme


@pytest.mark.parametrize(
    ("peer", "proto", "chain", "expected"),
    [
        ("10.0.0.1", "https", "203.0.113.1", "https"),
        ("10.0.0.1", "http", "203.0.113.1", "http"),
        ("10.0.0.1", "HTTPS", "", "https"),
        ("10.0.0.1", "wss", "", "https"),
        ("10.0.0.1", "https, http", "203.0.113.1", "http"),
        ("10.0.0.1", "http, https", "203.0.113.1", "https"),
        ("10.0.0.1", "https, http", "203.0.113.1, 10.0.0.2", "https"),
        ("10.0.0.1", "https", "203.0.113.1, 10.0.0.2", "https"),
        ("10.0.0.1", "https, http, http", "10.9.9.9, 203.0.113.1", "http"),
        ("10.0.0.1", "https, ", "203.0.113.1", ""),
        ("10.0.0.1", None, "203.0.113.1", "http"),
        ("203.0.113.1", "https", "10.0.0.1", "http"),
        ("unix", "https", "", "http"),
        ("", "https", "", "http"),
        ("fd00::1", "https", "", "https"),
        ("::ffff:10.0.0.1", "https", "", "https"),
    ],
)
def test_only_a_trusted_hop_says_what_the_scheme_was(
    peer: str, proto: str | None, chain: str, expected: str
) -> None:
    """Read from the right, one value for each hop that is trusted."""
    fields = {} if proto is None else {"x_forwarded_proto": proto}
    if chain:
        fields["x_forwarded_for"] = chain
    assert scheme_of(request(peer, **fields), PROXIES) == expected


def test_a_unix_socket_can_be_trusted_by_name() -> None:
    """And a scheme that the server rewrote itself is believed."""
    asked = request("unix", x_forwarded_proto="https")
    kept = request("10.0.0.1", "https", x_forwarded_proto="http")
    assert scheme_of(kept, PROXIES) == "https"
    assert scheme_of(asked, ("unix",)) == "https"
    assert scheme_of(request("203.0.113.1", "https"), ()) == "https"
    assert scheme_of(request("203.0.113.1", "wss"), PROXIES) == "https"
    assert scheme_of(asked, ()) == "http"


@pytest.mark.parametrize(
    ("peer", "chain", "expected"),
    [
        ("203.0.113.1", "1.2.3.4", "203.0.113.1"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, ", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, unknown", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, unix", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4:50123", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, [2001:db8::1]:50123", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, [2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, 2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2:9", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4:x", "10.0.0.1"),
    ],
)
def test_the_caller_is_the_first_untrusted_hop_from_the_right(
    peer: str, chain: str, expected: str
) -> None:
    """In one field or several; further left is what the caller wrote; without port."""
    asked = request(peer, **({"x_forwarded_for": chain} if chain else {}))
    assert forwarded.client_address(asked, PROXIES) == expected
    assert forwarded.client_address(asked, ()) == peer
    several: Any = {"x_forwarded_for": chain.split(",")} if chain else {}
    assert forwarded.client_address(request(peer, **several), PROXIES) == expected


# Own origins.


def is_own(asked: Request, *public_url: str) -> bool:
    """Whether the rules of a policy take the page for the application's own."""
    policy = Policy(
        issuers=(TrustedIssuer(url="https://id.example"),),
        audience="unchecked",
        public_url=public_url,
        trusted_proxies=map(str, PROXIES),
    )
    rules = OriginRules(policy, Clients(policy))
    wire = Wires(policy.proxies, policy.require_https).of(asked)
    return rules.page_of(asked, wire, fetch_metadata.origin_of(asked)).own


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        (
            {"host": "Api.Example.com:443", "scheme": "https"},
            "https://api.example.com",
        ),
        ({"host": "api.example:8000"}, "http://api.example:8000"),
        (
            {
                "host": "api.example",
                "peer": "10.0.0.1",
                "x_forwarded_proto": "https",
            },
            "https://api.example",
        ),
    ],
)
def test_the_own_origin_is_what_host_says(fields: dict[str, Any], own: str) -> None:
    """In the scheme of the request, a trusted proxy's word included."""
    assert is_own(request(origin=own, **fields))
    assert not is_own(request(origin=f"{own}0", **fields))


@pytest.mark.parametrize(
    "host", [[], ["a", "a"], "a, b", "", "u@a", "a/b", "*", "a\x00", "é", "a."]
)
@pytest.mark.parametrize("origin", ["http://a", "http://", "null", ""])
def test_an_odd_host_does_not_make_an_origin(host: Any, origin: str) -> None:
    """Then no page counts as our own."""
    assert not is_own(request(host=host, origin=origin))


def test_a_public_url_makes_host_irrelevant() -> None:
    """What the caller writes into Host decides nothing then."""
    asked = request(host="evil.example", origin="http://evil.example")
    assert is_own(asked)
    assert not is_own(asked, "https://api.example")
    ours = request(host="evil.example", origin="https://api.example")
    assert is_own(ours, "https://api.example")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"origin": "https://api.example"}, True),
        ({"origin": "https://API.example"}, False),
        ({"origin": "https://api.example:443"}, False),
        ({"origin": "http://api.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": ["https://api.example", "https://api.example"]}, False),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": ["same-origin", "cross-site"]}, False),
        ({"sec_fetch_site": "Same-Origin"}, False),
        ({}, False),
    ],
)
def test_a_page_is_our_own_by_exact_comparison(
    fields: dict[str, Any], expected: bool
) -> None:
    """By its origin, or because the browser says so once and clearly."""
    assert is_own(request(**fields), "https://api.example") is expected


def test_several_origins_are_read_as_null() -> None:
    """One is never picked, and none is absent only if none was sent."""
    assert (
        fetch_metadata.origin_of(request(origin=["https://a", "https://a"])) == "null"
    )
    assert fetch_metadata.origin_of(request(origin="")) == ""
    assert fetch_metadata.origin_of(request()) is None


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("cross-site", True),
        ("same-site", True),
        ("none", False),
        ("same-origin", False),
    ],
)
def test_the_browser_says_what_comes_from_elsewhere(site: str, expected: bool) -> None:
    """Fetch metadata: a sibling domain is elsewhere too."""
    assert fetch_metadata.from_elsewhere(request(sec_fetch_site=site)) is expected


@pytest.mark.parametrize(
    ("mode", "dest", "expected"),
    [
        ("navigate", "document", True),
        ("navigate", "iframe", False),
        ("no-cors", "image", False),
        ("cors", "document", False),
    ],
)
def test_only_a_top_level_navigation_is_a_link(
    mode: str, dest: str, expected: bool
) -> None:
    """A frame on a foreign page is none."""
    asked = request(sec_fetch_mode=mode, sec_fetch_dest=dest)
    assert fetch_metadata.is_navigation(asked) is expected


def test_a_name_that_is_too_long_is_refused() -> None:
    """No host name has more than 255 characters."""
    assert serialized(f"https://{'a' * 245}.example")
    assert serialized(f"https://{'a' * 1000}.example") is None
    assert address("127.0.0.1") == address("::ffff:127.0.0.1")
    assert address(f"fe80::1%{'a' * 300}") is None
