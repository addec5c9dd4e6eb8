"""Bound tokens (RFC 9449 section 7): what is sent, and what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.case import Case
from tests.wire.tokens import EVIL, ISSUER, WWW, bearer, origin, raw
from tests.wire.worlds import App, Ask, Fields

KEY, THIEF = ISSUER.dpop(), ISSUER.dpop()
TOKEN = KEY.token()
URL = "https://api.example/notes"
SECRETS = "dGhpcyBpcyBhIHNlY3JldCBmb3IgdGVzdHMgb25seSwgcmFuZG9t"
LISTED = {"CLIENTS": "", "CONFIG": str(Path(__file__).parent / "bound.toml")}
SCOPES = {"SCOPES": "/notes=notes:read"}
ONLY = ("DPoP",)
ALGS = 'algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"'
FORM = ("Content-Type", "application/x-www-form-urlencoded")
REFRESH = b"grant_type=refresh_token&refresh_token=r&client_id="


def proof(**given: Any) -> tuple[str, str]:
    """Return the field of a new proof for ``GET /notes``, changed by *given*."""
    asked = {"method": "GET", "url": URL, "token": TOKEN, **given}
    return "DPoP", KEY.proof(asked.pop("method"), asked.pop("url"), **asked)


def both(token: str = TOKEN, **given: Any) -> Fields:
    """Return token and proof as a client sends them."""
    return raw(f"DPoP {token}"), proof(**{"token": token, **given})


def refused(name: str, sentence: str, *fields: tuple[str, str], **case: Any) -> Case:
    """A proof that is not good for this request: 401, and which check it was."""
    return Case(
        name=f"proof: {name}",
        ask=Ask(headers=(raw(f"DPoP {TOKEN}"), *fields)),
        **{
            "status": 401,
            "error": "invalid_dpop_proof",
            "schemes": ONLY,
            "headers": {"www-authenticate": f'error_description="{sentence}'},
            **case,
        },
    )


BOUND = [
    Case(name="a bound token with its proof", ask=Ask(headers=both()), subject="alice"),
    Case(
        name="the scheme DPoP in any case",
        ask=Ask(headers=(raw(f"dPOP  {TOKEN}"), proof())),
        subject="alice",
    ),
    Case(
        name="a proof with a key of another kind",
        ask=Ask(headers=(*ISSUER.dpop("EdDSA").headers("GET", URL).items(),)),
        subject="alice",
    ),
    Case(
        name="a bound token, by POST",
        ask=Ask("POST", headers=both(method="POST"), body=b"x"),
        subject="alice",
    ),
    Case(
        name="the query is not part of htu",
        ask=Ask(headers=both(), query="a=%2F"),
        subject="alice",
    ),
    Case(
        name="a path prefix that the proxy takes off",
        ask=Ask(headers=both(url="https://api.example/v2/notes")),
        settings={"PUBLIC_URL": "https://api.example/v2"},
        subject="alice",
    ),
    Case(
        name="the name outside of the proxy",
        ask=Ask(headers=both(url="https://www.example/notes"), host="backend:8000"),
        settings={"PUBLIC_URL": "https://www.example https://api.example"},
        subject="alice",
    ),
    Case(
        name="an application below a root path",
        ask=Ask(
            root="/v1",
            headers=both(url="https://api.example/v1/notes"),
        ),
        subject="alice",
    ),
    # the proof
    refused("none", "The DPoP header with the proof is missing"),
    refused("empty", "The DPoP proof is malformed", ("DPoP", "")),
    refused("no JWT", "The DPoP proof is malformed", ("DPoP", "a.b")),
    refused("two fields", "More than one DPoP proof", proof(), proof()),
    refused(
        "two in one field",
        "More than one DPoP proof",
        ("DPoP", f"{proof()[1]}, {proof()[1]}"),
    ),
    refused("another method", "The DPoP proof is for another m", proof(method="POST")),
    refused("another URL", "The DPoP proof is for another URL", proof(url=EVIL)),
    refused(
        "a URL that only Host names",
        "The DPoP proof is for another URL",
        proof(url="https://evil.example/notes"),
        settings={"PUBLIC_URL": "https://api.example"},
    ),
    refused(
        "another token", "The DPoP proof is for another acc", proof(token=KEY.token())
    ),
    refused("old", "The DPoP proof has expired", proof(claims={"iat": 1})),
    refused(
        "a key with its private half",
        "The key in the DPoP proof cannot be used",
        proof(headers={"jwk": {**KEY.jwk, "d": "AQAB"}}),
    ),
    refused(
        "alg none", "The DPoP proof is signed with an", proof(headers={"alg": "none"})
    ),
    refused(
        "the key of a thief",
        "The access token is bound to another key",
        ("DPoP", THIEF.proof("GET", URL, token=TOKEN)),
        error="invalid_token",
    ),
    refused(
        "and its algorithms are told",
        "The DPoP",
        headers={"www-authenticate": 'algs="ES384"'},
        settings={"DPOP_ALGORITHMS": "ES384"},
    ),
    Case(
        name="proof: refused by HEAD, without a body",
        ask=Ask("HEAD", headers=(raw(f"DPoP {TOKEN}"),)),
        status=401,
    ),
    Case(
        name="proof: the client's page reads the refusal",
        ask=Ask(headers=(raw(f"DPoP {TOKEN}"), origin(WWW))),
        status=401,
        error="invalid_dpop_proof",
        schemes=ONLY,
        cors=WWW,
    ),
    # the token
    Case(
        name="a bound token as a bearer",
        ask=Ask(headers=(raw(f"Bearer {TOKEN}"),)),
        status=401,
        error="invalid_token",
        schemes=("Bearer", "DPoP"),
        headers={"www-authenticate": f'DPoP realm="api", {ALGS}'},
    ),
    Case(
        name="a bound token as a bearer, with a good proof",
        ask=Ask(headers=(raw(f"Bearer {TOKEN}"), proof())),
        status=401,
        error="invalid_token",
        schemes=("Bearer", "DPoP"),
    ),
    Case(
        name="a bound token in the cookie, with a good proof",
        ask=Ask(headers=(("Cookie", f"token={TOKEN}"), proof())),
        settings={"COOKIE": "token"},
        status=401,
        error="invalid_token",
        headers={"www-authenticate": "sender-constrained"},
    ),
    Case(
        name="an unbound token as DPoP",
        ask=Ask(headers=both(ISSUER.token())),
        status=401,
        error="invalid_token",
        schemes=ONLY,
        headers={"www-authenticate": "is not bound to a key"},
    ),
    Case(
        name="an expired token as DPoP is told under DPoP",
        ask=Ask(headers=both(KEY.token(expires_in=-100))),
        status=401,
        error="invalid_token",
        schemes=ONLY,
        headers={"www-authenticate": "has expired"},
    ),
    Case(
        name="a scope that a bound token lacks",
        ask=Ask(headers=both()),
        settings=SCOPES,
        status=403,
        error="insufficient_scope",
        schemes=ONLY,
        headers={"www-authenticate": f'scope="notes:read", {ALGS}'},
    ),
    Case(
        name="DPoP without a token",
        ask=Ask(headers=(raw("DPoP"), proof())),
        status=400,
        error="invalid_request",
        schemes=ONLY,
    ),
    Case(
        name="DPoP and Bearer at once",
        ask=Ask(headers=(raw(f"DPoP {TOKEN}"), raw(f"Bearer {TOKEN}"), proof())),
        status=400,
        error="invalid_request",
        schemes=ONLY,
    ),
    Case(
        name="a bearer token beside a proof",
        ask=Ask(headers=(bearer(), proof())),
        subject="alice",
    ),
    Case(
        name="a bearer token beside two proofs that are none",
        ask=Ask(headers=(bearer(), ("DPoP", "x"), ("DPoP", ""))),
        subject="alice",
    ),
    # the paths
    Case(
        name="a bad proof on an optional path",
        ask=Ask(headers=(raw(f"DPoP {TOKEN}"), ("DPoP", "x"))),
        settings={"OPTIONAL_PATHS": "/notes"},
        status=401,
        error="invalid_dpop_proof",
        schemes=ONLY,
    ),
    Case(
        name="a bad proof on a public path",
        ask=Ask(headers=(raw(f"DPoP {TOKEN}"), ("DPoP", "x"))),
        settings={"PUBLIC_PATHS": "/notes"},
    ),
    # the modes
    Case(
        name="DPoP off: the scheme is not read",
        ask=Ask(headers=both()),
        settings={"DPOP": "off"},
        status=401,
        error="missing_token",
        schemes=("Bearer",),
    ),
    Case(
        name="DPoP off: a bound token is no bearer token",
        ask=Ask(headers=(raw(f"Bearer {TOKEN}"),)),
        settings={"DPOP": "off"},
        status=401,
        error="invalid_token",
    ),
    Case(
        name="DPoP required: no token",
        ask=Ask(),
        settings={"DPOP": "require"},
        status=401,
        error="missing_token",
        schemes=ONLY,
    ),
    Case(
        name="DPoP required: a bearer token",
        ask=Ask(headers=(bearer(),)),
        settings={"DPOP": "require"},
        status=401,
        error="invalid_token",
        schemes=ONLY,
    ),
    Case(
        name="DPoP required: a bound token",
        ask=Ask(headers=both()),
        settings={"DPOP": "require"},
        subject="alice",
    ),
    Case(
        name="a client that needs DPoP: a bearer token",
        ask=Ask(headers=(bearer(),)),
        settings=LISTED,
        status=401,
        error="invalid_token",
        schemes=ONLY,
    ),
    Case(
        name="a client that needs DPoP: a bound token",
        ask=Ask(headers=(*both(), origin(WWW))),
        settings=LISTED,
        subject="alice",
        cors=WWW,
    ),
    Case(
        name="a client that does not need DPoP, beside one that does",
        ask=Ask(headers=(bearer(client_id="batch"),)),
        settings=LISTED,
        subject="alice",
    ),
    Case(
        name="a client that needs DPoP: a refresh without a proof",
        ask=Ask("POST", "/token", (FORM, origin(WWW)), body=REFRESH + b"spa"),
        settings={**LISTED, "TOKEN_PATHS": "/token"},
        status=400,
        error="invalid_dpop_proof",
        cors=WWW,
    ),
    Case(
        name="a client that needs DPoP: a refresh with a proof",
        ask=Ask(
            "POST",
            "/token",
            (FORM, origin(WWW), proof(method="POST", token=None)),
            body=REFRESH + b"spa",
        ),
        settings={**LISTED, "TOKEN_PATHS": "/token"},
        cors=WWW,
    ),
    # the nonce
    Case(
        name="a nonce is needed",
        ask=Ask(headers=(*both(), origin(WWW))),
        settings={"SECRETS": SECRETS, "DPOP_NONCE": "require"},
        status=401,
        error="use_dpop_nonce",
        schemes=ONLY,
        headers={"dpop-nonce": "AAAA", "access-control-expose-headers": "DPoP-Nonce"},
        cors=WWW,
    ),
    Case(
        name="a clock that is wrong is sent a nonce",
        ask=Ask(headers=both(claims={"iat": 1})),
        settings={"SECRETS": SECRETS},
        status=401,
        error="use_dpop_nonce",
        schemes=ONLY,
        headers={"dpop-nonce": "AAAA"},
    ),
    # the page
    Case(
        name="a preflight allows the proof",
        ask=Ask(
            "OPTIONS",
            headers=(
                origin(WWW),
                ("Access-Control-Request-Method", "GET"),
                ("Access-Control-Request-Headers", "authorization,dpop"),
            ),
        ),
        status=204,
        headers={"access-control-allow-headers": "DPoP"},
        cors=WWW,
    ),
    Case(
        name="what the page may read of the answer to a bound token",
        ask=Ask(headers=(*both(), origin(WWW))),
        app=App(headers=(("Access-Control-Expose-Headers", "ETag"),)),
        headers={
            "access-control-expose-headers": (
                "ETag, WWW-Authenticate, Retry-After, DPoP-Nonce"
            )
        },
        subject="alice",
        cors=WWW,
    ),
    Case(
        name="DPoP off: nothing of it is granted to pages",
        ask=Ask(headers=(bearer(), origin(WWW))),
        settings={"DPOP": "off"},
        app=App(headers=(("Access-Control-Expose-Headers", "ETag"),)),
        headers={
            "access-control-expose-headers": "ETag, WWW-Authenticate, Retry-After"
        },
        subject="alice",
        cors=WWW,
    ),
]
