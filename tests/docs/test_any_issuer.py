"""The pages on introspection, metadata and reload are followed to the letter."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jwtguard import Client, Guard, Policy, TrustedIssuer, load_policy
from jwtguard.adapters import Request, Respond
from jwtguard.core.model.effects import Incoming
from jwtguard.core.relay.upstream import basic
from jwtguard.errors import InvalidTokenError
from jwtguard.inspect.check_introspection import introspection_findings
from jwtguard.inspect.check_reload import reload_findings
from jwtguard.inspect.check_resources import resource_findings
from jwtguard.testing import FakeClock, OpaqueIssuer
from jwtguard.testing.introspection import CLIENT, SECRET
from tests.docs.test_code import ROOT, blocks
from tests.waiting import HANG

URL = "https://id.example.com"
API = "https://api.example.com"


def shown(page: str, kind: str) -> list[str]:
    """Return the blocks of *page* in this language."""
    return [b.text for b in blocks(ROOT / "docs" / f"{page}.md") if b.kind == kind]


def exported(block: str) -> dict[str, str]:
    """Return the variables that a shell block sets."""
    found = re.findall(r'^\$ export (\w+)="?([^"\n]*)"?$', block, re.MULTILINE)
    assert len(found) == block.count("export ")
    return dict(found)


class Asked(OpaqueIssuer):
    """An issuer that knows the API as the page registers it."""

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Incoming:
        """Answer the client ``notes-api``, and nobody else."""
        assert headers.get("authorization") in (None, basic("notes-api", "of-the-api"))
        known = {"authorization": basic(CLIENT, SECRET)} if method == "POST" else {}
        return super().answer(method, url, {**headers, **known}, body)


@pytest.fixture
def issuer() -> Asked:
    return Asked(URL, audience=API, alg="ES256")


def guard_by(environ: Mapping[str, str], issuer: OpaqueIssuer) -> Guard:
    """Return a guard by variables, whose requests are answered by *issuer*."""
    environ = {"JWTGUARD_INTROSPECT_TIMEOUT": str(HANG), **environ}
    return Guard(load_policy(environ), clock=issuer.clock, transport=issuer)


def test_opaque_tokens(issuer: Asked) -> None:
    """The variables of the introspection page, and ``jwtguard check --probe``."""
    block = shown("introspection", "console")[0]
    assert "jwtguard check --probe" in block
    guard = guard_by(exported(block), issuer)
    levels = {found.level for found in introspection_findings(guard, probe=True)}
    assert levels == {"ok"}
    assert guard.verify(issuer.opaque_token()).subject == "alice"
    asked = issuer.introspections
    assert guard.verify(issuer.token()).subject == "alice"
    assert issuer.introspections == asked


@pytest.mark.parametrize(
    ("mode", "opaque", "jwts"),
    [("never", "malformed", 0), ("opaque", "", 0), ("always", "", 1)],
)
def test_modes(mode: str, opaque: str, jwts: int, issuer: Asked) -> None:
    """The table of the introspection page."""
    environ = exported(shown("introspection", "console")[0])
    environ["JWTGUARD_INTROSPECT"] = mode
    if mode == "never":  # a client is not needed then, and said to be in vain
        environ = {k: v for k, v in environ.items() if "_CLIENT_" not in k}
    guard = guard_by(environ, issuer)
    assert guard.verify(issuer.token()).subject == "alice"
    assert issuer.introspections == jwts
    if not opaque:
        assert guard.verify(issuer.opaque_token()).subject == "alice"
        return
    with pytest.raises(InvalidTokenError, match=opaque):
        guard.verify(issuer.opaque_token())


def test_several_issuers(issuer: Asked, tmp_path: Path) -> None:
    """The TOML of the introspection page: the prefix says whom to ask."""
    config = tmp_path / "jwtguard.toml"
    config.write_text(shown("introspection", "toml")[0])
    policy = load_policy({"JWTGUARD_CONFIG": str(config)})
    guard = Guard(policy, clock=issuer.clock, transport=issuer)
    assert guard.verify(issuer.opaque_token(prefix="ory_at_")).subject == "alice"
    asked = issuer.introspections
    with pytest.raises(InvalidTokenError, match="malformed"):
        guard.verify(issuer.opaque_token(prefix="another_"))
    assert issuer.introspections == asked


def answered(guard: Guard, path: str) -> Respond:
    """Return the answer to a request without a token."""
    decision = guard.decide(Request("GET", path, {"host": ("evil.example",)}))
    assert isinstance(decision, Respond)
    return decision


def test_metadata(issuer: Asked) -> None:
    """The variables of the metadata page lead to its document and its challenge."""
    (block,) = shown("resource-metadata", "console")
    guard = guard_by(exported(block), issuer)
    (document,) = map(json.loads, shown("resource-metadata", "json"))
    well_known = "/.well-known/oauth-protected-resource"
    for path in (well_known, f"{well_known}/notes"):
        assert json.loads(answered(guard, path).body) == document
    (field,) = shown("resource-metadata", "text")
    name, _, value = field.strip().partition(": ")
    challenges = [v for n, v in answered(guard, "/notes").headers if n == name]
    assert [one.partition(" ")[0] for one in challenges] == ["Bearer", "DPoP"]
    assert challenges[0] == value
    assert [found.level for found in resource_findings(guard)] == ["ok"]


def test_several_resources(issuer: Asked, tmp_path: Path) -> None:
    """The TOML of the metadata page: a document each, and the path says which."""
    config = tmp_path / "jwtguard.toml"
    config.write_text(shown("resource-metadata", "toml")[0])
    guard = guard_by({"JWTGUARD_CONFIG": str(config)}, issuer)
    well_known = f"{API}/.well-known/oauth-protected-resource"
    for path, name in (("/notes/1", "notes"), ("/storage/1", "files")):
        challenge = dict(answered(guard, path).headers)["WWW-Authenticate"]
        assert challenge.endswith(f'resource_metadata="{well_known}/{name}"')
        found = json.loads(answered(guard, f"{well_known}/{name}"[len(API) :]).body)
        assert found["resource"] == f"{API}/{name}"
    assert found["scopes_supported"] == ["files:read"]


Told = list[tuple[str, Mapping[str, Any]]]


@pytest.fixture
def followed(tmp_path: Path, issuer: Asked) -> tuple[Guard, Path, Told]:
    """A guard by the file and the variables of the page on reload."""
    config = tmp_path / "jwtguard.toml"
    config.write_text(shown("reload", "toml")[0])
    environ = exported(shown("reload", "console")[0])
    assert environ["JWTGUARD_CONFIG"].endswith("/jwtguard.toml")
    environ["JWTGUARD_CONFIG"] = str(config)
    told: Told = []
    guard = Guard(
        load_policy(environ), clock=issuer.clock, transport=issuer,
        on_event=lambda *one: told.append(one),
    )  # fmt: skip
    guard.follow_files(environ)
    return guard, config, told


def test_reload(followed: tuple[Guard, Path, Told], issuer: Asked) -> None:
    """A client that is added to the file is known after 30 seconds, and not before."""
    guard, config, told = followed
    findings = list(reload_findings(guard))
    assert [found.level for found in findings] == ["ok"]
    origin = "https://www.example.com"
    more = f'[[clients]]\nid = "spa"\norigins = ["{origin}"]\n'
    config.write_text(config.read_text() + more)
    for seconds, clients in ((29, 0), (1, 1)):
        issuer.clock.advance(seconds)
        guard.decide(Request("GET", "/", {}))
        assert guard._files is not None
        if guard._files.loading is not None:
            guard._files.loading.join(HANG)
        assert len(guard.policy.clients) == clients
    added = dict(told)["reloaded"]["added"]
    assert added == ["clients spa", f"clients spa: origins {origin}"]


def test_the_event_of_a_reload() -> None:
    """The line that the page shows is that of the code above it."""
    told: Told = []
    main = TrustedIssuer(url=URL, audience=API)
    spa = Client(id="spa", origins=["https://www.example.com"])
    guard = Guard(
        Policy(issuers=[main]), clock=FakeClock(),
        on_event=lambda *one: told.append(one),
    )  # fmt: skip
    guard.reload(Policy(issuers=[main], clients=[spa]))
    fields = dict(told)["reloaded"]
    (line,) = shown("reload", "text")
    # The hash depends on every setting that there is.
    line = re.sub("policy='[0-9a-f]{16}'", f"policy={fields['policy']!r}", line)
    said = " ".join(f"{name}={value!r}" for name, value in fields.items())
    assert line.strip() == f"reloaded {said}"
