"""``jwtguard check`` says what stands in the way of logouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard import Client, Guard, TrustedIssuer
from jwtguard.inspect.check_logout import logout_findings
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.check_revocations import revocation_findings
from jwtguard.relay import TokenRelay
from jwtguard.testing import JWTIssuer
from tests.test_revoking import Away

PATHS = {"logout_paths": ("/oidc/logout",)}
SUPPORTED = {
    "backchannel_logout_supported": True,
    "backchannel_logout_session_supported": True,
}


class Announcing(JWTIssuer):
    """An issuer whose metadata say more."""

    def __init__(self, said: Mapping[str, Any] = SUPPORTED, **more: Any) -> None:
        super().__init__(**more)
        self.said = said

    def metadata(self) -> dict[str, Any]:
        return {**super().metadata(), **self.said}


def guard_of(issuer: JWTIssuer, state: Any = None, **settings: Any) -> Guard:
    guard = Guard(
        issuer.policy(**settings),
        clock=issuer.clock,
        transport=issuer.transport,
        state=state,
    )
    guard.verify(issuer.token())
    return guard


def found(guard: Guard, what: str = "logout", **environ: str) -> list[tuple[str, str]]:
    """Return level and text of what is said of *what*."""
    told = [*logout_findings(guard), *revocation_findings(guard, environ)]
    return [(one.level, one.text) for one in told if one.what == what]


def of_issuer(said: Mapping[str, Any], **settings: Any) -> list[tuple[str, str]]:
    """Return what is said of an issuer with these metadata, with a shared state."""
    return found(guard_of(Announcing(said), _present(), **settings))


def _present() -> Away:
    state = Away()
    state.away = False
    return state


def test_an_issuer_that_supports_it_has_to_be_told_the_url() -> None:
    """``check`` cannot see whether the URL is registered."""
    ((level, text),) = of_issuer(SUPPORTED, **PATHS)
    assert level == "ok"
    assert "register the URL" in text


@pytest.mark.parametrize(
    "said", [{}, {"backchannel_logout_supported": False},
             {"backchannel_logout_supported": "true"}],
)  # fmt: skip
def test_an_issuer_that_does_not_announce_it_may_never_call(said: Any) -> None:
    """It may still send logouts, so the level is ``weak``."""
    ((level, text),) = of_issuer(said, **PATHS)
    assert level == "weak"
    assert "backchannel_logout_supported" in text


def test_a_path_that_is_missing_is_pointed_out() -> None:
    """The issuer supports logouts, but no path is set."""
    ((level, text),) = of_issuer(SUPPORTED)
    assert level == "note"
    assert "JWTGUARD_LOGOUT_PATHS is not set" in text
    assert of_issuer({}) == []


@pytest.mark.parametrize("how", ["keys", "jwks_url"])
def test_an_issuer_whose_metadata_are_not_read_is_not_vouched_for(how: str) -> None:
    """``check`` does not fetch them either."""
    issuer = Announcing()
    value: Any = issuer.jwks() if how == "keys" else f"{issuer.url}/jwks"
    trusted = TrustedIssuer(url=issuer.url, audience=issuer.audience, **{how: value})
    told = found(guard_of(issuer, _present(), issuers=(trusted,), **PATHS))
    assert [level for level, _ in told] == ["note"]
    assert "unknown" in told[0][1]


def test_an_issuer_out_of_reach_is_said_once() -> None:
    """The keys are the finding; metadata that fail later are not vouched for."""
    issuer = Announcing()
    guard = Guard(
        issuer.policy(**PATHS), clock=issuer.clock, transport=issuer.transport
    )
    issuer.down()
    told = list(check(guard))
    assert [f.what for f in told if f.level == "wrong"] == ["keys"]
    later = guard_of(issuer_up := Announcing(), _present(), **PATHS)
    issuer_up.down()
    ((level, text),) = found(later)
    assert (level, "unknown" in text) == ("note", True)


def test_without_a_listed_client_every_logout_token_is_refused() -> None:
    """``aud`` of a logout token is a client."""
    told = of_issuer(SUPPORTED, clients=(), **PATHS)
    assert ("wrong", "JWTGUARD_CLIENTS" in told[0][1]) == (told[0][0], True)


@pytest.mark.parametrize(("profile", "level"), [("keycloak", "note"), ("okta", "weak")])
def test_sessions_need_a_sid_that_no_standard_promises(
    profile: str, level: str
) -> None:
    """Keycloak adds one; for other issuers, users have to look at a token."""
    issuer = Announcing(profile=profile)
    trusted = TrustedIssuer(
        url=issuer.url, audience=issuer.audience, profile=profile, logout="session"
    )
    told = found(guard_of(issuer, _present(), issuers=(trusted,), **PATHS))
    assert [one for one, text in told if "sid" in text] == [level]
    assert "jwtguard explain" in told[-1][1]
    assert not [1 for _, text in of_issuer(SUPPORTED, **PATHS) if "sid" in text]


def test_logout_tokens_without_sessions_end_subjects() -> None:
    """What the metadata say of ``sid`` in logout tokens."""
    issuer = Announcing({"backchannel_logout_supported": True}, profile="keycloak")
    told = found(guard_of(issuer, _present(), **PATHS))
    assert any("ends all tokens of the subject" in text for _, text in told)


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, "weak"),
        ({"WEB_CONCURRENCY": "1"}, "weak"),
        ({"WEB_CONCURRENCY": "4"}, "wrong"),
        ({"GUNICORN_CMD_ARGS": "-w 4"}, "wrong"),
    ],
)
@pytest.mark.parametrize("settings", [PATHS, {"revocation_paths": ("/oauth/revoke",)}])
def test_memory_hears_of_a_logout_in_one_process(
    environ: dict[str, str], level: str, settings: Any, jwt_issuer: JWTIssuer
) -> None:
    """Without a variable, the number of processes is not known."""
    told = found(guard_of(jwt_issuer, **settings), **environ)
    ((found_level, text),) = [one for one in told if "memory://" in one[1]]
    assert found_level == level
    assert ("command line" in text) is (level == "weak")


def test_a_relay_feeds_the_list_and_nothing_else_is_said_of_memory(
    jwt_issuer: JWTIssuer,
) -> None:
    """A guard that does not revoke tokens does not need a shared state."""
    guard = guard_of(jwt_issuer)
    assert found(guard) == []
    relay = TokenRelay(guard)
    assert [level for level, _ in found(guard)] == ["weak"]
    assert relay.guard is guard


@pytest.mark.parametrize(
    ("settings", "longest", "level", "words"),
    [
        ({}, None, "note", "86400 s"),
        ({"revocation_for": 600}, None, "weak", "600 s"),
        ({"revocation_for": 600}, 900, "ok", "max_lifetime"),
    ],
)
def test_a_token_may_outlive_its_revocation(
    settings: Any, longest: float | None, level: str, words: str
) -> None:
    """The lifetime of tokens is only known if ``max_lifetime`` is set."""
    issuer = JWTIssuer()
    trusted = TrustedIssuer(
        url=issuer.url, audience=issuer.audience, max_lifetime=longest
    )
    guard = guard_of(issuer, issuers=(trusted,), **PATHS, **settings)
    ((got, text),) = found(guard, "revocations")
    assert (got, words in text) == (level, True)


@pytest.mark.parametrize(
    ("outage", "level", "words"),
    [
        ("allow", "note", "are accepted"),
        ("writes", "ok", "other than GET"),
        ("refuse", "ok", "all requests with a token"),
    ],
)
def test_an_outage_of_the_state_is_said_in_words(
    outage: str, level: str, words: str, jwt_issuer: JWTIssuer
) -> None:
    """The finding says what the policy chose; memory:// ignores the setting."""
    guard = guard_of(jwt_issuer, _present(), revocation_outage=outage)
    told = found(guard, "revocations")
    assert (told[-1][0], words in told[-1][1]) == (level, True)
    alone = found(guard_of(jwt_issuer, revocation_outage=outage), "revocations")
    assert [one for one, _ in alone] == ([] if outage == "allow" else ["note"])


def test_check_says_all_of_it(jwt_issuer: JWTIssuer) -> None:
    """Among the other findings, and each issuer by its name."""
    other = JWTIssuer("https://other.example")
    issuers = tuple(
        TrustedIssuer(url=one.url, audience=one.audience, keys=one.jwks())
        for one in (jwt_issuer, other)
    )
    clients = (Client(id="spa", issuer=other.url),)
    guard = jwt_issuer.guard(issuers=issuers, clients=clients, **PATHS)
    told = [(f.level, f.text) for f in check(guard) if f.what == "logout"]
    wrong = [text for level, text in told if level == "wrong"]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"{jwt_issuer.url}: no client")
