"""The settings of introspection: what an issuer's fields may hold (RFC 7662)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .issuer_fields import IssuerFields
from .scope_rule import pattern_problem
from .validation import NOT_EMPTY, Problems, Where, check_number, strings

MODES = ("never", "opaque", "always")
AUTH = ("basic", "post", "private_key_jwt")
"""RFC 6749 section 2.3.1, RFC 7523 section 2.2."""
OUTAGES = ("refuse", "local")
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_OTHERS = ("url", "client_id", "client_secret", "auth", "key")


def introspects(issuer: IssuerFields) -> bool:
    """Whether any token of *issuer* is introspected."""
    return issuer.introspect != "never" or bool(issuer.introspect_paths)


def takes_opaque(issuer: IssuerFields) -> bool:
    """Whether opaque tokens are shown to *issuer*."""
    return issuer.introspect != "never"


def auth_of(issuer: IssuerFields) -> str:
    """Return how the client authenticates at the endpoint of *issuer*."""
    by_key = "private_key_jwt" if issuer.introspect_key else "basic"
    return issuer.introspect_auth or by_key


def private_key_of(pem: str) -> PrivateKey:
    """Read a P-256 or RSA private key in PEM; raise ``ValueError``."""
    text = pem.replace("\\r", "").replace("\\n", "\n")  # as in many .env files
    key: Any = load_pem_private_key(text.encode(), None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    raise ValueError("neither P-256 nor RSA")


def check_introspection(problems: Problems, where: Where, issuer: Any) -> None:
    """Check the fields that begin with ``introspect``; no secret is shown."""
    _check_words(problems, where, issuer)
    for name in ("introspect_url", "introspect_client_id"):
        problems.check_text((*where, name), getattr(issuer, name))
    secret = issuer.introspect_client_secret
    good = secret is None or (isinstance(secret, str) and secret)
    problems.check(good, (*where, "introspect_client_secret"), NOT_EMPTY)
    for name, least in (("introspect_ttl", 1), ("introspect_timeout", 0.1)):
        check_number(problems, (*where, name), getattr(issuer, name), least)
    _check_key(problems, (*where, "introspect_key"), issuer.introspect_key)
    for pattern in issuer.introspect_paths:
        if problem := pattern_problem(pattern):
            problems.add((*where, "introspect_paths"), problem)
    if introspects(issuer):
        _check_client(problems, where, issuer)
        # A token whose tenant is not asked would be accepted without an answer.
        text = "not possible with tenants; write an [[issuers]] table for each"
        problems.check(issuer.tenants is None, (*where, "introspect"), text)
        return
    for name in _OTHERS:
        text = (
            "has no effect, because introspect is never and introspect_paths is empty"
        )
        unset = getattr(issuer, f"introspect_{name}") is None
        problems.check(unset, (*where, f"introspect_{name}"), text)


def _check_words(problems: Problems, where: Where, issuer: Any) -> None:
    for name, words, optional in (
        ("introspect", MODES, False),
        ("introspect_auth", AUTH, True),
        ("introspect_outage", OUTAGES, False),
    ):
        value = getattr(issuer, name)
        known = value in words or (optional and value is None)
        text = f"{value!r} is not valid; expected one of {' '.join(words)}"
        problems.check(known, (*where, name), text)


def _check_client(problems: Problems, where: Where, issuer: Any) -> None:
    """Endpoints that answer anybody would be a token oracle: a client is needed."""
    text = "required: the client id of this API at its issuer, for introspection"
    named = issuer.introspect_client_id is not None
    problems.check(named, (*where, "introspect_client_id"), text)
    needed = "client_secret"
    if auth_of(issuer) == "private_key_jwt":
        needed = "key"
    text = f"required with introspect_auth {auth_of(issuer)}"
    given = getattr(issuer, f"introspect_{needed}") is not None
    problems.check(given, (*where, f"introspect_{needed}"), text)


def _check_key(problems: Problems, where: Where, pem: Any) -> None:
    if pem is None:
        return
    try:
        private_key_of(pem)
    except (AttributeError, TypeError, ValueError):
        text = "must be a private key in PEM, without a password: P-256 or RSA"
        problems.add(where, f"{text} (not shown)")


def introspection_strings(problems: Problems, where: Where, issuer: Any) -> Any:
    """Return ``introspect_paths`` and ``opaque_prefix`` in one form each."""
    names = ("introspect_paths", "opaque_prefix")
    return {n: strings(getattr(issuer, n), (*where, n), problems) for n in names}


def check_opaque(problems: Problems, issuers: tuple[Any, ...]) -> None:
    """With several issuers, the prefix of an opaque token names the one to ask."""
    asked = [issuer for issuer in issuers if takes_opaque(issuer)]
    seen: dict[str, str] = {}
    for issuer in asked if len(asked) > 1 else ():
        where = ("issuers", issuer.url.rpartition("@")[2], "opaque_prefix")
        text = (
            "required, as several issuers introspect: what its opaque tokens begin with"
        )
        problems.check(issuer.opaque_prefix, where, text)
        for prefix in issuer.opaque_prefix:
            for other, owner in seen.items():
                clash = prefix.startswith(other) or other.startswith(prefix)
                text = f"{prefix!r} and {other!r} of another issuer begin alike"
                problems.check(owner == issuer.url or not clash, where, text)
            seen[prefix] = issuer.url
