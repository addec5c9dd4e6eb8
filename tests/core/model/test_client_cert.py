"""Where certificates come from: the setting, and what is wrong with a value."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ConfigurationError, Policy, TrustedIssuer
from jwtguard.core.model.client_cert import FORMATS

ISSUER = TrustedIssuer(url="https://issuer.example", audience="api")
NOT_VALID = (
    "is not valid; expected off, tls, or a header field and its format, "
    "like Client-Cert:rfc9440"
)


def policy(client_cert: Any, proxies: Any = "10.0.0.0/8") -> Policy:
    return Policy(issuers=[ISSUER], client_cert=client_cert, trusted_proxies=proxies)


def test_off_is_the_default() -> None:
    """Without the setting no certificate is read."""
    assert Policy(issuers=[ISSUER]).certificates is None
    assert policy("off", ()).certificates is None


def test_the_server_itself_needs_no_proxy() -> None:
    """``tls`` is what the server knows of its own connection."""
    assert policy("tls", ()).certificates == ("", "tls")


@pytest.mark.parametrize("form", FORMATS)
def test_a_field_has_a_name_and_a_format(form: str) -> None:
    """The name is compared in lower case."""
    assert policy(f"X-Client-Cert:{form}").certificates == ("x-client-cert", form)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", f"'' {NOT_VALID}"),
        (None, f"None {NOT_VALID}"),
        (True, f"True {NOT_VALID}"),
        ("TLS", f"'TLS' {NOT_VALID}"),
        ("on", f"'on' {NOT_VALID}"),
        ("Client-Cert", f"'Client-Cert' {NOT_VALID}"),
        ("Client-Cert:", f"'Client-Cert:' {NOT_VALID}"),
        (":rfc9440", f"':rfc9440' {NOT_VALID}"),
        ("a b:rfc9440", f"'a b:rfc9440' {NOT_VALID}"),
        (
            "Client-Cert:pem",
            (
                "'pem' is not a known format; expected one of "
                "rfc9440 pem-url der-base64 xfcc"
            ),
        ),
        (
            "SSL_CLIENT_CERT:pem-url",
            (
                "'SSL_CLIENT_CERT': servers read _ as -, and proxies do not; "
                "write SSL-CLIENT-CERT"
            ),
        ),
        *(
            (
                f"{name}:pem-url",
                f"'{name}' has another meaning; use a field for the certificate alone",
            )
            for name in ("Authorization", "cookie", "DPoP", "X-Forwarded-For", "Host")
        ),
    ],
)
def test_anything_else_is_told(value: Any, message: str) -> None:
    """The sentence names the value, and what to write."""
    with pytest.raises(ConfigurationError) as caught:
        policy(value)
    assert caught.value.problems == (f"client_cert: {message}",)


def test_a_field_needs_proxies_that_are_trusted() -> None:
    """From anybody else it means nothing, so it would never be read."""
    with pytest.raises(ConfigurationError) as caught:
        policy("Client-Cert:rfc9440", ())
    assert caught.value.problems == (
        (
            "client_cert: needs JWTGUARD_TRUSTED_PROXIES: the field counts only if it "
            "comes from a proxy that is listed there"
        ),
    )
