"""The test kit's DPoP keys: a client as RFC 9449 describes it."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import jwt
import pytest
from joserfc.jwk import import_key

from jwtguard.testing import DPoPKey, JWTIssuer

URL = "https://api.example/notes"
ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256", "PS256"]


def parsed(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a proof whose signature is good."""
    header = jwt.get_unverified_header(proof)
    algorithm = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
    public = jwt.PyJWK(header["jwk"], algorithm).key
    message, _, signature = proof.rpartition(".")
    verified = jwt.get_algorithm_by_name(algorithm).verify(
        message.encode(), public, jwt.utils.base64url_decode(signature)
    )
    assert verified
    claims = jwt.decode(proof, options={"verify_signature": False})
    return header, claims


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_proofs_are_really_signed(jwt_issuer: JWTIssuer, alg: str) -> None:
    """A proof has the header of RFC 9449 section 4.2, signed by the key in it."""
    key = jwt_issuer.dpop(alg)
    header, claims = parsed(key.proof("GET", URL))
    assert header == {"typ": "dpop+jwt", "alg": alg, "jwk": key.jwk}
    assert set(claims) == {"jti", "htm", "htu", "iat"}
    assert not {"d", "p", "q", "kid", "alg"} & set(key.jwk)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_thumbprint_is_that_of_rfc_7638(jwt_issuer: JWTIssuer, alg: str) -> None:
    """Another library computes the same one."""
    key = jwt_issuer.dpop(alg)
    assert key.thumbprint == import_key(key.jwk).thumbprint()


def test_tokens_are_bound_to_the_key(jwt_issuer: JWTIssuer) -> None:
    """``cnf.jkt`` names the key, and the other options of tokens work as ever."""
    key = jwt_issuer.dpop()
    token = key.token(scope="notes:read", claims={"tenant": "a"}, expires_in=60)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": key.thumbprint}
    assert (claims["scope"], claims["tenant"]) == ("notes:read", "a")
    other = key.token(claims={"cnf": {"x5t#S256": "x"}})
    claims = jwt.decode(other, options={"verify_signature": False})
    assert claims["cnf"] == {"x5t#S256": "x"}


@pytest.mark.parametrize(
    ("profile", "typ"), [("keycloak", "DPoP"), ("auth0", None), ("rfc9068", None)]
)
def test_keycloak_marks_bound_tokens_otherwise(profile: str, typ: str | None) -> None:
    """The claim ``typ`` is ``DPoP`` there, and nothing is added elsewhere."""
    key = JWTIssuer(profile=profile).dpop()
    claims = jwt.decode(key.token(), options={"verify_signature": False})
    assert claims.get("typ") == typ
    method = {} if typ is None else {"kc-jkt-type": "DPoP"}
    assert claims["cnf"] == {"jkt": key.thumbprint, **method}


def test_a_proof_names_request_token_and_nonce(jwt_issuer: JWTIssuer) -> None:
    """Query and fragment are left out, and ``ath`` is the token's SHA-256."""
    key = jwt_issuer.dpop()
    token = key.token()
    proof = key.proof("POST", f"{URL}?a=1#b", token=token, nonce="n1")
    _, claims = parsed(proof)
    digest = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
    assert claims == {
        "jti": claims["jti"],
        "htm": "POST",
        "htu": URL,
        "iat": int(jwt_issuer.clock.time()),
        "ath": digest,
        "nonce": "n1",
    }


def test_each_proof_has_its_own_jti(jwt_issuer: JWTIssuer) -> None:
    """The same request twice needs two proofs, and gets them."""
    key = jwt_issuer.dpop()
    assert len({parsed(key.proof("GET", URL))[1]["jti"] for _ in range(20)}) == 20


def test_a_proof_can_be_changed_in_every_member(jwt_issuer: JWTIssuer) -> None:
    """Changes are signed as they are, and None leaves a member out."""
    key = jwt_issuer.dpop()
    proof = key.proof("GET", URL, claims={"jti": None, "iat": "now"})
    assert set(parsed(proof)[1]) == {"htm", "htu", "iat"}
    assert parsed(proof)[1]["iat"] == "now"
    changed = key.proof("GET", URL, headers={"alg": "none", "jwk": None, "x": [1]})
    assert jwt.get_unverified_header(changed) == {
        "typ": "dpop+jwt",
        "alg": "none",
        "x": [1],
    }


def test_the_client_clock_can_be_wrong(jwt_issuer: JWTIssuer) -> None:
    """``skew`` moves ``iat`` of the proofs, and not the tokens."""
    key = jwt_issuer.dpop()
    now = int(jwt_issuer.clock.time())
    key.skew(3600)
    assert parsed(key.proof("GET", URL))[1]["iat"] == now + 3600
    claims = jwt.decode(key.token(), options={"verify_signature": False})
    assert claims["iat"] == now


def test_headers_are_ready_to_send(jwt_issuer: JWTIssuer) -> None:
    """With a new token, or with one that was stolen from another key."""
    key = jwt_issuer.dpop()
    sent = key.headers("GET", URL, scope="a", nonce="n1")
    scheme, token = sent["Authorization"].split()
    assert scheme == "DPoP"
    assert jwt.decode(token, options={"verify_signature": False})["scope"] == "a"
    claims = parsed(sent["DPoP"])[1]
    assert claims["nonce"] == "n1"

    thief = jwt_issuer.dpop()
    stolen = thief.headers("GET", URL, token)
    assert stolen["Authorization"] == sent["Authorization"]
    assert parsed(stolen["DPoP"])[1]["ath"] == claims["ath"]
    assert json.dumps(thief.jwk) != json.dumps(key.jwk)


def test_an_unknown_algorithm_is_refused() -> None:
    """A symmetric key proves nothing, so that none is made."""
    with pytest.raises(ValueError, match="HS256"):
        JWTIssuer().dpop("HS256")


def test_the_key_is_exported() -> None:
    """Annotations of fixtures need the class."""
    assert isinstance(JWTIssuer().dpop(), DPoPKey)
