"""The settings of bound tokens: what cannot hold, and the sentence about it."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.model.issuers import ALGORITHMS

ISSUER = TrustedIssuer(url="https://issuer.example", audience="api")
SECRET = "dGhpcyBpcyBhIHNlY3JldCBmb3IgdGVzdHMgb25seSwgcmFuZG9t"
KNOWN = " ".join(ALGORITHMS)
LIKE = "expected one like https://www.example.com/api"
NO_SECRETS = "needs secrets; make one with `jwtguard secret`"


def policy(**settings: Any) -> Policy:
    return Policy(issuers=[ISSUER], **settings)


def problems(**settings: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        policy(**settings)
    return caught.value.problems


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"dpop": "on"},
            "dpop: 'on' is not valid; expected one of accept require off",
        ),
        ({"dpop": None}, "dpop: None is not valid; expected one of accept require off"),
        (
            {"dpop_algorithms": "HS256"},
            f"dpop_algorithms: 'HS256' is not valid; expected one of {KNOWN}",
        ),
        ({"dpop_algorithms": ()}, "dpop_algorithms: at least one is needed"),
        ({"dpop_algorithms": 1}, "dpop_algorithms: must be a list of strings, not 1"),
        (
            {"dpop_max_age": 0},
            "dpop_max_age: 0 is not valid; expected a number of at least 1",
        ),
        (
            {"dpop_replays": -1},
            "dpop_replays: -1 is not valid; expected a whole number of at least 0",
        ),
        (
            {"dpop_replays": 0.5},
            "dpop_replays: 0.5 is not valid; expected a whole number of at least 0",
        ),
        (
            {"dpop_nonce": "yes"},
            "dpop_nonce: 'yes' is not valid; expected one of auto require off",
        ),
        ({"dpop_nonce": "auto"}, f"dpop_nonce: 'auto' {NO_SECRETS}"),
        ({"dpop_nonce": "require"}, f"dpop_nonce: 'require' {NO_SECRETS}"),
        (
            {"dpop_replay_outage": "ignore"},
            "dpop_replay_outage: 'ignore' is not valid; expected one of refuse allow",
        ),
        (
            {"public_url": "https://a.example/b/"},
            f"public_url: 'https://a.example/b/' is not valid; {LIKE}",
        ),
        *(
            (
                {"public_url": f"https://a.example{path}"},
                f"public_url: {f'https://a.example{path}'!r} is not valid; {LIKE}",
            )
            for path in (
                "//b", "/b//c", "/b?c", "/b#c", "/b c", "/b%20c", "/*", "/../b", "/b/.",
                "/b;c", "/b\\c", "/b\n", "/\u00fc",
            )
        ),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_in_one_sentence(
    settings: dict[str, Any], sentence: str
) -> None:
    """With the value, and what to write."""
    assert problems(**settings) == (sentence,)


def test_wrong_secrets_are_told_once() -> None:
    """And not a second time, as a nonce that lacks them."""
    assert len(problems(dpop_nonce="auto", secrets="x")) == 1


def test_a_flag_of_a_client_is_true_or_false() -> None:
    """As its other flags are."""
    with pytest.raises(ConfigurationError, match="dpop: must be true or false"):
        Client(id="spa", dpop="yes")  # type: ignore[arg-type]


def test_nonces_are_on_where_there_are_secrets() -> None:
    """Two workers without a common secret would lead clients in circles."""
    assert policy().dpop_nonce == "off"
    assert policy(secrets=SECRET).dpop_nonce == "auto"
    for given in ("auto", "require", "off"):
        assert policy(secrets=SECRET, dpop_nonce=given).dpop_nonce == given
    assert policy(dpop_nonce="off").dpop_nonce == "off"


def test_algorithms_keep_their_order() -> None:
    """That is the order in which the challenge lists them."""
    made = policy(dpop_algorithms=["PS256", "ES256", "PS256"])
    assert made.dpop_algorithms == ("PS256", "ES256")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/b", "https://a.example"),
        ("https://a.example:8443/b/c-d_e.f~1", "https://a.example:8443"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
    ],
)
def test_a_public_url_may_have_a_prefix(url: str, origin: str) -> None:
    """Rules about origins look at the part before it."""
    made = policy(public_url=url)
    assert (set(made.public_url), set(made.public_origins)) == ({url}, {origin})
