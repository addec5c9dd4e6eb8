"""The certificate of a client, in each format, and hostile values of each."""

from __future__ import annotations

import ipaddress
from hashlib import sha256
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.extract.cert_formats import LONGEST
from jwtguard.core.extract.client_cert import ShownCertificate, certificate_of
from jwtguard.core.model.client_cert import FORMATS, TLS_SOURCE, CertificateSource
from jwtguard.core.model.request import Request
from tests.certificates import certificate

MINE, OTHER = certificate("mine"), certificate("other")
PROXIES = (ipaddress.ip_network("10.0.0.0/8"), "unix")
BASE64 = MINE.in_form("der-base64")
PEM_URL = MINE.in_form("pem-url")
HASH = sha256(MINE.der).hexdigest()
FOREIGN = sha256(OTHER.der).hexdigest()
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def numbers(rows: list[tuple[str, str]]) -> list[str]:
    """Return names for rows that differ in each run, as their keys do."""
    return [f"{form} {number}" for number, (form, _) in enumerate(rows)]


def shown(form: str, *values: str, peer: str = "10.0.0.1") -> ShownCertificate:
    source = CertificateSource("client-cert", form)
    asked = Request("GET", "/", {"client-cert": values} if values else {}, peer=peer)
    return certificate_of(asked, source, PROXIES)


def by_tls(certificate: bytes | str | None) -> ShownCertificate:
    return certificate_of(
        Request("GET", "/", {}, certificate=certificate), TLS_SOURCE, ()
    )


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("peer", ["10.0.0.1", "unix"])
def test_each_format_leads_to_the_same_thumbprint(form: str, peer: str) -> None:
    """Whatever the proxy writes, the result is the ``x5t#S256`` of the certificate."""
    assert shown(form, MINE.in_form(form), peer=peer) == (MINE.thumbprint, "")
    assert shown(form, f" {MINE.in_form(form)}\t").thumbprint == MINE.thumbprint


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("peer", ["203.0.113.9", "", "localhost", "10.0.0.1.evil"])
def test_a_stranger_says_nothing(form: str, peer: str) -> None:
    """From a peer that is not a trusted proxy, the field is not read."""
    found = shown(form, MINE.in_form(form), peer=peer)
    assert found.thumbprint is None
    assert found.problem.startswith("Client-Cert: not read: the request does not come")


GOOD = [
    ("pem-url", quote(MINE.pem, safe="+/=")),  # as AWS does it
    ("pem-url", quote(MINE.pem.replace("\n", "\r\n"))),
    ("pem-url", quote(MINE.pem.rstrip("\n"))),
    ("pem-url", quote("\n" + MINE.pem + "\n")),
    ("pem-url", quote(f"{BEGIN}{BASE64}{END}")),
    ("pem-url", quote(MINE.pem + OTHER.pem)),  # a chain
    ("der-base64", f"{BASE64},{OTHER.in_form('der-base64')}"),  # Traefik's chain
    ("xfcc", f"Hash={HASH.upper()}"),
    ("xfcc", f"hash={HASH}"),
    ("xfcc", f'Cert="{PEM_URL}"'),
    ("xfcc", f"Cert={PEM_URL}"),
    ("xfcc", f'Hash={HASH};Cert="{OTHER.in_form("pem-url")}"'),  # Hash is preferred
    ("xfcc", f"By=spiffe://a;Hash={FOREIGN},By=spiffe://b;Hash={HASH}"),
    ("xfcc", f"Hash={FOREIGN}, Hash={HASH}"),
    ("xfcc", rf'Subject="CN=a, O=\"b\";Hash={FOREIGN},H=";Hash={HASH};DNS=a;DNS=b'),
    ("xfcc", f"Hash={HASH};URI=spiffe://a/b=c"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), GOOD, ids=numbers(GOOD))
def test_what_proxies_write_differently(form: str, value: str) -> None:
    """Line ends, chains, letter case and quotes do not matter."""
    assert shown(form, value) == (MINE.thumbprint, "")


BAD = [
    # RFC 9440
    ("rfc9440", BASE64),
    ("rfc9440", f":{BASE64}"),
    ("rfc9440", f"{BASE64}:"),
    ("rfc9440", ":"),
    ("rfc9440", "::"),
    ("rfc9440", f":{BASE64}:;a=1"),
    ("rfc9440", f":{BASE64}:,:{BASE64}:"),
    ("rfc9440", f":{BASE64}:, :{BASE64}:"),
    ("rfc9440", f": {BASE64}:"),
    ("rfc9440", f":{BASE64}=:"),
    ("rfc9440", ":YQ:"),
    ("rfc9440", ":YR==:"),
    ("rfc9440", f":{BASE64.replace('/', '_').replace('+', '-')}_A==:"),
    ("rfc9440", f":{BASE64[:40]}\n{BASE64[40:]}:"),
    ("rfc9440", ":\xe9:"),
    ("rfc9440", f":{PEM_URL}:"),
    # PEM
    ("pem-url", BASE64),
    ("pem-url", MINE.in_form("rfc9440")),
    ("pem-url", "%00" + PEM_URL),
    ("pem-url", PEM_URL + "%00"),
    ("pem-url", PEM_URL.replace("%0A", "%00")),
    ("pem-url", PEM_URL.replace("%0A", "%0D")),
    ("pem-url", PEM_URL.replace("%0A", "%20")),
    ("pem-url", PEM_URL.replace("%0A", "+")),
    ("pem-url", PEM_URL.replace("%0A", "%0A%0A%20")),
    ("pem-url", PEM_URL.replace("%", "%25")),
    ("pem-url", PEM_URL.replace("%0A", "%0")),
    ("pem-url", PEM_URL.replace("%0A", "%zz")),
    ("pem-url", PEM_URL + "," + PEM_URL),
    ("pem-url", PEM_URL + ", " + PEM_URL),
    ("pem-url", "Bag%20Attributes%0A" + PEM_URL),
    ("pem-url", PEM_URL.replace("CERTIFICATE", "TRUSTED%20CERTIFICATE")),
    ("pem-url", PEM_URL.replace("END", "BEGIN")),
    ("pem-url", quote(BEGIN + "\n" + MINE.pem)),
    ("pem-url", quote(f"{BEGIN}\n{END}\n")),
    ("pem-url", quote(END + BEGIN)),
    ("pem-url", quote(END + "\n" + MINE.pem)),
    ("pem-url", "%E2%80%8B" + PEM_URL),
    ("pem-url", "\xff" + PEM_URL),
    ("pem-url", "(null)"),
    # DER
    ("der-base64", f"{BASE64}, {BASE64}"),
    ("der-base64", f",{BASE64}"),
    ("der-base64", ","),
    ("der-base64", BASE64 + "="),
    ("der-base64", BASE64 + "\x00"),
    ("der-base64", PEM_URL),
    ("der-base64", quote(BASE64 + "+", safe="")),
    # Envoy
    ("xfcc", "Hash="),
    ("xfcc", f"Hash={HASH[:-1]}"),
    ("xfcc", f"Hash={HASH}00"),
    ("xfcc", f"Hash={HASH[:-1]}g"),
    ("xfcc", f"Hash={HASH[:62]} 0"),
    ("xfcc", f"Hash={HASH[:60]} 000"),
    ("xfcc", f"Hash={HASH};Hash={HASH}"),
    ("xfcc", f"Hash={HASH};hash={FOREIGN}"),
    ("xfcc", f"Cert={PEM_URL};Cert={PEM_URL}"),
    ("xfcc", f"Hash={HASH},"),
    ("xfcc", f"Hash={HASH};"),
    ("xfcc", f"Hash={HASH},By=spiffe://a"),
    ("xfcc", f",Hash={HASH}"),
    ("xfcc", f"Hash={HASH}\n"),
    ("xfcc", f"Hash={HASH}\x00"),
    ("xfcc", HASH),
    ("xfcc", f"Hash: {HASH}"),
    ("xfcc", f'Hash="{HASH}'),
    ("xfcc", f'Hash="{HASH}"x'),
    ("xfcc", f'Hash=x"{HASH}"'),
    ("xfcc", f"Hash={HASH};Subject=CN=a\\"),
    # What a client sends first must not move the limits of what the proxy appends.
    ("xfcc", f'Hash={HASH};Subject=",Hash={FOREIGN};Subject="CN=a"'),
    ("xfcc", rf'By=",Hash={FOREIGN};Subject="CN=\",Hash={HASH};Subject=\"a"'),
    ("xfcc", rf'By="\,Hash={FOREIGN};Subject="O=b,Hash={HASH};DNS=a"'),
    ("xfcc", "By=" + '"' * 500),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), BAD, ids=numbers(BAD))
def test_anything_else_is_no_certificate(form: str, value: str) -> None:
    """A value that is not exactly of its format is refused, and never raises."""
    found = shown(form, value)
    assert found.thumbprint is None
    assert found.problem.startswith("Client-Cert")
    assert found.problem.isprintable()
    assert not any(part in found.problem for part in (BASE64[:20], HASH[:20]))


@pytest.mark.parametrize("form", FORMATS)
def test_one_field_of_bounded_length(form: str) -> None:
    """None, an empty one, two, and a megabyte: no certificate."""
    good = MINE.in_form(form)
    for values in ((), ("",), (good, good), ("A" * 2**20,), (good + "A" * LONGEST,)):
        assert shown(form, *values).thumbprint is None
    assert shown(form, good, good).problem == "Client-Cert: sent more than once"
    assert shown(form).problem == "Client-Cert: the proxy sent none"
    assert "longer" in shown(form, "A" * 2**20).problem


def test_the_server_itself_shows_bytes_or_pem() -> None:
    """DER, PEM and a chain; without a certificate there is no thumbprint."""
    for good in (MINE.der, MINE.pem, MINE.pem + OTHER.pem):
        assert by_tls(good) == (MINE.thumbprint, "")
    for nothing in (None, "", b"", "x", MINE.pem[1:]):
        assert by_tls(nothing).thumbprint is None
        assert by_tls(nothing).problem.startswith("TLS: ")


@given(sent=st.text(max_size=60), subject=st.text(max_size=30))
def test_no_element_before_the_last_matters(sent: str, subject: str) -> None:
    """Whatever a client sends, it never becomes the certificate that Envoy saw."""
    escaped = subject.replace("\\", "\\\\").replace('"', '\\"')
    own = f'Hash={FOREIGN};Cert="";Subject="CN={escaped}";URI=;DNS=a'
    opened = f'Hash={HASH};A="{sent}'
    for text in (f"{sent},{own}", f"{opened},{own}", f"{sent}Hash={HASH},{own}"):
        assert shown("xfcc", text).thumbprint in (None, OTHER.thumbprint)


@pytest.mark.parametrize("form", FORMATS)
@given(value=st.text(alphabet=st.characters(max_codepoint=255), max_size=80))
def test_any_value_is_read_without_an_error(form: str, value: str) -> None:
    """What servers hand on is Latin-1; none of it raises."""
    found = shown(form, value)
    assert (found.thumbprint is None) == bool(found.problem)
