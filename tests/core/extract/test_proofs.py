"""RFC 9449 section 4.3: the scheme ``DPoP``, and exactly one proof beside it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jwtguard.core.extract import credentials
from jwtguard.core.extract.credentials import Credentials
from jwtguard.core.extract.proofs import LONGEST, SentProof
from jwtguard.core.model.request import Request
from jwtguard.errors import InvalidProofError, InvalidRequestError

PROOF = "h.c.s"


def request(
    *proofs: str,
    authorization: Sequence[str] = ("DPoP a.b.c",),
    subprotocols: Sequence[str] | None = None,
) -> Request:
    named = {"authorization": authorization, "dpop": proofs}
    headers = {name: values for name, values in named.items() if values}
    return Request(
        "GET", "/", headers,
        websocket=subprotocols is not None, subprotocols=subprotocols or (),
    )  # fmt: skip


def find(sent: Request, *, dpop: bool = True) -> Credentials | None:
    return credentials.find(sent, None, 100, dpop=dpop)


def reason(sent: Request) -> str:
    with pytest.raises(InvalidProofError) as caught:
        find(sent)
    assert caught.value.status == 401
    return caught.value.reason


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
@pytest.mark.parametrize("proof", [PROOF, f" {PROOF}\t"])
def test_token_and_proof_are_found(scheme: str, proof: str) -> None:
    """The scheme in any case (RFC 9110 section 11.1), blanks around the proof."""
    sent = request(proof, authorization=(f"{scheme}  a.b.c",))
    assert find(sent) == ("a.b.c", "header", "DPoP", SentProof(PROOF, sent))


def test_a_proof_beside_a_bearer_token_is_not_read() -> None:
    """RFC 9449 section 7.1: a client that signs everything must not break."""
    for proofs in ((PROOF,), ("rubbish",), (PROOF, PROOF)):
        sent = request(*proofs, authorization=("Bearer a.b.c",))
        assert find(sent) == ("a.b.c", "header", "Bearer", None)


def test_a_scheme_that_is_off_counts_as_no_token() -> None:
    """As any other scheme that is not spoken here."""
    assert find(request(PROOF), dpop=False) is None
    offer = request(authorization=(), subprotocols=("dpop", "a.b.c", PROOF))
    assert find(offer, dpop=False) is None


@pytest.mark.parametrize(
    "value", ["DPoP", "DPoP ", "dpop a b", "DPoP\ta.b.c", "DPoP ="]
)
def test_anything_else_under_dpop_is_malformed(value: str) -> None:
    """400, not 401, as under Bearer."""
    with pytest.raises(InvalidRequestError, match="authorization_malformed"):
        find(request(PROOF, authorization=(value,)))


def test_without_a_proof_the_token_is_not_looked_at() -> None:
    """RFC 9449 section 4.3, check 1."""
    assert reason(request()) == "dpop_missing"


@pytest.mark.parametrize(
    "proofs",
    [(PROOF, PROOF), ("", PROOF), (f"{PROOF},{PROOF}",), (f"{PROOF}, ",), (",",)],
)
def test_two_proofs_are_refused(proofs: tuple[str, ...]) -> None:
    """Servers and proxies join repeated fields with a comma."""
    assert reason(request(*proofs)) == "dpop_repeated"


@pytest.mark.parametrize(
    "proof",
    [
        "", " ", "a", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c=", "a b.c.d",
        "a.b.c\n", "a.b.\u00e9", "a.b.c\x00", f"DPoP {PROOF}", '"a.b.c"', "{}",
        "a.b." + "c" * LONGEST, "a.b." + "c" * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_one_compact_jwt_is_malformed(proof: str) -> None:
    """RFC 9449 section 4.3, check 2; an empty field is a bad proof, too."""
    assert reason(request(proof)) == "dpop_malformed"


def test_the_longest_proof_is_read() -> None:
    """8192 characters."""
    assert find(request("a.b." + "c" * (LONGEST - 4)))


def test_a_page_opens_a_websocket_with_token_and_proof() -> None:
    """``dpop``, then the two: scripts can set no other field of a handshake."""
    sent = request(authorization=(), subprotocols=("chat", "dpop", "a.b.c", PROOF, "x"))
    proof = SentProof(PROOF, sent)
    assert find(sent) == Credentials("a.b.c", "subprotocol", "DPoP", proof)
    assert credentials.chosen(sent.subprotocols) == "dpop"
    assert credentials.chosen(("chat", "bearer", "t")) == "bearer"


def test_a_program_opens_a_websocket_with_two_header_fields() -> None:
    """As any other request; the subprotocols are the application's."""
    sent = request(PROOF, subprotocols=("chat",))
    assert find(sent) == ("a.b.c", "header", "DPoP", SentProof(PROOF, sent))


@pytest.mark.parametrize(
    "offers",
    [
        ("dpop",), ("dpop", "a.b.c"), ("dpop", "a b", PROOF),
        ("dpop", "a.b.c", PROOF, "dpop", "a.b.c", PROOF),
        ("dpop", "a.b.c", PROOF, "bearer", "a.b.c"), ("bearer", "dpop", "a", "b"),
    ],
)  # fmt: skip
def test_dpop_without_token_and_proof_is_malformed(offers: tuple[str, ...]) -> None:
    """Not silently a WebSocket without a token."""
    with pytest.raises(InvalidRequestError, match="subprotocol_malformed"):
        find(request(authorization=(), subprotocols=offers))


def test_a_bad_proof_in_a_subprotocol_is_a_bad_proof() -> None:
    """And one more in the header field is a second one."""
    offers = ("dpop", "a.b.c", "rubbish")
    assert reason(request(authorization=(), subprotocols=offers)) == "dpop_malformed"
    offers = ("dpop", "a.b.c", PROOF)
    both = request(PROOF, authorization=(), subprotocols=offers)
    assert reason(both) == "dpop_repeated"
    with pytest.raises(InvalidRequestError, match="token_repeated"):
        find(request(PROOF, subprotocols=offers))
