"""RFC 9449 section 4.2: the header of a proof, with the key that signs it.

A client writes one header over and over: what was read of it is remembered once a proof
with it was good.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa

from ....errors import InvalidProofError
from ...model.encoding import decode_segment, parse_json
from ...model.jwk import Key
from ...model.public_keys import key_of_member
from .thumbprint import thumbprint

TYPE = "dpop+jwt"
LONGEST_RSA = 4096
"""Bits. A longer key would make each proof slow, and the client chooses it."""
REMEMBERED = 1024
"""Headers in each of two generations."""
_SHORT = 2048
"""Characters. A header with the longest RSA key has about 1,100."""


class ProofHeader(NamedTuple):
    """What the header of a proof says."""

    alg: str
    key: Key
    jkt: str
    """The key's thumbprint (RFC 7638)."""


class ProofHeaders:
    """Reads headers, and remembers those of good proofs.

    In two generations: when the newer one is full, the older one is dropped.
    """

    def __init__(self, algorithms: Collection[str]) -> None:
        self._algorithms = frozenset(algorithms)
        self._recent: dict[str, ProofHeader] = {}
        self._older: dict[str, ProofHeader] = {}

    def read(self, segment: str) -> ProofHeader:
        """Return what *segment* says; raise ``InvalidProofError``."""
        found = self._recent.get(segment) or self._older.get(segment)
        return found or self._parsed(segment)

    def remember(self, segment: str, header: ProofHeader) -> None:
        """Keep what *segment* says, because a good proof began with it."""
        # Written without a lock: if two threads write at once, one entry is lost, and
        # is read again.
        if segment in self._recent or len(segment) > _SHORT:
            return
        if len(self._recent) >= REMEMBERED:
            self._older, self._recent = self._recent, {}
        self._recent[segment] = header

    def _parsed(self, segment: str) -> ProofHeader:
        try:
            members = parse_json(decode_segment(segment.encode()))
        except ValueError:
            raise InvalidProofError("dpop_malformed", detail="the header") from None
        if not isinstance(members, dict):
            raise InvalidProofError("dpop_malformed", detail="the header")
        if members.get("typ") != TYPE:
            raise InvalidProofError("dpop_type")
        alg = members.get("alg")
        if not isinstance(alg, str) or alg not in self._algorithms:
            raise InvalidProofError("dpop_algorithm")
        jwk: Any = members.get("jwk")
        key = key_of_member(jwk)
        if key is None or alg not in key.algorithms or _is_long(key):
            raise InvalidProofError("dpop_key")
        _check_extensions(members)
        return ProofHeader(alg, key, thumbprint(jwk))


def _is_long(key: Key) -> bool:
    public = key.public
    return isinstance(public, rsa.RSAPublicKey) and public.key_size > LONGEST_RSA


def _check_extensions(members: dict[str, Any]) -> None:
    # RFC 7515 section 4.1.11, RFC 7797 section 6: no extension is understood.
    if "crit" in members or members.get("b64", True) is not True:
        raise InvalidProofError("dpop_malformed", detail="crit or b64")
