"""Names of a header field for the token that would not be safe."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ConfigurationError
from jwtguard.core.model.client_cert import CertificateSource
from jwtguard.core.model.proxy_fields import ProxyFields
from jwtguard.testing import JWTIssuer

ISSUER = JWTIssuer(alg="ES256")
LIKE = "expected the name of a header field, like X-Forwarded-Access-Token"
OTHER = "has another meaning; use a field for the token alone"
UNDERSCORE = "servers read _ as -, and proxies do not; write X-Token"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", f"'' is not valid; {LIKE}"),
        (1, f"1 is not valid; {LIKE}"),
        ("X Token", f"'X Token' is not valid; {LIKE}"),
        ("X-Token:", f"'X-Token:' is not valid; {LIKE}"),
        ("X_Token", f"'X_Token': {UNDERSCORE}"),
        ("Authorization", f"'Authorization' {OTHER}"),
        ("cookie", f"'cookie' {OTHER}"),
        ("Origin", f"'Origin' {OTHER}"),
        ("X-Forwarded-For", f"'X-Forwarded-For' {OTHER}"),
        ("Client-Cert", f"'Client-Cert' {OTHER}"),
    ],
)
def test_a_wrong_name_is_told(name: Any, message: str) -> None:
    """With what to write."""
    with pytest.raises(ConfigurationError) as caught:
        ISSUER.policy(
            token_header=name,
            trusted_proxies="10.0.0.0/8",
            client_cert="Client-Cert:rfc9440",
        )
    assert [str(one) for one in caught.value.problems] == [f"token_header: {message}"]


def test_without_a_trusted_proxy_it_would_never_be_read() -> None:
    """That is a mistake, not a setting."""
    with pytest.raises(ConfigurationError) as caught:
        ISSUER.policy(token_header="X-Token")
    (problem,) = caught.value.problems
    assert problem.startswith("token_header: needs JWTGUARD_TRUSTED_PROXIES")


def test_what_adapters_look_for() -> None:
    """Names in lower case; nothing, where no such field is set."""
    proxies = {"trusted_proxies": "unix"}
    assert ISSUER.policy().proxy_fields is None
    found = ISSUER.policy(token_header="X-Token", **proxies).proxy_fields
    assert found == ProxyFields(None, "x-token")
    both = ISSUER.policy(client_cert="X-Cert:rfc9440", token_header="X-T", **proxies)
    source = CertificateSource("x-cert", "rfc9440")
    assert both.proxy_fields == ProxyFields(source, "x-t")
    assert ISSUER.policy(client_cert="tls").proxy_fields is not None
