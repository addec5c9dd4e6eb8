"""``explain --cert``: the certificate that a token is bound to, and this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jwtguard.core.model.client_cert import FORMATS
from jwtguard.inspect.check_certificates import certificate_findings
from jwtguard.inspect.explain_certificate import read_certificate
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check
from jwtguard.testing import JWTIssuer
from tests.certificates import Certificate, certificate

MINE, OTHER = certificate("mine"), certificate("other")
ASKED: dict[str, Any] = {"method": "GET", "path": "/", "origin": "", "cookie": False}
SOURCES: list[dict[str, Any]] = [
    {"client_cert": "tls"},
    *(
        {"client_cert": f"X-Client-Cert:{form}", "trusted_proxies": proxies}
        for form in FORMATS
        for proxies in ("10.0.0.0/8", "unix")
    ),
]


def bound(issuer: JWTIssuer, to: Certificate = MINE) -> str:
    return issuer.token(claims={"cnf": {"x5t#S256": to.thumbprint}})


def explained(issuer: JWTIssuer, token: str, by: Any, **settings: Any) -> list[Check]:
    guard = issuer.guard(**settings)
    return list(explain(guard, token, certificate=by and by.der))


def row(checks: list[Check]) -> Check:
    (found,) = [check for check in checks if check.name == "certificate"]
    return found


@pytest.mark.parametrize("settings", SOURCES)
def test_a_request_shows_the_certificate(
    jwt_issuer: JWTIssuer, settings: dict[str, Any]
) -> None:
    """As the server or the proxy would: so the guard itself compares it."""
    guard, token = jwt_issuer.guard(**settings), bound(jwt_issuer)
    for by, reason in ((MINE, ""), (OTHER, "certificate_mismatch")):
        sent = request_of(guard, token, **ASKED, certificate=by.der)
        found = list(try_request(guard, sent, token))[-1]
        assert found.reason == reason
    sent = request_of(guard, token, **ASKED)
    assert list(try_request(guard, sent, token))[-1].reason == "certificate_missing"


def test_both_thumbprints_are_shown(jwt_issuer: JWTIssuer) -> None:
    """They are no secrets, and people have to compare them."""
    token = bound(jwt_issuer)
    good = explained(jwt_issuer, token, MINE, client_cert="tls")
    assert all(check.passed for check in good)
    assert row(good).found == row(good).expected == MINE.thumbprint
    bad = row(explained(jwt_issuer, token, OTHER, client_cert="tls"))
    assert (bad.reason, bad.found) == ("certificate_mismatch", OTHER.thumbprint)
    assert bad.expected == MINE.thumbprint


def test_without_a_certificate_nothing_is_compared(jwt_issuer: JWTIssuer) -> None:
    """The token alone is good, and the row says how to go on."""
    checks = explained(jwt_issuer, bound(jwt_issuer), None, client_cert="tls")
    assert all(check.passed for check in checks)
    assert "--cert FILE" in row(checks).found


def test_a_bound_token_is_useless_while_the_setting_is_off(
    jwt_issuer: JWTIssuer,
) -> None:
    """With and without the certificate: the row names the setting."""
    for by in (None, MINE):
        found = row(explained(jwt_issuer, bound(jwt_issuer), by))
        assert not found.passed
        assert "JWTGUARD_CLIENT_CERT is off" in found.found
    sent = request_of(guard := jwt_issuer.guard(), "t", **ASKED, certificate=MINE.der)
    assert sent == request_of(guard, "t", **ASKED)


def test_a_bearer_token_needs_none(jwt_issuer: JWTIssuer) -> None:
    """There is a row only where a certificate was given."""
    checks = explained(jwt_issuer, jwt_issuer.token(), MINE, client_cert="tls")
    assert row(checks).found == "the token is not bound to one"
    names = [check.name for check in explained(jwt_issuer, jwt_issuer.token(), None)]
    assert "certificate" not in names


def test_files_hold_pem_or_der(tmp_path: Path) -> None:
    """Text before the certificate, a chain and a key do not matter."""
    path = tmp_path / "file"
    for content in (
        MINE.der, MINE.pem.encode(), (MINE.pem + OTHER.pem + MINE.key_pem).encode(),
        b"Bag Attributes\xff\n" + MINE.pem.encode(), (MINE.key_pem + MINE.pem).encode(),
    ):  # fmt: skip
        path.write_bytes(content)
        assert read_certificate(str(path)) == MINE.der


@pytest.mark.parametrize(
    "content",
    [b"", b"x", MINE.key_pem.encode(), MINE.pem[:80].encode()],
    ids=["empty", "text", "key", "cut off"],
)
def test_other_files_are_told(content: bytes, tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file is not a certificate in PEM or DER"):
        read_certificate(str(path))
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_certificate(str(tmp_path / "other"))


def test_check_says_where_certificates_come_from(jwt_issuer: JWTIssuer) -> None:
    """Nothing while they are not read; a proxy that may be anybody is wrong."""

    def found(**settings: Any) -> list[tuple[str, str]]:
        policy = jwt_issuer.guard(**settings).policy
        return [(one.level, one.text) for one in certificate_findings(policy)]

    field = "X-Client-Cert:pem-url"
    assert found() == []
    ((level, text),) = found(client_cert="tls")
    assert level == "ok"
    assert text.startswith("of the server's own TLS")
    good = ("ok", "X-Client-Cert (pem-url) from 10.0.0.0/8 unix")
    assert found(client_cert=field, trusted_proxies=("10.0.0.0/8", "unix")) == [good]
    for proxies in ("0.0.0.0/0", "::/0"):
        findings = found(client_cert=field, trusted_proxies=proxies)
        assert [level for level, _ in findings] == ["ok", "wrong"]
