"""``jwtguard check`` tries the shared state, and says in one sentence what is wrong."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from jwtguard import Guard
from jwtguard.inspect.check_state import state_findings
from jwtguard.relay import TokenRelay
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.session_support import SECRET
from tests.waiting import HANG


def found(state: str = "memory://", **settings: Any) -> list[tuple[str, str]]:
    """Return level and text of what is found, with nothing in the environment."""
    guard = JWTIssuer().guard(state=state, **settings)
    return [(one.level, one.text) for one in state_findings(guard, {})]


def wrong(state: str, **settings: Any) -> str:
    """Return the one thing that is wrong."""
    ((level, text),) = found(state, **settings)
    assert level == "wrong"
    assert "hunter2" not in text
    return text


def test_memory_is_for_one_process() -> None:
    """How many there will be is not known, and that is what it says."""
    ((level, text),) = found()
    assert level == "note"
    assert "do not share revocations or used DPoP proofs, and a restart" in text
    assert "command line and configuration files are not checked" in text


def test_memory_is_weak_for_several_workers() -> None:
    """The variable that asks for them is named."""
    (one,) = state_findings(JWTIssuer().guard(), {"GUNICORN_CMD_ARGS": "-w 3"})
    assert one.level == "weak"
    assert one.text.startswith("GUNICORN_CMD_ARGS has --workers 3, memory://: ")


def test_memory_names_what_sessions_do_not_share() -> None:
    """A shared count of guesses is not among it."""
    listed = "revocations, used DPoP proofs, ended sessions"
    site: Any = {"session_client": "www", "secrets": [SECRET]}
    (_, text) = found(**site)[-1]
    assert f"{listed} or counts of password guesses, and a restart" in text
    (_, text) = found(**site, relay_limit_storage="redis://127.0.0.1:1")[-1]
    assert "used DPoP proofs or ended sessions, and a restart" in text


def test_memory_names_what_a_relay_does_not_share() -> None:
    """The relay counts guesses, too."""
    guard = JWTIssuer().guard()
    relay = TokenRelay(guard)
    (one,) = state_findings(guard, {})
    assert "used DPoP proofs or counts of password guesses, and a restart" in one.text
    assert relay.guard is guard


@pytest.mark.parametrize("settings", [{"dpop": "off"}, {"dpop_replays": 0}])
def test_memory_and_proofs_that_are_not_counted(settings: Any) -> None:
    """Where proofs are refused, or never compared, workers make no difference."""
    texts = [text for _, text in found(**settings)]
    assert [text for text in texts if "do not share revocations, and a restart" in text]


def test_secrets_are_counted_and_not_shown() -> None:
    """One line for all of them."""
    made = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]
    (_, text), _ = found(secrets=made)
    assert text == "1; new values use the first, all are accepted"


@needs_redis
def test_a_store_that_works_is_named_and_left_clean(redis: Redis) -> None:
    """Neither user name nor password is shown; nothing stays behind."""
    client = redis.client()
    client.config_set("appendonly", "yes")
    client.acl_setuser(
        "ours", enabled=True, passwords=["+hunter2"], categories=["+@all"], keys=["*"]
    )
    url = redis.url.replace("//", "//ours:hunter2@") + "/0?health_check_interval=9"
    assert found(url, state_prefix="notes") == [("ok", f"{redis.url}, prefix notes")]
    assert client.keys() == []


@needs_redis
def test_a_server_that_may_drop_values_is_weak(redis: Redis) -> None:
    """An eviction policy forgets claims and revocations."""
    redis.client().config_set("maxmemory-policy", "allkeys-lru")
    _, (level, text), _ = found(redis.url)
    assert level == "weak"
    assert "allkeys-lru" in text


@needs_redis
def test_a_wrong_password_is_told(redis: Redis) -> None:
    """A missing one, too."""
    redis.client().config_set("requirepass", "right")
    for url in (redis.url, redis.url.replace("//", "//:hunter2@")):
        assert "user name or password" in wrong(url)


@needs_redis
def test_a_user_who_may_too_little_is_told(redis: Redis) -> None:
    """The verb that failed is named."""
    redis.client().acl_setuser(
        "ours",
        enabled=True,
        nopass=True,
        commands=["+info", "+set", "+get", "+del"],
        keys=["jwtguard:*"],
    )
    text = wrong(redis.url.replace("//", "//ours:hunter2@"))
    assert ": append: this user may not" in text


@needs_redis
def test_a_server_that_does_not_speak_tls_is_told(redis: Redis) -> None:
    """A rediss:// URL for a plain port."""
    assert "TLS" in wrong(redis.url.replace("redis://", "rediss://:hunter2@"))


@needs_redis
def test_a_server_that_is_full_is_told(redis: Redis) -> None:
    """Values are refused, and nothing is dropped."""
    redis.client().config_set("maxmemory", 1)
    assert "no memory" in wrong(redis.url)


@needs_redis
def test_tls_names_an_authority_or_is_refused(tmp_path: Path) -> None:
    """The certificate must be trusted here, and name the host."""
    good, other = (certificate(tmp_path, name) for name in ("127.0.0.1", "192.0.2.1"))
    for (cert, key), names_us in ((good, True), (other, False)):
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
        options = ("--tls-port", str(port), "--tls-auth-clients", "no")
        files = ("--tls-cert-file", cert, "--tls-key-file", key)
        with Redis(tmp_path, *options, *files, "--tls-ca-cert-file", cert, keeps=True):
            url = f"rediss://127.0.0.1:{port}"
            assert "not trusted here" in wrong(url, state_timeout=HANG)
            trusting = f"{url}?ssl_ca_certs={cert}"
            if names_us:
                shown = f"{url}, prefix jwtguard"
                assert found(trusting, state_timeout=HANG) == [("ok", shown)]
            else:
                assert "names another host" in wrong(trusting, state_timeout=HANG)


def certificate(folder: Path, address: str) -> tuple[str, str]:
    """Return the files of a certificate for *address*, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, SHA256())
    )
    cert_file, key_file = folder / f"{address}.crt", folder / f"{address}.key"
    cert_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return str(cert_file), str(key_file)


def test_an_address_where_nothing_listens_is_told(tmp_path: Path) -> None:
    """A port, a host, a socket."""
    pytest.importorskip("redis")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert "nothing listens" in wrong(f"redis://:hunter2@127.0.0.1:{port}")
    assert "socket does not exist" in wrong(f"unix://{tmp_path}/redis?password=hunter2")
    assert "resolved" in wrong("redis://:hunter2@nowhere.invalid")


def test_a_server_that_says_nothing_is_told() -> None:
    """It listens, and does not answer in time."""
    pytest.importorskip("redis")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://:hunter2@127.0.0.1:{silent.getsockname()[1]}"
        assert "JWTGUARD_STATE_TIMEOUT" in wrong(url)


def test_another_server_is_told() -> None:
    """It answers, and not as Redis does."""
    pytest.importorskip("redis")
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(100)

        thread = threading.Thread(target=answer)
        thread.start()
        text = wrong(f"redis://:hunter2@127.0.0.1:{other.getsockname()[1]}")
        thread.join()
    assert "is this a Redis port" in text


class Forgetful(MemoryState):
    """A store of somebody else's that keeps nothing."""

    def get(self, key: str) -> bytes | None:
        """Return nothing."""
        return None


def test_a_store_that_keeps_nothing_is_told() -> None:
    """Answers are compared with what was stored."""
    guard = Guard(JWTIssuer().policy(), state=Forgetful())
    guard.state.shared = True
    (one,) = state_findings(guard)
    assert (one.level, one.text) == (
        "wrong",
        "Forgetful: get: not the value that was stored",
    )
