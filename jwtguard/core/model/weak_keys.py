"""Public keys that must not be used: too short, or known to be weak."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

# RFC 7518 section 3.3 asks for 2048 bits; beyond 8192 each check gets slow.
_RSA_BITS = range(2048, 8193)

# With exponent 1 the signature is the message; a huge exponent makes each check slow.
_RSA_EXPONENTS = range(3, 2**32, 2)

_P25519 = 2**255 - 19

_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7

_LOW_ORDER = frozenset({0, 1, _P25519 - 1, _Y8, _P25519 - _Y8})

"""The y coordinates of the eight points that anybody can sign for (RFC 8032)."""

_ROCA = (
    (11, 2), (13, 6), (17, 8), (19, 9), (37, 3), (53, 26), (61, 20), (71, 35), (73, 24),
    (79, 13), (97, 6), (103, 51), (107, 53), (109, 54), (127, 42), (151, 50), (157, 78),
)  # fmt: skip

"""Primes, and how many powers 65537 has modulo each.

CVE-2017-15361: a chip made keys out of such powers, and they are factored. The powers
are the roots of 1: 65537 generates the one subgroup of its order.
"""


def _check_rsa(n: int, e: int) -> None:
    if n.bit_length() not in _RSA_BITS:
        raise ValueError("RSA modulus out of range")
    if e not in _RSA_EXPONENTS:
        raise ValueError("RSA exponent out of range")
    # A random modulus passes all of these with a probability below 2^-27.
    if all(pow(n, order, p) == 1 for p, order in _ROCA):
        raise ValueError("an RSA key whose private half can be computed")


def _check_ed25519(public: ed25519.Ed25519PublicKey) -> None:
    """RFC 8032 section 8: a key of small order verifies what nobody has signed."""
    encoded = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    y = int.from_bytes(encoded, "little") & (2**255 - 1)  # the top bit is x's sign
    if y % _P25519 in _LOW_ORDER:
        raise ValueError("an Ed25519 key of small order")
