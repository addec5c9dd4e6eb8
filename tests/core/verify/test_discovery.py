"""Metadata counts only if it names exactly our issuer (RFC 8414 section 3.3)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from jwtguard.core.model.effects import FetchFailedError, Incoming
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.verify.discovery import (
    find_endpoint,
    metadata_urls,
    response_problem,
)
from jwtguard.outside.fetcher import drive
from jwtguard.outside.sending import by_transport

ISSUER = "https://id.example/realms/main"
OPENID = f"{ISSUER}/.well-known/openid-configuration"
OAUTH = "https://id.example/.well-known/oauth-authorization-server/realms/main"
JWKS = "https://keys.example/jwks"


class Web:
    """Documents by URL; the rest is 404 or, if listed in ``dead``, unreachable."""

    def __init__(self, documents: Mapping[str, object]) -> None:
        self.documents = documents
        self.dead: Collection[str] = ()
        self.asked: list[str] = []
        self.sent: list[Mapping[str, str]] = []

    def __call__(self, url: str, headers: Mapping[str, str], _: float) -> Incoming:
        self.asked.append(url)
        self.sent.append(headers)
        if url in self.dead:
            raise FetchFailedError(f"{url}: unreachable")
        if url not in self.documents:
            return Incoming(404, {}, b"not found")
        found = self.documents[url]
        return Incoming(200, {}, found if isinstance(found, bytes) else _json(found))


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def metadata(**changes: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "jwks_uri": JWKS, **changes}


def look(
    web: Web, issuer: TrustedIssuer | None = None, hosts: Collection[str] = ()
) -> str:
    trusted = issuer or TrustedIssuer(url=ISSUER)
    flow = find_endpoint(trusted, "jwks_uri", hosts)
    return drive(flow, by_transport(web), lambda: 5.0)


@pytest.mark.parametrize(
    ("url", "openid", "oauth"),
    [
        (
            "https://id.example",
            "https://id.example/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://id.example/",
            "https://id.example/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server",
        ),
        (ISSUER, OPENID, OAUTH),
        (f"{ISSUER}/", OPENID, OAUTH),
        (
            "https://id.example/X",
            "https://id.example/X/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server/X",
        ),
        (
            "http://127.0.0.1:8000/a",
            "http://127.0.0.1:8000/a/.well-known/openid-configuration",
            "http://127.0.0.1:8000/.well-known/oauth-authorization-server/a",
        ),
    ],
)
def test_where_metadata_is_looked_for(url: str, openid: str, oauth: str) -> None:
    """OpenID appends to the path, RFC 8414 inserts before it."""
    assert metadata_urls(TrustedIssuer(url=url)) == (openid, oauth)


def test_openid_metadata_comes_first() -> None:
    """Where both are there, one request is enough: a plain one."""
    web = Web({OPENID: metadata(), OAUTH: metadata(jwks_uri="https://other.example")})
    assert look(web) == JWKS
    assert (web.asked, web.sent) == ([OPENID], [{}])


WRONG: Mapping[str, object] = {
    "another issuer": metadata(issuer="https://evil.example"),
    "a slash more": metadata(issuer=f"{ISSUER}/"),
    "another case": metadata(issuer=ISSUER.upper()),
    "no issuer": {"jwks_uri": JWKS},
    "issuer of another type": metadata(issuer=[ISSUER]),
    "no jwks_uri": {"issuer": ISSUER},
    "jwks_uri of another type": metadata(jwks_uri=[JWKS]),
    "jwks_uri over plain http": metadata(jwks_uri="http://keys.example/jwks"),
    "jwks_uri of another scheme": metadata(jwks_uri="file:///etc/passwd"),
    "jwks_uri with a password": metadata(jwks_uri="https://a:b@keys.example/"),
    "jwks_uri that is no URL": metadata(jwks_uri="https://[::1"),
    "HTML": b"<html>Welcome</html>",
    "nothing": b"",
    "an array": b"[]",
    "NaN": b'{"issuer": NaN}',
    "a member twice": b'{"issuer": "x", "issuer": "' + ISSUER.encode() + b'"}',
    "too deep": b"[" * 100_000,
    "bad UTF-8": b"\xff",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_document_means_the_next(wrong: object) -> None:
    """Whatever is not JSON with exactly our issuer and a good URL is passed over."""
    assert look(Web({OPENID: wrong, OAUTH: metadata()})) == JWKS


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_only_wrong_documents_are_a_failure(wrong: object) -> None:
    """Keys of somebody else's issuer are never ours."""
    with pytest.raises(
        FetchFailedError, match=r"no (metadata|usable jwks_uri): "
    ) as caught:
        look(Web({OPENID: wrong, OAUTH: wrong}))
    assert OPENID in str(caught.value)
    assert OAUTH in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("dead", [(), (OPENID,)])
def test_a_missing_document_means_the_next(dead: Collection[str]) -> None:
    """404, or a server that hangs up on paths that it does not know."""
    web = Web({OAUTH: metadata()})
    web.dead = dead
    assert look(web) == JWKS


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "no JSON object"),
        (metadata(issuer="https://evil.example"), "issuer is 'https://evil.example'"),
        (metadata(issuer="x" * 100_000), f"issuer is {'x' * 200!r}"),
        (metadata(jwks_uri=None), "the metadata has no jwks_uri"),
        (metadata(jwks_uri=5), "jwks_uri '5' may not be fetched"),
        (
            metadata(jwks_uri="x" * 100_000),
            f"jwks_uri {'x' * 200!r} may not be fetched",
        ),
    ],
)
def test_the_failure_says_what_was_wrong_with_each_document(
    wrong: Any, message: str
) -> None:
    """By URL, named once; what is quoted is cut, so a huge document is no huge log."""
    web = Web({OPENID: wrong})
    if message.startswith("issuer"):
        message = f"{message}, not {ISSUER!r}"
    for dead, why in (((), "status 404"), ((OAUTH,), "unreachable")):
        web.dead = dead
        with pytest.raises(FetchFailedError) as caught:
            look(web)
        # Where there is metadata of this issuer, only the member is missing.
        missing = "usable jwks_uri" if "jwks_uri" in message else "metadata"
        told = f"no {missing}: {OPENID}: {message}; {OAUTH}: {why}"
        assert str(caught.value) == told


def test_a_discovery_url_is_taken_as_it_stands() -> None:
    """Nothing is appended, nothing else is tried; the issuer must still be ours."""
    inside = "http://keycloak:8080/meta?x=1"
    issuer = TrustedIssuer(url=ISSUER, discovery_url=inside)
    web = Web({inside: metadata(jwks_uri="http://keycloak:8080/certs")})
    assert look(web, issuer, {"keycloak"}) == "http://keycloak:8080/certs"
    web = Web({inside: metadata(issuer="https://evil.example"), OPENID: metadata()})
    with pytest.raises(FetchFailedError):
        look(web, issuer, {"keycloak"})
    assert web.asked == [inside]


LOOPBACK = ("http://127.0.0.1:8080/x", "http://localhost/x", "https://[::1]/x")


@pytest.mark.parametrize("named", [*LOOPBACK, "http://keycloak:8080/x"])
@pytest.mark.parametrize("where", ["https://id.example/meta", None])
def test_metadata_over_https_name_https_elsewhere_only(
    named: str, where: str | None
) -> None:
    """Else an issuer could have us ask services that only we can reach."""
    issuer = TrustedIssuer(url=ISSUER, discovery_url=where)
    web = Web({where or OPENID: metadata(jwks_uri=named)})
    with pytest.raises(FetchFailedError, match="may not be fetched"):
        look(web, issuer, {"keycloak"})


@pytest.mark.parametrize("named", LOOPBACK)
def test_an_issuer_on_another_host_names_nothing_on_this_machine(named: str) -> None:
    """Neither where its metadata came over plain http, knowingly."""
    inside = "http://keycloak:8080/meta"
    web = Web({inside: metadata(jwks_uri=named)})
    with pytest.raises(FetchFailedError, match="may not be fetched"):
        look(web, TrustedIssuer(url=ISSUER, discovery_url=inside), {"keycloak"})


@pytest.mark.parametrize(
    ("url", "where", "named"),
    [
        ("http://localhost:9000", None, "http://127.0.0.1:9000/jwks"),
        ("http://localhost:9000", None, "http://keycloak:8080/jwks"),
        ("http://keycloak:8080", None, "http://keycloak:8080/jwks"),
        (ISSUER, "http://localhost:9000/meta", "http://localhost:9000/jwks"),
        (ISSUER, "http://keycloak:8080/meta", "https://id.example/jwks"),
    ],
)
def test_an_issuer_that_is_named_so_itself_names_its_like(
    url: str, where: str | None, named: str
) -> None:
    """Loopback and ``http_hosts`` serve development and networks of containers."""
    issuer = TrustedIssuer(url=url, discovery_url=where)
    document = metadata(issuer=url, jwks_uri=named)
    web = Web({where or f"{url}/.well-known/openid-configuration": document})
    assert look(web, issuer, {"keycloak"}) == named


def test_other_endpoints_are_found_likewise() -> None:
    """The relay asks for the token endpoint."""
    web = Web({OPENID: metadata(token_endpoint="https://id.example/token")})
    flow = find_endpoint(TrustedIssuer(url=ISSUER), "token_endpoint", ())
    assert drive(flow, by_transport(web), lambda: 5.0) == "https://id.example/token"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/login?next=secret", "'/login'"),
        ("https://u:secret@id.example/x#secret", "'id.example/x'"),
        ("https://a\n\x1b" + "b" * 500, "'https://a\\n\\x1b" + "b" * 189 + "'"),
    ],
)
def test_a_redirect_is_named_with_its_target(target: str, shown: str) -> None:
    """It is not followed; query, user name and control characters stay out."""
    found = response_problem(Incoming(302, {"location": target}, b""))
    assert found == f"status 302: redirects are not followed; to {shown}"


def test_other_answers_are_named_by_their_status() -> None:
    """A location says something only where the status says so."""
    assert response_problem(Incoming(404, {"location": "/x"}, b"")) == "status 404"
    assert response_problem(Incoming(304, {}, b"")) == "status 304"


def test_a_redirect_of_metadata_reaches_the_log() -> None:
    """Where a login page answers in place of the document."""

    def login(url: str, _: Mapping[str, str], __: float) -> Incoming:
        return Incoming(302, {"location": "https://login.example/"}, b"")

    looking = find_endpoint(TrustedIssuer(url=ISSUER), "jwks_uri", ())
    with pytest.raises(FetchFailedError, match=r"to 'https://login\.example/'"):
        drive(looking, by_transport(login), lambda: 5.0)


@pytest.mark.parametrize("body", [b"<!doctype html>", b"\n <html>"])
def test_a_web_page_is_named_as_one(body: bytes) -> None:
    """A wrong URL often answers with a page, and 200."""
    assert response_problem(Incoming(200, {}, body)).startswith("a web page in place")
    assert response_problem(Incoming(200, {}, b"{}")) == ""
