"""The development issuer binds tokens to a client's key (RFC 9449 section 5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from jwtguard import ConfigurationError
from jwtguard.issuer import Client, Config
from jwtguard.issuer.dpop import LIFETIME, Nonces, Proofs
from jwtguard.testing import DPoPKey, FakeClock, JWTIssuer
from tests.issuer.test_issuer import LOGIN, OWN, serving

CONFIG = Config(
    clients=(
        Client(id="spa", origins=("http://localhost:8000",), refresh=True),
        Client(id="web", secret="s3cret", refresh=True),
        Client(id="bound", refresh=True, dpop_bound_access_tokens=True),
    )
)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with serving(CONFIG) as client:
        yield client


@pytest.fixture(scope="module")
def nonced() -> Iterator[httpx.Client]:
    """An issuer that asks for nonces."""
    with serving(Config(dpop_nonce=True)) as client:
        yield client


@pytest.fixture
def key() -> DPoPKey:
    """A key on the real clock, as the issuer is."""
    return JWTIssuer(clock=FakeClock(time.time())).dpop()


def endpoint(http: httpx.Client) -> str:
    return f"{str(http.base_url).rstrip('/')}/oauth/token"


def ask(
    http: httpx.Client, form: dict[str, str], *proofs: str, page: bool = True
) -> httpx.Response:
    headers = [*(OWN.items() if page else ()), *(("DPoP", one) for one in proofs)]
    return http.post("/oauth/token", data=form, headers=headers)


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def refresh_form(token: str, **changes: str) -> dict[str, str]:
    form = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": token}
    return form | changes


def refused(answer: httpx.Response) -> str:
    """Return the error of a refusal, which names a reason and is not to be stored."""
    assert answer.status_code == 400, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["error_description"]
    return str(answer.json()["error"])


@pytest.mark.parametrize("page", [True, False], ids=["page", "program"])
def test_a_proof_binds_the_tokens_of_any_grant(
    http: httpx.Client, key: DPoPKey, page: bool
) -> None:
    """Password and refresh grant alike: ``cnf.jkt`` is the key's thumbprint."""
    form: dict[str, str] = LOGIN
    for _ in range(2):
        got = ask(http, form, key.proof("POST", endpoint(http)), page=page)
        assert got.status_code == 200, got.text
        assert got.json()["token_type"] == "DPoP"
        claims = claims_of(got.json()["access_token"])
        assert claims["cnf"] == {"jkt": key.thumbprint}
        form = refresh_form(got.json()["refresh_token"])


def test_without_a_proof_tokens_are_bearer_tokens(http: httpx.Client) -> None:
    """Nothing changes for a client without a key."""
    got = ask(http, LOGIN).json()
    assert got["token_type"] == "Bearer"
    assert "cnf" not in claims_of(got["access_token"])


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"])
def test_each_algorithm_of_the_metadata_works(http: httpx.Client, alg: str) -> None:
    """``dpop_signing_alg_values_supported`` lists what is accepted."""
    metadata = http.get("/.well-known/openid-configuration").json()
    assert alg in metadata["dpop_signing_alg_values_supported"]
    key = JWTIssuer(clock=FakeClock(time.time())).dpop(alg)
    assert ask(http, LOGIN, key.proof("POST", endpoint(http))).status_code == 200


WRONG: dict[str, dict[str, Any]] = {
    "another type": {"headers": {"typ": "JWT"}},
    "no algorithm": {"headers": {"alg": "none"}},
    "no key": {"headers": {"jwk": None}},
    "another key in it": {"headers": {"jwk": JWTIssuer().dpop().jwk}},
    "a crit": {"headers": {"crit": ["x"]}},
    "another method": {"claims": {"htm": "GET"}},
    "the method in small letters": {"claims": {"htm": "post"}},
    "another URL": {"claims": {"htu": "https://api.example.com/oauth/token"}},
    "no URL at all": {"claims": {"htu": "//"}},
    "no jti": {"claims": {"jti": None}},
    "a jti that is a number": {"claims": {"jti": 1}},
    "no htm": {"claims": {"htm": None}},
    "no htu": {"claims": {"htu": None}},
    "no iat": {"claims": {"iat": None}},
    "an iat that is a word": {"claims": {"iat": "now"}},
    "an iat that is a flag": {"claims": {"iat": True}},
    "too old": {"claims": {"iat": time.time() - 3600}},
    "of the future": {"claims": {"iat": time.time() + 3600}},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_proof_is_refused(
    http: httpx.Client, key: DPoPKey, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """400 ``invalid_dpop_proof``, and the terminal says why, without the proof."""
    proof = key.proof("POST", endpoint(http), **WRONG[name])
    answer = ask(http, LOGIN, proof)
    assert refused(answer) == "invalid_dpop_proof"
    printed = capsys.readouterr().err
    assert answer.json()["error_description"] in printed
    assert proof not in printed


@pytest.mark.parametrize(
    "text", ["", "abc", "a.b", "a.b.c", "a.b.c.d", "e30.e30.e30", "{0},{0}", "{0}x"]
)
def test_what_is_no_proof_is_refused(
    http: httpx.Client, key: DPoPKey, text: str
) -> None:
    """Also two of them, and one whose signature was changed."""
    sent = text.format(key.proof("POST", endpoint(http)))
    assert refused(ask(http, LOGIN, sent)) == "invalid_dpop_proof"


def test_claims_that_are_no_object_are_refused(
    http: httpx.Client, key: DPoPKey
) -> None:
    """Although the key has signed them."""
    proof = jwt.api_jws.encode(
        b"[]", key._private, "ES256", headers={"typ": "dpop+jwt", "jwk": key.jwk}
    )
    answer = ask(http, LOGIN, proof)
    assert refused(answer) == "invalid_dpop_proof"
    assert "object" in answer.json()["error_description"]


def test_a_proof_is_good_once(http: httpx.Client, key: DPoPKey) -> None:
    """A second use is a replay, whatever became of the first."""
    proof = key.proof("POST", endpoint(http))
    assert ask(http, LOGIN | {"password": "wrong"}, proof).status_code == 400
    assert refused(ask(http, LOGIN, proof)) == "invalid_dpop_proof"
    # Another client may have chosen the same jti.
    other = JWTIssuer(clock=FakeClock(time.time())).dpop()
    jti = claims_of(proof)["jti"]
    again = other.proof("POST", endpoint(http), claims={"jti": jti})
    assert ask(http, LOGIN, again).status_code == 200


def test_a_used_proof_is_forgotten_when_it_is_too_old(key: DPoPKey) -> None:
    """What is remembered does not grow for ever."""
    clock = FakeClock(key.clock.time())
    proofs = Proofs("http://localhost/oauth/token", now=clock.time)
    for _ in range(3):
        proofs.check(key.proof("POST", "http://localhost/oauth/token"))
    clock.advance(5 * LIFETIME)
    key.skew(5 * LIFETIME)
    proofs.check(key.proof("POST", "http://localhost/oauth/token"))
    assert len(proofs._used) == 1


# Refresh.


def test_the_refresh_token_of_a_public_client_is_bound(
    http: httpx.Client, key: DPoPKey
) -> None:
    """Without the key it is refused, and is not spent by that."""
    got = ask(http, LOGIN, key.proof("POST", endpoint(http))).json()
    form = refresh_form(got["refresh_token"])
    assert refused(ask(http, form)) == "invalid_dpop_proof"
    thief = JWTIssuer(clock=FakeClock(time.time())).dpop()
    stolen = ask(http, form, thief.proof("POST", endpoint(http)))
    assert refused(stolen) == "invalid_grant"
    assert ask(http, form, key.proof("POST", endpoint(http))).status_code == 200


def test_the_refresh_token_of_a_client_with_a_secret_is_not_bound(
    http: httpx.Client, key: DPoPKey
) -> None:
    """The secret protects it; the client may change its key."""
    form = LOGIN | {"client_id": "web", "client_secret": "s3cret"}
    got = ask(http, form, key.proof("POST", endpoint(http)), page=False).json()
    other = JWTIssuer(clock=FakeClock(time.time())).dpop()
    form = refresh_form(got["refresh_token"], client_id="web", client_secret="s3cret")
    again = ask(http, form, other.proof("POST", endpoint(http)), page=False)
    assert claims_of(again.json()["access_token"])["cnf"] == {"jkt": other.thumbprint}


def test_a_bearer_client_can_begin_to_bind_its_tokens(
    http: httpx.Client, key: DPoPKey
) -> None:
    """A library that sends its first proof with a refresh gets a bound token."""
    got = ask(http, LOGIN).json()
    form = refresh_form(got["refresh_token"])
    again = ask(http, form, key.proof("POST", endpoint(http))).json()
    assert again["token_type"] == "DPoP"
    assert refused(ask(http, refresh_form(again["refresh_token"])))


@pytest.mark.parametrize("grant", ["password", "refresh_token"])
def test_a_client_may_be_made_to_bind_its_tokens(
    http: httpx.Client, key: DPoPKey, grant: str
) -> None:
    """``dpop_bound_access_tokens`` (section 5.2): no proof, no token."""
    form = LOGIN | {"client_id": "bound"}
    if grant == "refresh_token":
        got = ask(http, form, key.proof("POST", endpoint(http)), page=False).json()
        form = refresh_form(got["refresh_token"], client_id="bound")
    assert refused(ask(http, form, page=False)) == "invalid_dpop_proof"
    proof = key.proof("POST", endpoint(http))
    assert ask(http, form, proof, page=False).status_code == 200


# Nonces.


def test_a_nonce_is_asked_for_and_given(nonced: httpx.Client, key: DPoPKey) -> None:
    """One retry with the nonce of the refusal, whatever the client's clock says."""
    key.skew(-3600)
    answer = ask(nonced, LOGIN, key.proof("POST", endpoint(nonced)))
    assert refused(answer) == "use_dpop_nonce"
    nonce = answer.headers["DPoP-Nonce"]
    proof = key.proof("POST", endpoint(nonced), nonce=nonce)
    got = ask(nonced, LOGIN, proof)
    assert got.json()["token_type"] == "DPoP"
    assert got.headers["DPoP-Nonce"] == nonce
    other = key.proof("POST", endpoint(nonced), nonce="made up")
    assert refused(ask(nonced, LOGIN, other)) == "use_dpop_nonce"
    assert "DPoP-Nonce" not in ask(nonced, LOGIN).headers


def test_a_page_may_read_the_nonce(nonced: httpx.Client, key: DPoPKey) -> None:
    """Browsers show it only because the answer says so."""
    answer = ask(nonced, LOGIN, key.proof("POST", endpoint(nonced)))
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    asked = {
        **OWN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "dpop",
    }
    preflight = nonced.options("/oauth/token", headers=asked)
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "dpop" in allowed.split(", ")


def test_a_nonce_is_good_for_two_windows() -> None:
    """The current one and the one before it."""
    clock = FakeClock(6000.0)
    nonces = Nonces(clock.time)
    nonce = nonces.current()
    clock.advance(LIFETIME)
    assert nonces.is_good(nonce)
    assert nonces.current() != nonce
    clock.advance(LIFETIME)
    assert not nonces.is_good(nonce)
    assert not nonces.is_good(None)


def test_without_nonces_one_is_ignored(http: httpx.Client, key: DPoPKey) -> None:
    """A client may have it from another server."""
    proof = key.proof("POST", endpoint(http), nonce="x")
    answer = ask(http, LOGIN, proof)
    assert answer.status_code == 200
    assert "DPoP-Nonce" not in answer.headers


def test_the_settings_are_read(tmp_path: Path) -> None:
    """``dpop_nonce`` is true or false, and nothing else."""
    path = tmp_path / "issuer.toml"
    path.write_text("dpop_nonce = true")
    assert Config.load(path).dpop_nonce
    assert not Config.load(None).dpop_nonce
    path.write_text('dpop_nonce = "yes"')
    with pytest.raises(ConfigurationError, match="expected true or false"):
        Config.load(path)
