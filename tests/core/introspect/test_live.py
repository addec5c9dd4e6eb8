"""What an answer changes: claims that a JWT lacks, narrower scopes, its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from typing import Any

import pytest

from jwtguard import ConfigurationError, Guard, Policy, TrustedIssuer
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.request import Request
from jwtguard.core.verify.jose import is_opaque
from jwtguard.errors import AuthError, InvalidTokenError
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer, OpaqueIssuer
from tests.waiting import until

ALWAYS = {"introspect": "always"}


@pytest.fixture
def issuer() -> OpaqueIssuer:
    return OpaqueIssuer(alg="ES256")


def replying(issuer: OpaqueIssuer, **changes: Any) -> None:
    """Let the answers of *issuer* have these members; None leaves one out."""

    def reply(found: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        members = {**found, **changes}
        present = {name: value for name, value in members.items() if value is not None}
        told = {"content-type": "application/json"}
        return 200, told, json.dumps(present).encode()

    issuer.reply = reply


def reason(guard: Guard, token: str) -> str:
    with pytest.raises(AuthError) as caught:
        guard.verify(token)
    return caught.value.reason


def ask(guard: Guard, path: str, token: str, root: str = "") -> str:
    """Return the reason of the answer; empty if the request may proceed."""
    fields = {"authorization": [f"Bearer {token}"]}
    decision = guard.decide(Request("GET", path, fields, root=root), lambda _: None)
    return "" if isinstance(decision, Proceed) else decision.reason


def test_an_opaque_token_is_what_the_answer_says(issuer: OpaqueIssuer) -> None:
    """Client, scopes, roles, end and all claims; ``active`` is none of them."""
    token = issuer.opaque_token(scope="a b", roles=("editor",), client_id="spa")
    who = issuer.guard().verify(token)
    assert (who.subject, who.client_id, who.issuer) == ("alice", "spa", issuer.url)
    assert (set(who.scopes), set(who.roles)) == ({"a", "b"}, {"editor"})
    assert who.expires_at == who.claims["exp"]
    assert "active" not in who.claims
    assert who.token == token


def test_what_an_answer_need_not_say(issuer: OpaqueIssuer) -> None:
    """RFC 7662 section 2.2: all but ``active`` is optional; the client names itself."""
    gone = dict.fromkeys(("sub", "exp", "iss", "iat", "jti", "scope", "token_type"))
    replying(issuer, **gone)
    who = issuer.guard().verify(issuer.opaque_token())
    assert (who.subject, who.expires_at, set(who.scopes)) == ("spa", inf, set())
    replying(issuer, **gone, client_id=None, username="alice")
    assert issuer.guard().verify(issuer.opaque_token()).subject == ""
    guard = issuer.guard(subject_claim="username")
    assert guard.verify(issuer.opaque_token()).subject == "alice"


def test_a_token_without_an_end_lives_too_long(issuer: OpaqueIssuer) -> None:
    """``max_lifetime`` counts for opaque tokens, too."""
    guard = issuer.guard(max_lifetime=3600)
    assert guard.verify(issuer.opaque_token())
    replying(issuer, exp=None)
    assert reason(guard, issuer.opaque_token()) == "missing_claim"


def test_a_token_without_an_end_is_revoked_everywhere(issuer: OpaqueIssuer) -> None:
    """Other processes read the revocation as well."""
    replying(issuer, exp=None)
    state, policy, clock = MemoryState(), issuer.policy(), issuer.clock
    one, other = (
        Guard(policy, clock=clock, transport=issuer, state=state) for _ in range(2)
    )
    token = issuer.opaque_token()
    other.verify(token)
    one.revoke(one.verify(token))
    assert reason(one, token) == "revoked_token"
    assert until(lambda: not accepts(other, token), 20)
    assert reason(other, token) == "revoked_token"


def accepts(guard: Guard, token: str) -> bool:
    try:
        return bool(guard.verify(token))
    except AuthError:
        return False


def test_the_settings_may_require_members_of_an_answer(issuer: OpaqueIssuer) -> None:
    """Some servers call refresh tokens active too, and only ``token_type`` differs."""
    replying(issuer, token_type=None)
    assert issuer.guard().verify(issuer.opaque_token())
    guard = issuer.guard(require=("iss", "token_type"))
    assert reason(guard, issuer.opaque_token()) == "missing_claim"
    issuer.reply = None
    assert guard.verify(issuer.opaque_token())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": "soon"}, "malformed_claim"),
        ({"exp": True}, "malformed_claim"),
        ({"nbf": 9e12}, "not_yet_valid"),
        ({"aud": 5}, "malformed_claim"),
        ({"aud": ["another"]}, "wrong_audience"),
        ({"iss": "https://other.example"}, "unknown_issuer"),
        ({"iss": 5}, "unknown_issuer"),
        ({"sub": 5}, "malformed_claim"),
        ({"client_id": ["spa"]}, "malformed_claim"),
        ({"token_use": "refresh_token"}, "refresh_token"),
        ({"typ": "ID"}, "id_token"),
        ({"events": {}}, "logout_token"),
        ({"cnf": {"kid": "k"}}, "bound_token"),
        ({"cnf": {"jkt": "t"}}, "bound_token_as_bearer"),
        ({"cnf": {"x5t#S256": "t"}}, "certificate_missing"),
        ({"token_type": "DPoP"}, "bound_token"),
        ({"token_type": "dpop", "cnf": {"x5t#S256": "t"}}, "bound_token"),
    ],
    ids=repr,
)
def test_an_answer_is_checked(
    issuer: OpaqueIssuer, changes: dict[str, Any], why: str
) -> None:
    """For opaque tokens and for JWTs, whatever the JWT says itself."""
    replying(issuer, **changes)
    opaque = why
    carried = "carrier" if why == "bound_token_as_bearer" else ""
    found = reason(issuer.guard(), issuer.opaque_token())
    # A token that is verified on its own came in no header: no proof could be sent.
    assert found == ("bound_token" if carried else opaque)
    if "sub" not in changes and "client_id" not in changes:
        assert reason(issuer.guard(**ALWAYS), issuer.token()) == found


def test_a_binding_in_the_answer_is_necessary_at_once(issuer: OpaqueIssuer) -> None:
    """Also where it is new in a later answer, about a token that is known."""
    for settings, token in ((ALWAYS, issuer.token()), ({}, issuer.opaque_token())):
        issuer.reply = None
        guard = issuer.guard(**settings)
        assert ask(guard, "/notes", token) == ""
        replying(issuer, cnf={"jkt": "thumbprint"})
        issuer.clock.advance(31)
        assert ask(guard, "/notes", token) == "bound_token_as_bearer"
        assert ask(guard, "/notes", token) == "bound_token_as_bearer"


def test_bindings_that_differ_are_refused(issuer: OpaqueIssuer) -> None:
    """Which of the two keys would have to be shown?"""
    guard = issuer.guard(**ALWAYS)
    token = issuer.token(claims={"cnf": {"jkt": "a"}})
    replying(issuer, cnf={"jkt": "b"})
    assert reason(guard, token) == "bound_token"
    replying(issuer, cnf={"jkt": "a"}, token_type="DPoP")
    assert ask(issuer.guard(**ALWAYS), "/", token) == "bound_token_as_bearer"
    replying(issuer, cnf=None, token_type="DPoP")
    assert ask(issuer.guard(**ALWAYS), "/", token) == "bound_token_as_bearer"


def test_an_answer_is_not_believed_beyond_the_end_of_the_token(
    issuer: OpaqueIssuer,
) -> None:
    """``exp`` is looked at on each use, and nobody is asked about what has ended."""
    guard = issuer.guard(introspect_ttl=3600)
    token = issuer.opaque_token(expires_in=100)
    assert guard.verify(token)
    issuer.clock.advance(131)
    assert reason(guard, token) == "expired"
    assert reason(guard, token) == "expired"
    assert issuer.introspections == 1


def test_a_token_that_was_ended_is_refused_when_its_answer_is_old(
    issuer: OpaqueIssuer,
) -> None:
    """After at most ``introspect_ttl`` seconds, in every mode."""
    for settings, token in (({}, issuer.opaque_token()), (ALWAYS, issuer.token())):
        guard = issuer.guard(introspect_ttl=10, **settings)
        assert guard.verify(token)
        issuer.end(token)
        issuer.clock.advance(9)
        assert guard.verify(token)
        issuer.clock.advance(1)
        assert reason(guard, token) == "inactive"
        assert reason(guard, token) == "inactive"


def test_a_revocation_here_holds_at_once(issuer: OpaqueIssuer) -> None:
    """The gates are the same: the issuer may still call the token active."""
    guard = issuer.guard()
    token, other = issuer.opaque_token(), issuer.opaque_token(claims={"sid": "s"})
    guard.revoke(guard.verify(token))
    assert reason(guard, token) == "revoked_token"
    assert guard.verify(other)
    guard.revoke_tokens(issuer=issuer.url, sid="s")
    assert reason(guard, other) == "revoked_session"


def test_a_jwt_is_verified_here_before_anybody_is_asked(issuer: OpaqueIssuer) -> None:
    """The issuer may be wrong: its word adds to our checks and replaces none."""
    guard = issuer.guard(**ALWAYS)
    for token, why in (
        (issuer.forged(), "bad_signature"),
        (issuer.expired(), "expired"),
        (issuer.wrong_audience(), "wrong_audience"),
        (JWTIssuer("https://x.example", alg="ES256").token(), "unknown_issuer"),
        (issuer.token(claims={"iss": None}), "missing_claim"),
    ):
        assert reason(guard, token) == why
    assert issuer.introspections == 0


def test_a_lightweight_token_gets_its_claims_from_the_answer(
    issuer: OpaqueIssuer,
) -> None:
    """Keycloak leaves out what its endpoint tells: ``aud``, ``sub``, roles."""
    light = dict.fromkeys(("aud", "sub", "scope", "client_id", "jti"))
    token = issuer.token(claims={**light, "azp": "spa"}, typ="JWT")
    said = {"aud": issuer.audience, "sub": "bob", "scope": "a", "roles": ["editor"]}
    replying(issuer, **said)
    who = issuer.guard(**ALWAYS).verify(token)
    assert (who.subject, who.client_id) == ("bob", "spa")
    assert (set(who.scopes), set(who.roles)) == ({"a"}, {"editor"})
    assert who.claims["aud"] == issuer.audience
    replying(issuer, **{**said, "aud": None})
    assert reason(issuer.guard(**ALWAYS), token) == "missing_claim"
    assert reason(issuer.guard(introspect="opaque"), token) == "not_access_token"


def test_the_own_claims_of_a_jwt_win(issuer: OpaqueIssuer) -> None:
    """They are signed; only scopes can become fewer."""
    replying(issuer, sub="mallory", roles=["admin"], scope="a c")
    who = issuer.guard(**ALWAYS).verify(issuer.token(scope="a b", roles=("editor",)))
    assert (who.subject, set(who.roles)) == ("alice", {"editor"})
    assert who.scopes == {"a"}
    replying(issuer, scope=None)
    assert issuer.guard(**ALWAYS).verify(issuer.token(scope="a b")).scopes == {"a", "b"}


def test_scopes_that_were_taken_away_are_gone_with_the_next_answer(
    issuer: OpaqueIssuer,
) -> None:
    """What is remembered about the token is what its newest answer says."""
    guard, token = issuer.guard(scopes=()), issuer.opaque_token(scope="a b")
    assert guard.verify(token).scopes == {"a", "b"}
    replying(issuer, scope="a", jti="another")
    issuer.clock.advance(31)
    assert guard.verify(token).scopes == {"a"}
    guard.revoke_tokens(issuer=issuer.url, jti="another")
    assert reason(guard, token) == "revoked_token"


PATHS: dict[str, Any] = {"introspect": "never", "introspect_paths": ("/payments/*",)}


def test_jwts_are_asked_about_on_the_paths_that_say_so(issuer: OpaqueIssuer) -> None:
    """Elsewhere what was verified here is enough; each path has its own answer."""
    guard, token = issuer.guard(**PATHS), issuer.token()
    assert ask(guard, "/notes", token) == ""
    assert issuer.introspections == 0
    assert ask(guard, "/payments/1", token) == ""
    assert ask(guard, "/payments/2", token) == ""
    assert issuer.introspections == 1
    issuer.end(token)
    issuer.clock.advance(31)
    for path in ("/payments/1", "/PAYMENTS/1/", "/payments"):
        assert ask(guard, path, token) == "inactive", path
    assert ask(guard, "/payments//1", token) == "path_ambiguous"
    assert ask(guard, "/1", token, root="/payments") == "inactive"
    assert ask(guard, "/notes", token) == ""
    assert reason(guard, "opaque") == "malformed"
    assert guard.verify(token)


def test_paths_mean_the_tokens_of_their_own_issuer() -> None:
    """An issuer without introspection is not asked, wherever its tokens are used."""
    asked = OpaqueIssuer(alg="ES256")
    plain = JWTIssuer("https://b.example", alg="ES256")
    trusted = asked.policy(**PATHS).issuers[0]
    other = TrustedIssuer(url=plain.url, audience=plain.audience, keys=plain.jwks())
    policy = Policy(issuers=[trusted, other])
    guard = Guard(policy, clock=asked.clock, transport=asked)
    assert ask(guard, "/payments/1", plain.token()) == ""
    assert ask(guard, "/payments/1", asked.token()) == ""
    assert asked.introspections == 1


@pytest.mark.parametrize(
    ("token", "opaque"),
    [
        ("2YotnFZFEjr1zCsicMWpAA", True),
        ("ory_at_abc.def", True),
        ("v2.local.abc", True),
        ("eyJhbGciOiJFUzI1NiJ9", True),
        ("eyJhbGciOiJFUzI1NiJ9.e30.x", False),
        ("eyJhbGciOiJFUzI1NiJ9.e30", False),
        ("eyJhbGciOiJFUzI1NiJ9=.e30.x", False),
        ("eyJhbGciOiJFUzI1NiJ8.e30.x", False),
        ("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0.x.x.x.x", False),
        ("ICB7ImFsZyI6Im5vbmUifQ.e30.", False),
        ("a.", True),
        (".e30.x", True),
        ("é", False),
        ("", True),
    ],
)
def test_what_is_opaque(token: str, opaque: bool) -> None:
    """Not what is, or was, a JWT: it may be of somebody that we do not know."""
    assert is_opaque(token) is opaque


def trusting(*issuers: OpaqueIssuer, **prefixes: tuple[str, ...]) -> Policy:
    found = [
        one.policy(opaque_prefix=prefixes.get(f"p{number}", ())).issuers[0]
        for number, one in enumerate(issuers)
    ]
    return Policy(issuers=found)


def test_the_prefix_names_the_issuer() -> None:
    """A token is shown to one server, never to two."""
    one, two = OpaqueIssuer(), OpaqueIssuer("https://two.example")
    policy = trusting(one, two, p0=("one_",), p1=("two_", "2_"))
    # One sender stands for the network of both.
    both = {one.url: one, two.url: two}

    class Web:
        def handle_request(self, request: Any) -> Any:
            host = f"https://{request.url.host}"
            return both[host].handle_request(request)

    guard = Guard(policy, clock=one.clock, transport=Web())
    two.clock.advance(one.clock.time() - two.clock.time())
    for prefix, maker in (("one_", one), ("two_", two), ("2_", two)):
        token = maker.opaque_token(prefix=prefix)
        assert guard.verify(token).issuer == maker.url
    assert (one.introspections, two.introspections) == (1, 2)
    assert reason(guard, "three_x") == "malformed"
    assert reason(guard, "one_x") == "inactive"
    assert (one.introspections, two.introspections) == (2, 2)


@pytest.mark.parametrize(
    ("prefixes", "text"),
    [
        ({}, "opaque_prefix: required, as several issuers introspect"),
        ({"p0": ("a_",)}, "opaque_prefix: required, as several issuers introspect"),
        ({"p0": ("a_",), "p1": ("a_",)}, "begin alike"),
        ({"p0": ("a_",), "p1": ("a_b_",)}, "begin alike"),
        ({"p0": ("a_b_",), "p1": ("b_", "a_")}, "begin alike"),
    ],
)
def test_prefixes_have_to_tell_issuers_apart(
    prefixes: dict[str, tuple[str, ...]], text: str
) -> None:
    """Else a token could be shown to the wrong one."""
    issuers = OpaqueIssuer(), OpaqueIssuer("https://two.example")
    with pytest.raises(ConfigurationError, match=text):
        trusting(*issuers, **prefixes)


def test_without_a_cache_answers_are_still_remembered(issuer: OpaqueIssuer) -> None:
    """``token_cache`` is about verified tokens, ``introspect_ttl`` about answers."""
    guard, token = issuer.guard(token_cache=0), issuer.opaque_token()
    for _ in range(3):
        assert guard.verify(token)
    assert issuer.introspections == 1


def test_nothing_of_a_token_is_in_the_log(
    issuer: OpaqueIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of one that is accepted, nor of one that is refused or unanswered."""
    caplog.set_level("DEBUG")
    guard, good = issuer.guard(), issuer.opaque_token(prefix="s3cret")
    assert guard.verify(good)
    for token in ("s3cret-bad", issuer.opaque_token(prefix="s3cret")):
        reason(guard, token) if token == "s3cret-bad" else issuer.down()
    issuer.clock.advance(60)
    assert reason(guard, good) == "introspection_unavailable"
    assert "introspection_failed" in caplog.text
    assert "s3cret" not in caplog.text


def test_an_opaque_token_that_is_too_long_is_not_sent(issuer: OpaqueIssuer) -> None:
    """The limit holds before anybody is asked."""
    guard = issuer.guard(max_token_bytes=100)
    assert reason(guard, "x" * 101) == "token_too_long"
    assert issuer.introspections == 0
    with pytest.raises(InvalidTokenError, match="malformed"):
        guard.verify("é")
