"""RFC 9728: several resources, roots, and what settings may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jwtguard import ConfigurationError, Guard, Policy, TrustedIssuer
from jwtguard.core.model.challenge import Challenge
from jwtguard.core.model.decision import Proceed, Respond
from jwtguard.core.model.policy_fields import DPOP_ALGORITHMS
from jwtguard.core.model.request import Request
from jwtguard.core.model.resource import Resource
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.core.respond.metadata import Metadata
from jwtguard.errors import InvalidTokenError
from jwtguard.inspect.check_resources import resource_findings
from jwtguard.settings import load_policy
from jwtguard.testing import JWTIssuer

AT = "/.well-known/oauth-protected-resource"
HOST = "https://api.example"


@pytest.fixture
def issuer() -> JWTIssuer:
    return JWTIssuer(alg="ES256")


def answer(guard: Guard, path: str, method: str = "GET", root: str = "") -> Respond:
    decision = guard.decide(Request(method, path, {}, root=root), lambda _: None)
    assert isinstance(decision, Respond), path
    return decision


def document(guard: Guard, path: str, root: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(guard, path, root=root).body)
    return found


def where(guard: Guard, path: str) -> str:
    fields = dict(answer(guard, path).headers)
    return fields["WWW-Authenticate"].rpartition('resource_metadata="')[2].rstrip('"')


SEVERAL = (
    Resource(url=f"{HOST}/mcp", scopes=("a b",), name="MCP", documentation=HOST),
    Resource(url=f"{HOST}/files", path="/storage/*"),
    Resource(url=f"{HOST}/mcp/deep/"),
)


def test_each_resource_has_its_document(issuer: JWTIssuer) -> None:
    """The first also stands at the root; a resource that is not listed has none."""
    guard = issuer.guard(resources=SEVERAL, scopes=(ScopeRule(path="/x", require="c"),))
    first = document(guard, f"{AT}/mcp")
    assert first == document(guard, AT)
    assert first["resource"] == f"{HOST}/mcp"
    assert first["scopes_supported"] == ["a", "b"]
    assert (first["resource_name"], first["resource_documentation"]) == ("MCP", HOST)
    second = document(guard, f"{AT}/files")
    assert (second["resource"], second["scopes_supported"]) == (f"{HOST}/files", ["c"])
    assert "resource_name" not in second
    for path in (f"{AT}/mcp/deep", f"{AT}/mcp/deep/"):
        assert document(guard, path)["resource"] == f"{HOST}/mcp/deep/"
    other = Request("GET", f"{AT}/other", {})
    assert isinstance(guard.decide(other, lambda _: None), Proceed)


def test_a_refusal_names_the_resource_of_its_path(issuer: JWTIssuer) -> None:
    """The most specific one; the first where none fits."""
    guard = issuer.guard(resources=SEVERAL)
    assert where(guard, "/mcp") == where(guard, "/MCP/x/") == f"{HOST}{AT}/mcp"
    assert where(guard, "/storage/1") == f"{HOST}{AT}/files"
    assert where(guard, "/mcp/deep/x") == f"{HOST}{AT}/mcp/deep/"
    assert where(guard, "/elsewhere") == f"{HOST}{AT}/mcp"
    error = InvalidTokenError("expired")
    assert f"{HOST}{AT}/mcp" in dict(guard.refusal_fields(error))["WWW-Authenticate"]


def test_a_resource_without_a_path_is_at_the_root(issuer: JWTIssuer) -> None:
    """RFC 9728 section 3.1: no slash is added to the well-known path."""
    for url in (HOST, f"{HOST}/"):
        guard = issuer.guard(resource=url)
        assert document(guard, AT)["resource"] == url
        assert where(guard, "/notes") == f"{HOST}{AT}"


def test_a_root_path_is_part_of_the_path(issuer: JWTIssuer) -> None:
    """An application that is mounted below a path may be asked with it or without."""
    guard = issuer.guard(resource=f"{HOST}/svc/mcp")
    assert document(guard, f"{AT}/svc/mcp")["resource"] == f"{HOST}/svc/mcp"
    assert document(guard, AT, root="/svc")["resource"] == f"{HOST}/svc/mcp"


def test_metadata_hide_what_is_for_nobody(issuer: JWTIssuer) -> None:
    """``offline_access`` is no scope of an API, and neither is ``*``."""
    rules = (ScopeRule(path="/x", require=("b", "offline_access", "a")),)
    guard = issuer.guard(resource=HOST, scopes=rules)
    assert document(guard, AT)["scopes_supported"] == ["a", "b"]
    named = issuer.guard(resource=HOST, resource_scopes=("z y", "offline_access"))
    assert document(named, AT)["scopes_supported"] == ["y", "z"]
    assert "scopes_supported" not in document(issuer.guard(resource=HOST), AT)


def test_each_tenant_is_a_server() -> None:
    """With a list of tenants, that is; ``any`` names none."""
    url = "https://id.example/{realm}"
    for tenants, servers in (
        (("b", "a"), ["https://id.example/a", "https://id.example/b"]),
        ("any", None),
    ):
        issuer = TrustedIssuer(url=url, audience=HOST, tenants=tenants)
        guard = Guard(Policy(issuers=[issuer], resource=HOST))
        assert document(guard, AT).get("authorization_servers") == servers


def test_bound_tokens_are_announced(issuer: JWTIssuer) -> None:
    """Where bearer tokens are refused, clients should know before they ask."""
    algorithms = "dpop_signing_alg_values_supported"
    guard = issuer.guard(resource=HOST, dpop="require")
    assert document(guard, AT)["dpop_bound_access_tokens_required"] is True
    assert document(guard, AT)[algorithms] == list(DPOP_ALGORITHMS)
    named = issuer.guard(resource=HOST, dpop_algorithms=("PS256", "ES256"))
    assert document(named, AT)[algorithms] == ["PS256", "ES256"]
    assert algorithms not in document(issuer.guard(resource=HOST, dpop="off"), AT)
    guard = issuer.guard(resource=HOST, client_cert="tls")
    told = document(guard, AT)
    assert told["tls_client_certificate_bound_access_tokens"] is True
    assert "dpop_bound_access_tokens_required" not in told


def test_only_reading_is_answered(issuer: JWTIssuer) -> None:
    """OPTIONS without a preflight is answered alike; POST needs a token."""
    guard = issuer.guard(resource=HOST)
    assert answer(guard, AT, "OPTIONS").status == 204
    assert answer(guard, AT, "POST").status == 401
    assert answer(guard, "/.well-known/other").status == 401
    assert answer(guard, "/.well-known/openid-configurations").status == 401


@pytest.mark.parametrize(("mine", "other"), [(HOST, f"{HOST}/"), (f"{HOST}/", HOST)])
def test_a_slash_alone_makes_no_other_audience(mine: str, other: str) -> None:
    """RFC 3986 section 6.2.3: of a resource without a path; with one, it counts."""
    issuer = JWTIssuer(alg="ES256", audience=mine)
    token = issuer.token(claims={"aud": other})
    assert issuer.guard(resource=HOST).verify(token)
    with pytest.raises(InvalidTokenError, match="wrong_audience"):
        issuer.guard().verify(token)
    deep = JWTIssuer(alg="ES256", audience=f"{HOST}/mcp")
    with pytest.raises(InvalidTokenError, match="wrong_audience"):
        deep.guard(resource=f"{HOST}/mcp").verify(
            deep.token(claims={"aud": f"{HOST}/mcp/"})
        )


LIKE = (
    "is not valid; expected an https URL without query or fragment, like "
    "https://api.example.com/mcp"
)


@pytest.mark.parametrize(
    "url",
    [
        "", "api", "http://api.example", "https://", "https://a.example?x",
        "https://a.example#x", "https://a b", 'https://a.example/"', "https://a:x",
        "https://é.example", "https://a.example//b", "https://a.example/../b",
        "https://a.example/%2e", 5,
    ],
)  # fmt: skip
def test_a_resource_is_an_https_url(url: Any) -> None:
    """The sentence says what to write; loopback may do without TLS."""
    with pytest.raises(ConfigurationError) as caught:
        Resource(url=url)
    (problem,) = caught.value.problems
    assert problem.endswith(LIKE)
    assert Resource(url="http://127.0.0.1:8000/mcp").url_path == "/mcp"
    with pytest.raises(ConfigurationError) as hidden:
        Resource(url="https://user:s3cret@a.example")
    assert "s3cret" not in str(hidden.value)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"resource": "mcp"}, f"resource: 'mcp' {LIKE}, or `off`"),
        ({"resource": 5}, f"resource: '5' {LIKE}, or `off`"),
        ({"resource_scopes": ('a"b',)}, "resource_scopes: 'a\"b' is not a valid scope"),
        (
            {"resource": HOST, "resources": SEVERAL},
            "resource: also listed in resources; keep one",
        ),
        (
            {"resources": (Resource(url=HOST), Resource(url=f"{HOST}/"))},
            "resources: two of them have their metadata at the same URL",
        ),
        ({"resources": HOST}, f"resources: must be a list, not '{HOST}'"),
    ],
)
def test_wrong_settings_are_refused(
    issuer: JWTIssuer, settings: dict[str, Any], text: str
) -> None:
    """With what is wrong, and what to write."""
    with pytest.raises(ConfigurationError) as caught:
        issuer.policy(**settings)
    assert caught.value.problems == (text,)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ({"path": "mcp"}, "path 'mcp': must begin with /"),
        ({"path": 5}, "must be a path pattern, like /mcp/*"),
        ({"name": ""}, "name: '': must be a non-empty string"),
        ({"scopes": ('"',)}, "scopes: '\"' is not a valid scope"),
    ],
)
def test_wrong_members_are_refused(member: dict[str, Any], text: str) -> None:
    """Each of them by its name."""
    with pytest.raises(ConfigurationError) as caught:
        Resource(url=HOST, **member)
    assert text in str(caught.value)


def test_resources_are_read_from_a_file(tmp_path: Any) -> None:
    """With the same names as in code; an unknown member is an error."""
    config = tmp_path / "jwtguard.toml"
    base = 'issuer = "https://a.example"\naudience = "x"\n[[resources]]\n'
    config.write_text(f'{base}url = "{HOST}/mcp"\nscopes = ["a"]\n')
    environ = {"JWTGUARD_CONFIG": str(config)}
    assert load_policy(environ).resources == (
        Resource(url=f"{HOST}/mcp", scopes=("a",)),
    )
    config.write_text(f'{base}url = "{HOST}/mcp"\nscope = ["a"]\n')
    with pytest.raises(ConfigurationError, match="scope: no such member"):
        load_policy(environ)


def test_check_names_a_resource_that_tokens_are_not_for() -> None:
    """Clients ask for a token for the resource, so it has to be an audience."""
    good = JWTIssuer(alg="ES256", audience=f"{HOST}/mcp")
    rules = (ScopeRule(path="/x", require="a"),)
    guard = good.guard(resource=f"{HOST}/mcp", scopes=rules)
    text = f"{HOST}/mcp: {HOST}{AT}/mcp, scopes a"
    assert [(f.level, f.text) for f in resource_findings(guard)] == [("ok", text)]
    other = JWTIssuer(alg="ES256").guard(resource=f"{HOST}/mcp")
    assert [f.level for f in resource_findings(other)] == ["ok", "weak"]
    unchecked = JWTIssuer(alg="ES256", audience="unchecked")
    assert [f.level for f in resource_findings(unchecked.guard(resource=HOST))] == [
        "ok"
    ]


def test_only_what_a_token_cures_is_answered_with_the_place(issuer: JWTIssuer) -> None:
    """A challenge of another refusal stays as it is."""
    metadata = Metadata(issuer.policy(resource=HOST))
    bare = (Challenge("Bearer"), Challenge("DPoP"))
    assert metadata.challenges(bare, 403, "/x") == bare
    assert metadata.challenges(bare, 400, "/x") == bare
    named = (("resource_metadata", f"{HOST}{AT}"),)
    assert [c.params for c in metadata.challenges(bare, 401, None)] == [named, named]
    scope = (Challenge("Bearer", (("error", "insufficient_scope"),)),)
    assert metadata.challenges(scope, 403, None)[0].params[-1:] == named
    assert Metadata(issuer.policy()).challenges(bare, 401, "/x") == bare


def test_preflights_are_answered_to_anybody(issuer: JWTIssuer) -> None:
    """For other metadata only if the application does not answer them itself."""
    asked = {"origin": ["https://a.example"], "access-control-request-method": ["GET"]}
    guard = issuer.guard(resource=HOST)
    ours = guard.decide(Request("OPTIONS", AT, asked), lambda _: None)
    assert isinstance(ours, Respond)
    assert ours.status == 204
    path = "/.well-known/oauth-authorization-server"
    theirs = guard.decide(Request("OPTIONS", path, asked), lambda _: None)
    assert isinstance(theirs, Proceed)
    assert theirs.fallback == ours
    assert answer(guard, AT, "HEAD").body == b""
