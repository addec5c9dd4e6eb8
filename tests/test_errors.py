"""What can go wrong, and what each caller is told about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import jwtguard
from jwtguard.errors import (
    AccessDeniedError,
    AuthError,
    Challenge,
    ConfigurationError,
    GrantError,
    InsecureTransportError,
    InsufficientScopeError,
    InvalidOriginError,
    InvalidRequestError,
    InvalidTokenError,
    JWTGuardError,
    KeysUnavailableError,
    MissingTokenError,
    Problem,
    TokenTooLargeError,
)
from jwtguard.reasons import REASONS

ROOT = Path(jwtguard.__file__).parent
SOURCES = {path: path.read_text() for path in ROOT.rglob("*.py")}


@pytest.mark.parametrize(
    ("error", "status", "code", "challenges"),
    [
        (InvalidRequestError("path_ambiguous"), 400, "invalid_request", True),
        (MissingTokenError("no_credentials"), 401, "missing_token", True),
        (InvalidTokenError("expired"), 401, "invalid_token", True),
        (InsufficientScopeError("scope_missing"), 403, "insufficient_scope", True),
        (AccessDeniedError("no_rule"), 403, "access_denied", False),
        (InvalidOriginError("foreign_origin"), 403, "invalid_origin", False),
        (InsecureTransportError("plain HTTP"), 403, "insecure_transport", False),
        (TokenTooLargeError("token_too_long"), 431, "invalid_request", False),
        (KeysUnavailableError(), 503, "temporarily_unavailable", False),
        (GrantError("form_malformed"), 400, "invalid_request", False),
    ],
)
def test_each_class_is_one_answer(
    error: AuthError, status: int, code: str, challenges: bool
) -> None:
    """Status, code and challenge follow from the class alone."""
    assert (error.status, error.code) == (status, code)
    assert [one.scheme for one in error.challenges] == ["Bearer"] * challenges
    assert isinstance(error, JWTGuardError)
    assert str(error) == error.reason


def test_a_refused_origin_is_a_denial() -> None:
    """Who catches the wider class catches the narrower."""
    assert issubclass(InvalidOriginError, AccessDeniedError)
    assert issubclass(InsecureTransportError, AccessDeniedError)
    assert not issubclass(ConfigurationError, AuthError)


def test_a_grant_error_takes_one_of_rfc_6749s_codes() -> None:
    """Its status is that of its reason, and its header fields are its own."""
    error = GrantError("post_only", fields=[("Allow", "POST")])
    assert (error.status, error.code) == (405, "invalid_request")
    assert error.fields == (("Allow", "POST"),)
    assert GrantError("refresh_disabled").code == "unauthorized_client"
    assert GrantError("tea_time").status == 400


def test_an_error_cannot_be_changed() -> None:
    """CachedToken answers share one error among requests."""
    error = InsufficientScopeError("scope_missing", scope="a", detail="b")
    for name in ("reason", "scope", "detail", "description", "challenges", "fields"):
        with pytest.raises(AttributeError):
            setattr(error, name, None)


def test_a_challenge_has_a_scheme_and_what_the_client_reads() -> None:
    """RFC 6750 section 3: bare without a token, else code, sentence and scopes."""
    assert MissingTokenError("no_credentials").challenges == (Challenge("Bearer"),)
    (challenge,) = InsufficientScopeError("scope_missing", scope="a b").challenges
    assert dict(challenge.params) == {
        "error": "insufficient_scope",
        "error_description": REASONS["scope_missing"].sentence,
        "scope": "a b",
    }


def test_a_configuration_error_tells_everything() -> None:
    """One line for each problem."""
    error = ConfigurationError("a: wrong", "b: wrong")
    assert str(error) == "a: wrong\nb: wrong"
    assert error.problems == ("a: wrong", "b: wrong")


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ((), "must be x"),
        (("leeway",), "leeway: must be x"),
        (("issuers",), "issuers: must be x"),
        (("issuers", "https://a", "keys"), "issuer https://a: keys: must be x"),
        (("clients", "spa"), "client spa: must be x"),
        (("clients", "", "id"), "client: id: must be x"),
        (("scopes", "/a", "methods"), "scopes /a: methods: must be x"),
    ],
)
def test_a_problem_knows_where_it_is(where: tuple[str, ...], sentence: str) -> None:
    """It reads as one sentence, and nobody has to take that apart."""
    problem = Problem("must be x", *where)
    assert (problem, problem.where, problem.text) == (sentence, where, "must be x")
    assert ConfigurationError(problem).problems == (sentence,)


def test_descriptions_are_fixed_sentences() -> None:
    """They stand in quoted header values, and hold nothing of any request."""
    for reason, known in REASONS.items():
        sentence = known.sentence
        assert re.fullmatch(r"[a-z_]+", reason)
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", sentence)
        assert not sentence.endswith(".")


def test_every_reason_has_a_sentence() -> None:
    """Each one that is raised anywhere in the package."""
    raised = re.findall(
        r"(?:Invalid\w+|Missing\w+|Insufficient\w+|AccessDenied|TokenTooLarge|Grant)"
        r"Error\(\s*\"([a-z_]+)\"",
        "\n".join(SOURCES.values()),
    )
    assert len(set(raised)) > 30
    assert set(raised) <= set(REASONS)


def test_every_sentence_has_a_reason() -> None:
    """No sentence is left over from something that no longer happens."""
    tables = ROOT / "reasons"
    rest = "\n".join(text for path, text in SOURCES.items() if tables != path.parent)
    for reason in REASONS:
        assert f'"{reason}"' in rest or reason == "keys_unavailable", reason


def test_an_unknown_reason_still_has_words() -> None:
    """Applications may raise with reasons of their own."""
    assert AccessDeniedError("tea_time").description == "The request was refused"


def test_the_plain_http_refusal_tells_the_client_no_more_than_https() -> None:
    """Peer and remedy are for the log."""
    error = InsecureTransportError("plain HTTP from '203.0.113.9'")
    assert error.description == "Access tokens are accepted over HTTPS only"
    assert error.detail == "plain HTTP from '203.0.113.9'"


def test_an_outage_says_when_to_come_back() -> None:
    """Seconds, for Retry-After."""
    error = KeysUnavailableError(retry_after=12.5)
    assert (error.reason, error.retry_after) == ("keys_unavailable", 12.5)
    assert error.description == "The issuer's signing keys are temporarily unavailable"
