"""Issuers with tenants: whose tokens are accepted, and what invented names cost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Guard, TrustedIssuer
from jwtguard.adapters import Proceed, Request
from jwtguard.core.model.effects import Incoming
from jwtguard.core.verify.tenants import KEPT
from jwtguard.errors import AuthError, InvalidTokenError, KeysUnavailableError
from jwtguard.testing import FakeClock, JWTIssuer

URL = "https://id.example/realms/{realm}"


class Server:
    """A token server with a realm for each tenant; the others are not found."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.realms: dict[str, JWTIssuer] = {}
        self.asked: Counter[str] = Counter()
        self.down = False

    def realm(self, name: str) -> JWTIssuer:
        if name not in self.realms:
            url = URL.replace("{realm}", name)
            self.realms[name] = JWTIssuer(url, alg="ES256", clock=self.clock)
        return self.realms[name]

    def transport(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        name = url.removeprefix("https://id.example/").split("/realms/")[-1]
        name = name.removeprefix("realms/").split("/")[0]
        self.asked[name] += 1
        if self.down:
            raise OSError("nobody listens")
        if name not in self.realms:
            return Incoming(404, {}, b"{}")
        return self.realms[name].transport(url, headers, timeout)

    def guard(self, tenants: Any = "any", **settings: Any) -> Guard:
        given = {"url": URL, "audience": "https://api.example", **settings}
        clients = given.pop("clients", ())
        issuer = TrustedIssuer(**given, tenants=tenants)
        policy = JWTIssuer(clock=self.clock).policy(issuers=[issuer], clients=clients)
        return Guard(policy, clock=self.clock, transport=self.transport)


@pytest.fixture
def server(jwt_clock: FakeClock) -> Server:
    return Server(jwt_clock)


def reason(guard: Guard, token: str) -> str:
    try:
        guard.verify(token)
    except AuthError as error:
        return error.reason
    return ""


def invented(server: Server, name: str) -> str:
    """Return a token that names a realm that does not exist."""
    forger = server.realm("forger")
    return forger.token(claims={"iss": URL.replace("{realm}", name)})


def test_each_tenant_has_an_issuer_and_keys_of_its_own(server: Server) -> None:
    """The principal names both; one tenant's key signs for no other."""
    guard = server.guard(["acme", "beta"])
    for name in ("acme", "beta"):
        found = guard.verify(server.realm(name).token())
        assert found.tenant == name
        assert found.issuer == server.realm(name).url
    forged = server.realm("acme").token(claims={"iss": server.realm("beta").url})
    assert reason(guard, forged) == "unknown_key"


@pytest.mark.parametrize("tenants", [["acme"], "any"])
@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "a/b", "../acme", "acme/", "acme/../beta", "%2e%2e", "a%2Fb",
        "acme%00", "acmé", "\u0430cme", "acme ", "a" * 65, "{realm}", "acme?x", "acme#",
        "acme\\", "acme\n", "a:b", "a@b",
    ],
)  # fmt: skip
def test_a_tenant_is_one_plain_segment(name: str, tenants: Any, server: Server) -> None:
    """Anything else is an issuer that is not trusted, and nothing is fetched."""
    guard = server.guard(tenants)
    assert reason(guard, invented(server, name)) == "unknown_issuer"
    assert not server.asked


@pytest.mark.parametrize(
    "url",
    [
        "https://id.example/realms/acme/", "https://id.example/realms/",
        "https://id.example/realms/acme/x", "https://evil.example/realms/acme",
        "http://id.example/realms/acme", "https://id.example/Realms/acme",
        "https://id.example/realms", "", None,
    ],
)  # fmt: skip
def test_everything_around_the_tenant_is_exact(url: Any, server: Server) -> None:
    """Host, path and scheme are those of the setting."""
    token = server.realm("acme").token(claims={"iss": url})
    assert reason(server.guard(), token) in ("unknown_issuer", "missing_claim")
    assert not server.asked


def test_a_listed_tenant_only(server: Server) -> None:
    """A realm that exists and is not listed is not trusted; letter case counts."""
    guard = server.guard(["acme"])
    for name in ("beta", "ACME"):
        assert reason(guard, server.realm(name).token()) == "unknown_issuer"
    assert not server.asked


def test_invented_tenants_cost_little_and_harm_nobody(server: Server) -> None:
    """Of 10,000 names, two are asked for, and real tenants are served as before."""
    guard = server.guard()
    real = [server.realm(f"real-{n}").token() for n in range(20)]
    for token in real:
        assert reason(guard, token) == ""
    before = server.asked.total()
    for n in range(10_000):
        assert reason(guard, invented(server, f"made-up-{n}")) in (
            "unknown_issuer", "keys_unavailable",
        )  # fmt: skip
    assert server.asked.total() - before == 2 * 2  # both places of the metadata
    for token in real:
        assert reason(guard, token) == ""
    fresh = [server.realm(f"real-{n}").token(subject="bob") for n in range(20)]
    for token in fresh:
        assert reason(guard, token) == ""
    assert server.asked.total() - before == 4
    tenants = guard._flow.verifier.tenants
    (kept,) = tenants._kept
    assert len(kept.new) == KEPT
    assert set(guard.health()) == {server.realm(f"real-{n}").url for n in range(20)}


def test_one_more_name_every_ten_seconds(server: Server) -> None:
    """The budget is that of all templates together, and fills up again."""
    guard = server.guard()

    def asked(name: str) -> bool:
        before = server.asked[name]
        reason(guard, invented(server, name))
        return server.asked[name] > before

    assert [asked(f"a{n}") for n in range(4)] == [True, True, False, False]
    server.clock.advance(10)
    assert [asked(f"b{n}") for n in range(3)] == [True, False, False]
    server.clock.advance(1000)
    assert [asked(f"c{n}") for n in range(4)] == [True, True, False, False]


def test_an_unknown_tenant_is_remembered_for_a_minute(server: Server) -> None:
    """It costs one fetch a minute, and may exist by then."""
    guard, token = server.guard(), invented(server, "late")
    for _ in range(3):
        assert reason(guard, token) == "unknown_issuer"
        server.clock.advance(15)
    assert server.asked["late"] == 2
    real = server.realm("late").token()
    assert reason(guard, real) == "unknown_issuer"
    server.clock.advance(20)
    assert reason(guard, real) == ""


def test_an_outage_is_no_verdict_about_a_tenant(server: Server) -> None:
    """While the server is down nobody knows, so the answer is 503."""
    guard = server.guard()
    token = server.realm("acme").token()
    server.down = True
    with pytest.raises(KeysUnavailableError):
        guard.verify(token)
    server.down = False
    with pytest.raises(KeysUnavailableError) as caught:
        guard.verify(token)
    (name, value) = caught.value.fields[0]
    assert name == "Retry-After"
    assert 1 <= int(value) <= 60
    server.clock.advance(60)
    assert reason(guard, token) == ""


def test_forged_tokens_of_real_tenants_evict_nobody(server: Server) -> None:
    """Only a verified token makes a tenant known; then its keys are kept fresh."""
    guard = server.guard()
    mine = server.realm("mine")
    assert reason(guard, mine.token()) == ""
    for n in range(150):
        server.clock.advance(10)
        name = server.realm(f"victim-{n}").url
        forged = server.realm("forger").token(claims={"iss": name})
        assert reason(guard, forged) == "unknown_key"
    assert list(guard.health()) == [mine.url]
    mine.rotate()
    server.clock.advance(11)
    assert reason(guard, mine.token()) == ""


def test_a_forged_key_id_costs_a_new_tenant_nothing_more(server: Server) -> None:
    """Until a token of it was verified, its keys are not asked for again."""
    guard = server.guard()
    token = server.realm("acme").token(headers={"kid": "made-up"})
    for _ in range(5):
        assert reason(guard, token) == "unknown_key"
        server.clock.advance(11)
    assert server.asked["acme"] == 2  # metadata and keys
    assert reason(guard, server.realm("acme").token()) == ""
    assert reason(guard, token) == "unknown_key"
    assert server.asked["acme"] == 3  # like any issuer, now
    assert reason(guard, server.realm("b").token(headers={"kid": "x"})) == "unknown_key"
    server.clock.advance(600)  # its keys are due, and good until they are stale
    assert reason(guard, server.realm("b").token()) == ""


def test_real_tenants_use_up_no_budget(server: Server) -> None:
    """However many come at once, each is let in with its first token."""
    guard = server.guard()
    for n in range(KEPT + 20):
        assert reason(guard, server.realm(f"t{n}").token()) == ""
    health = guard.health()
    assert len(health) == KEPT
    assert server.realm("t0").url not in health


def test_all_listed_tenants_are_kept(server: Server) -> None:
    """Their names are the operator's, so no stranger can make them evict each other."""
    names = [f"t{n}" for n in range(KEPT + 20)]
    guard = server.guard(names)
    for _ in range(2):
        for name in names:
            assert reason(guard, server.realm(name).token(subject=f"{_}")) == ""
    assert server.asked.total() == 2 * len(names)


def test_many_first_requests_of_a_new_tenant_share_one_fetch(server: Server) -> None:
    """None of them is refused for lack of budget."""
    guard = server.guard()
    token, told = server.realm("acme").token(), []
    threads = [
        threading.Thread(target=lambda: told.append(reason(guard, token)))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(told) == {""}
    assert server.asked["acme"] == 2


def test_clients_belong_to_the_template(server: Server) -> None:
    """Their origins hold for each tenant, and the audience too."""
    spa = Client(id="spa", origins=["https://www.example"])
    guard = server.guard(["acme", "beta"], clients=[spa])
    named = server.guard(["acme"], clients=[Client(id="spa", issuer=URL, dpop=True)])
    for name, origin, status in (
        ("acme", "https://www.example", 0), ("beta", "https://www.example", 0),
        ("acme", "https://evil.example", 403),
    ):  # fmt: skip
        token = server.realm(name).token()
        headers = {"authorization": (f"Bearer {token}",), "origin": (origin,)}
        found = guard.decide(Request("GET", "/", headers))
        assert (0 if isinstance(found, Proceed) else found.status) == status
    assert reason(named, server.realm("acme").token()) == "unbound_token"
    other = server.realm("acme").token(claims={"aud": "other"})
    assert reason(guard, other) == "wrong_audience"


def test_tokens_of_a_tenant_are_revoked_by_its_issuer(server: Server) -> None:
    """One tenant's logout leaves the others alone; the template is no issuer."""
    guard = server.guard(["acme", "beta"])
    acme, beta = (server.realm(name).token() for name in ("acme", "beta"))
    guard.verify(acme)
    guard.revoke_tokens(issuer=server.realm("acme").url, subject="alice")
    guard.revoke(guard.verify(beta))
    for token in (acme, beta):
        assert reason(guard, token).startswith("revoked_")
    assert reason(guard, server.realm("beta").token()) == ""
    for name in (URL, URL.replace("{realm}", "gamma")):
        with pytest.raises(ValueError, match="is not one of the trusted issuers"):
            guard.revoke_tokens(issuer=name)


def test_an_issuer_of_its_own_goes_first(server: Server) -> None:
    """One tenant may need other settings than the rest."""
    own = TrustedIssuer(url=server.realm("acme").url, audience="other")
    rest = TrustedIssuer(url=URL, audience="https://api.example", tenants="any")
    policy = JWTIssuer(clock=server.clock).policy(issuers=[rest, own], clients=())
    guard = Guard(policy, clock=server.clock, transport=server.transport)
    assert reason(guard, server.realm("acme").token()) == "wrong_audience"
    assert reason(guard, server.realm("beta").token()) == ""


TENANT = "https://login.microsoftonline.com/{tenant}/v2.0"
GENERAL = "https://login.microsoftonline.com/{tenantid}/v2.0"


def entra(
    clock: FakeClock, keys_issuer: Any, **settings: Any
) -> tuple[JWTIssuer, Guard]:
    one = JWTIssuer(
        TENANT.replace("{tenant}", "t-1"), alg="RS256", clock=clock, profile="entra"
    )
    document = one.jwks()
    for key in document["keys"]:
        key["issuer"] = keys_issuer
    issuer = TrustedIssuer(
        url=TENANT, profile="entra", audience=one.audience, keys=document,
        tenants=["t-1", "t-2"], **settings,
    )  # fmt: skip
    policy = one.policy(issuers=[issuer], clients=())
    return one, Guard(policy, clock=clock, transport=one.transport)


def of_entra(one: JWTIssuer, tenant: str, tid: str | None = None) -> str:
    claims = {"iss": TENANT.replace("{tenant}", tenant), "tid": tid or tenant}
    return one.token(typ="JWT", claims={"ver": "2.0", **claims})


def test_two_entra_tenants_with_one_key(jwt_clock: FakeClock) -> None:
    """``tid`` has to be the tenant of ``iss``, and there is one key set for all."""
    one, guard = entra(jwt_clock, GENERAL)
    for tenant in ("t-1", "t-2"):
        assert guard.verify(of_entra(one, tenant)).tenant == tenant
    assert reason(guard, of_entra(one, "t-1", "t-2")) != ""
    assert reason(guard, of_entra(one, "t-3")) == "unknown_issuer"


@pytest.mark.parametrize("named", [TENANT.replace("{tenant}", "t-1"), 5, ""])
def test_a_key_may_belong_to_one_entra_tenant(named: Any, jwt_clock: FakeClock) -> None:
    """Its member ``issuer`` says whose tokens it may sign."""
    one, guard = entra(jwt_clock, named)
    first = "" if isinstance(named, str) and named else "unknown_key"
    assert reason(guard, of_entra(one, "t-1")) == first
    assert reason(guard, of_entra(one, "t-2")) == "unknown_key"


def test_one_key_set_is_fetched_once(server: Server) -> None:
    """A ``jwks_url`` without the placeholder is that of all tenants."""
    server.realm("shared")
    url = f"{server.realm('shared').url}/jwks"
    guard = server.guard("any", jwks_url=url)
    for name in ("acme", "beta"):
        token = server.realm("shared").token(
            claims={"iss": URL.replace("{realm}", name)}
        )
        assert guard.verify(token).tenant == name
    assert server.asked == {"shared": 1}


def test_an_internal_address_may_hold_the_tenant(server: Server) -> None:
    """The placeholder is filled in wherever it stands."""
    server.realm("acme")
    guard = server.guard(["acme"], jwks_url="https://id.example/realms/{realm}/jwks")
    assert reason(guard, server.realm("acme").token()) == ""
    assert server.asked == {"acme": 1}
    guard = server.guard(
        ["acme"],
        discovery_url="https://id.example/x/realms/{realm}/.well-known/openid-configuration",
    )
    with pytest.raises(AuthError):
        guard.verify(server.realm("acme").token())
    assert server.asked["acme"] == 2


def test_a_child_process_starts_afresh(server: Server) -> None:
    """Nothing waits for a lock or a fetch of the parent."""
    guard = server.guard(jwks_url=None)
    assert reason(guard, server.realm("acme").token()) == ""
    guard.verify(server.realm("acme").token())
    verifier = guard._flow.verifier
    with verifier.tenants._lock:
        guard.after_fork()
    assert reason(guard, server.realm("beta").token()) == ""


def told(**settings: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        TrustedIssuer(**{"url": URL, "audience": "api", "tenants": ["a"], **settings})
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"tenants": None}, 'required: the names of the tenants, or "any"'),
        ({"tenants": []}, "required: the names of the tenants"),
        ({"tenants": ["a", "../b"]}, "'../b' is not valid; expected a path segment"),
        ({"tenants": [".."]}, "'..' is not valid"),
        ({"tenants": ["any", "b"]}, "'any' is not valid"),
        ({"tenants": 5}, "must be a list of strings, not 5"),
        ({"url": "https://id.example/"}, "the url has no placeholder"),
        ({"url": "https://{host}/realms"}, "one whole segment of the path"),
        ({"url": "https://{host}.example/a"}, "one whole segment of the path"),
        ({"url": "https://id.example/x-{realm}"}, "one whole segment of the path"),
        ({"url": "https://id.example/{realm}x"}, "one whole segment of the path"),
        ({"url": "https://id.example/{a}/{b}"}, "one whole segment of the path"),
        ({"url": "https://id.example/{}"}, "one whole segment of the path"),
        ({"url": "https://id.example/a?r={realm}"}, "one whole segment of the path"),
        ({"url": "https://id.example/a#/{realm}"}, "one whole segment of the path"),
        ({"url": "https://id.example/{realm"}, "one whole segment of the path"),
        (
            {"discovery_url": "https://id.example/x"},
            "needs {realm}, because each tenant",
        ),
        ({"relay_url": "https://id.example/t"}, "not available for an issuer with"),
        ({"relay_revocation_url": "https://id.example/t"}, "not available for an"),
        ({"introspect": "always"}, "introspect: not available for an issuer with"),
        ({"introspect_paths": "/a"}, "introspect: not available for an issuer with"),
        ({"require": ["exp"], "keys": "x"}, "iss is needed: it names the tenant"),
    ],
)
def test_what_is_wrong_is_told(settings: dict[str, Any], text: str) -> None:
    """The sentence says what to write."""
    assert text in told(**settings)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"relay_url": "https://id.example/t"}, "relay_url: not available for an"),
        ({"session_client": "site", "secrets": ["A" * 43]}, "no single place to sign"),
    ],
)
def test_what_needs_one_issuer_is_told(settings: dict[str, Any], text: str) -> None:
    """A form does not name a tenant, and visitors sign in at one issuer."""
    issuer = TrustedIssuer(url=URL, audience="api", tenants="any")
    with pytest.raises(ConfigurationError, match=text):
        JWTIssuer().policy(issuers=[issuer], clients=(), **settings)


def test_two_templates_must_not_mean_the_same(jwt_issuer: JWTIssuer) -> None:
    """Or the order of the file would decide whose settings count."""
    one, other, third = (
        TrustedIssuer(url=url, audience="api", tenants="any")
        for url in (URL, "https://id.example/{kind}/main", "https://id.example/a/{x}")
    )
    jwt_issuer.policy(issuers=[one, third], clients=())
    with pytest.raises(ConfigurationError, match="could mean the same issuer"):
        jwt_issuer.policy(issuers=[one, other], clients=())
    plain = TrustedIssuer(url="http://id.example/{x}", audience="api", tenants="any")
    with pytest.raises(ConfigurationError, match="is not a valid https URL"):
        jwt_issuer.policy(issuers=[plain], clients=())


def test_a_value_error_names_a_misuse() -> None:
    """Only an issuer with tenants has one for each."""
    with pytest.raises(ValueError, match="not an issuer with tenants"):
        TrustedIssuer(url="https://id.example", audience="a").for_tenant("x")


def test_refusals_of_new_tenants_say_nothing_of_others(server: Server) -> None:
    """The detail is for the log."""
    with pytest.raises(InvalidTokenError) as caught:
        server.guard().verify(invented(server, "nobody"))
    assert caught.value.detail == "no such tenant"


def test_the_relay_knows_no_client_of_tenants(server: Server) -> None:
    """A form does not say which tenant a password is for."""
    spa = Client(id="spa", refresh=True)
    relay = server.guard(["acme"], clients=[spa]).relay_flow()
    assert not relay.upstreams


def test_issuers_are_found_by_url(server: Server) -> None:
    """Tenants are listed once a token of theirs was verified, and found before."""
    guard = server.guard(["acme"], jwks_url=f"{server.realm('acme').url}/jwks")
    acme = server.realm("acme")
    assert guard.issuers[acme.url].rules.tenant == "acme"
    assert len(guard.issuers) == 0
    guard.verify(acme.token())
    assert list(guard.issuers) == [acme.url]
    with pytest.raises(KeyError):
        guard.issuers[URL]
    guard.after_fork()
    guard.verify(acme.token())


def test_who_asks_while_another_begins_joins_it(server: Server) -> None:
    """The right to ask was taken, and the fetch has not begun: nobody is refused."""
    guard, acme = server.guard(), server.realm("acme")
    guard.issuers[acme.url].key_cache._begin()  # type: ignore[attr-defined]
    assert reason(guard, acme.token()) == ""
