"""The figures of RFC 9449, and the thumbprints of RFC 7638 and RFC 8037."""

from __future__ import annotations

import pytest

from jwtguard import Policy, TrustedIssuer
from jwtguard.core.extract.proofs import SentProof
from jwtguard.core.model.request import Request
from jwtguard.core.verify.dpop.proof import Proofs
from jwtguard.core.verify.dpop.thumbprint import thumbprint
from jwtguard.errors import InvalidProofError, InvalidTokenError

# Figures 2, 12, 13 and 15.
HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZy"
    "aHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpi"
    "VFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)
PROOF = (
    f"{HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9y"
    "ZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRo"
    "IjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrt"
    "NP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
AT_TOKEN_ENDPOINT = (
    f"{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8v"
    "c2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdW"
    "P0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
MADE_AT = 1562262618
POLICY = Policy(
    issuers=[TrustedIssuer(url="https://server.example.com", audience="x")],
    public_url="https://resource.example.org",
)
REQUEST = Request("GET", "/protectedresource", {})


def check(
    proof: str = PROOF,
    *,
    token: str = TOKEN,
    jkt: str = JKT,
    request: Request = REQUEST,
    now: float = MADE_AT + 1,
) -> str:
    proofs = Proofs(POLICY, lambda: now)
    return proofs.check(SentProof(proof, request), token, jkt, None).jti


def test_the_proof_of_figure_12_is_good() -> None:
    """Its key is the one of figure 15, and ``ath`` is the hash of its token."""
    assert check() == "e1j3V_bKic8-LAEB"


def test_the_proof_of_figure_2_is_for_a_token_endpoint() -> None:
    """It has no ``ath``, so it is good for no resource."""
    with pytest.raises(InvalidProofError, match="dpop_malformed") as caught:
        check(AT_TOKEN_ENDPOINT)
    assert caught.value.detail == "ath"


def test_the_figures_are_good_for_nothing_else() -> None:
    """Another token, key, request or time."""
    for changed, reason in (
        ({"token": TOKEN + "x"}, "dpop_token_hash"),
        ({"request": REQUEST._replace(method="POST")}, "dpop_method"),
        ({"request": REQUEST._replace(path="/protected")}, "dpop_url"),
        ({"now": MADE_AT + 61}, "dpop_time"),
        ({"proof": PROOF[:-2] + "kA"}, "dpop_signature"),
    ):
        with pytest.raises(InvalidProofError) as caught:
            check(**changed)
        assert caught.value.reason == reason
    with pytest.raises(InvalidTokenError, match="dpop_binding"):
        check(jkt=JKT[:-1] + "J")


def test_thumbprints_of_rfc_7638_and_rfc_8037() -> None:
    """Section 3.1 of the one, appendix A.3 of the other; other members do not count."""
    rsa = {
        "kty": "RSA",
        "n": (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
            "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-"
            "5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
            "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb"
            "ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-"
            "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        ),
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint(rsa) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    okp = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
    assert thumbprint(okp) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
