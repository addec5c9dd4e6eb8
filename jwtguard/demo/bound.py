"""Steps of the demo about bound tokens (RFC 9449): stolen, they are useless."""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from .place import USERS
from .promises import code, readable, status
from .walk import EVERYTHING, Check, Step, Walk, listed

STEPS: list[Step] = []
step = partial(listed, STEPS)


class Key:
    """A key of a page, which signs a proof for each of its requests."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        jwk: dict[str, Any] = ECAlgorithm.to_jwk(
            self._private.public_key(), as_dict=True
        )
        self._header = {"typ": "dpop+jwt", "jwk": jwk}

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """Return a proof for one request (section 4.2)."""
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(12),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
        }
        if token is not None:
            digest = sha256(token.encode()).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return jwt.encode(claims, self._private, "ES256", headers=self._header)


PAGE, THIEF = Key(), Key()


@step("The page signs in with a key: its token is bound to it")
def signs_in(walk: Walk) -> Iterator[Check]:
    form = {
        "client_id": "spa",
        "grant_type": "password",
        "username": "alice",
        "password": USERS["alice"],
        "scope": EVERYTHING,
    }
    # The relay hands the proof on, and it names the URL of the issuer. A library would
    # name the relay: then the issuer has to know itself by that URL.
    proof = PAGE.proof("POST", f"{walk.place.issuer}/oauth/token")
    url = f"{walk.place.api}/oauth/token"
    answer = walk.send(
        "POST", url, origin=walk.place.www, headers={"DPoP": proof}, form=form
    )
    yield status(answer, 200)
    yield Check("token_type is DPoP", answer.json().get("token_type") == "DPoP")
    walk.keep("bound", answer.json())
    answer = _call(walk, _whoami(walk, PAGE))
    yield status(answer, 200)
    yield readable(walk, answer)


@step("Stolen, the token is useless: without the key no proof can be made for it")
def stolen(walk: Walk) -> Iterator[Check]:
    bearer = walk.api("GET", "/whoami", walk.tokens["bound"])
    yield status(bearer, 401)
    yield code(bearer, "invalid_token")
    answer = _call(walk, _whoami(walk, THIEF))
    yield status(answer, 401)
    yield code(answer, "invalid_token")


@step("A proof that was seen on the way is good for one request only")
def seen(walk: Walk) -> Iterator[Check]:
    proof = _whoami(walk, PAGE)
    yield status(_call(walk, proof), 200)
    for answer in (_call(walk, proof), _call(walk, _whoami(walk, PAGE), "/notes")):
        yield status(answer, 401)
        yield code(answer, "invalid_dpop_proof")


def _whoami(walk: Walk, key: Key) -> str:
    return key.proof("GET", f"{walk.place.api}/whoami", walk.tokens["bound"])


def _call(walk: Walk, proof: str, path: str = "/whoami") -> httpx.Response:
    """Send the bound token with *proof*, as the page does."""
    headers = {"Authorization": f"DPoP {walk.tokens['bound']}", "DPoP": proof}
    url = f"{walk.place.api}{path}"
    return walk.send("GET", url, origin=walk.place.www, headers=headers)
