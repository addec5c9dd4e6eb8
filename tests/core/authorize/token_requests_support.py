"""Requests to a token path, and the clients that send them."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, Policy, TrustedIssuer
from jwtguard.core.authorize.clients import Clients
from jwtguard.core.authorize.token_requests import (
    read,
)
from jwtguard.core.model.decision import TokenRequest
from jwtguard.core.model.request import Request
from jwtguard.errors import GrantError

ONE, TWO = "https://one.example", "https://two.example"
WWW, OTHER = "https://www.example", "https://other.example"
FORM = "application/x-www-form-urlencoded"
CLIENTS = Clients(
    Policy(
        issuers=(TrustedIssuer(url=ONE), TrustedIssuer(url=TWO)),
        audience="api",
        clients=(
            Client(id="spa", issuer=ONE, origins=(WWW,), refresh=True),
            Client(id="batch", issuer=ONE, refresh=True),
            Client(id="login", issuer=ONE, origins=(WWW,)),
            Client(id="two", issuer=ONE, origins=(WWW,), refresh=True),
            Client(id="two", issuer=TWO, origins=(WWW, OTHER)),
            Client(id="half", issuer=ONE, origins=(WWW,), refresh=True),
            Client(id="half", issuer=TWO, refresh=True),
            Client(id="bound", issuer=ONE, origins=(WWW,), refresh=True, dpop=True),
            Client(id="partly", issuer=ONE, origins=(WWW,), refresh=True, dpop=True),
            Client(id="partly", issuer=TWO, origins=(WWW,), refresh=True),
            Client(id="a+b", issuer=ONE, refresh=True),
            Client(id="a b", issuer=ONE),
        ),
    )
)


def request(**fields: Any) -> Request:
    method, query = fields.pop("method", "POST"), fields.pop("query", "")
    given = {"content_type": FORM, **fields}
    headers = {
        name.replace("_", "-"): (value,) if isinstance(value, str) else tuple(value)
        for name, value in given.items()
        if value is not None
    }
    return Request(method, "/oauth/token", headers, query=query)


def grant(body: bytes = b"grant_type=password", **fields: Any) -> TokenRequest:
    revocation = fields.pop("revocation", False)
    return read(request(**fields), body, revocation=revocation, clients=CLIENTS)


def refused(body: bytes = b"grant_type=password", **fields: Any) -> str:
    with pytest.raises(GrantError) as caught:
        grant(body, **fields)
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    return caught.value.reason
