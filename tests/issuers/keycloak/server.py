"""A running Keycloak: its admin REST API, its token endpoint, and an end to it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.issuers.examples import PASSWORD, SCOPE
from tests.issuers.keycloak.dist import ENVIRON, HOME
from tests.issuers.running import started, stop
from tests.ports import free_port
from tests.waiting import HANG

HERE = Path(__file__).parent
ADMIN = "admin"


class Keycloak:
    """One server with a database of its own in *folder*, on a port that it keeps."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "keycloak.log"
        self._database = folder / "database"
        self._http = httpx.Client(base_url=self.url, timeout=HANG, trust_env=False)
        self._admin_until = 0.0
        self.start()

    def start(self) -> None:
        """Start the server, and return when it answers."""
        database = f"jdbc:h2:file:{self._database};NON_KEYWORDS=VALUE"
        command = [
            str(HOME / "bin/kc.sh"),
            "start",
            "--optimized",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={self.port}",
            f"--hostname={self.url}",
            "--cache=local",
            f"--db-url={database};DB_CLOSE_ON_EXIT=FALSE",
        ]
        admin = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
        }
        self._process = started(
            command, {**ENVIRON, **admin}, f"{self.url}/realms/master", self.log
        )

    def kill(self) -> None:
        """End it without a warning."""
        stop(self._process, kill=True)

    def close(self) -> None:
        """Stop it for good."""
        self._http.close()
        stop(self._process)

    def issuer(self, realm: str = "main") -> str:
        """Return the name that the realm gives itself."""
        return f"{self.url}/realms/{realm}"

    def grant(self, realm: str = "main", **form: str) -> dict[str, str]:
        """Ask the token endpoint, for alice's tokens unless *form* says otherwise."""
        asked = {
            "grant_type": "password",
            "client_id": "spa",
            "username": "alice",
            "password": PASSWORD,
            "scope": SCOPE,
        }
        fields = {name: value for name, value in {**asked, **form}.items() if value}
        url = f"/realms/{realm}/protocol/openid-connect/token"
        answer = self._http.post(url, data=fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    # Its admin REST API.

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the admin API; what it refuses is a failed test."""
        if time.monotonic() > self._admin_until:  # such a token lives for a minute
            got = self.grant("master", client_id="admin-cli", username=ADMIN, scope="")
            self._http.headers["Authorization"] = f"Bearer {got['access_token']}"
            self._admin_until = time.monotonic() + 30
        answer = self._http.request(method, f"/admin/realms{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer

    def create(self, path: str, body: Any) -> str:
        """Create something, and return its id."""
        made = self.ask("POST", path, body).headers["Location"]
        return str(made).rpartition("/")[2]

    def change(self, path: str, **members: Any) -> None:
        """Change members of what is at *path*; of attributes, those that are named."""
        found = self.ask("GET", path).json()
        attributes = {
            **found.get("attributes", {}),
            **members.pop("attributes", {}),
        }
        self.ask("PUT", path, {**found, **members, "attributes": attributes})

    def client_path(self, client_id: str, realm: str = "main") -> str:
        """Return where the admin API keeps a client."""
        found = self.ask("GET", f"/{realm}/clients?clientId={client_id}").json()
        return f"/{realm}/clients/{found[0]['id']}"

    def import_realm(self, name: str) -> None:
        """Create the realm of ``NAME.json``.

        Scopes come after the realm: one that brings its own gets none of Keycloak's.
        Clients come after the scopes, so that they have them.
        """
        realm = json.loads((HERE / f"{name}.json").read_text())
        self.ask("POST", "", realm["realm"])
        for kind in ("default", "optional"):
            for scope in realm[f"{kind}-client-scopes"]:
                made = self.create(f"/{name}/client-scopes", scope)
                self.ask("PUT", f"/{name}/default-{kind}-client-scopes/{made}")
        for client in realm["clients"]:
            self.create(f"/{name}/clients", client)

    def add_key(self, algorithm: str, priority: int) -> str:
        """Add a generated signing key to realm main, and return the provider's id."""
        kind, config = _KEYS[algorithm]
        realm = self.ask("GET", "/main").json()["id"]
        return self.create(
            "/main/components",
            {
                "name": f"{algorithm} {priority}",
                "providerId": kind,
                "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": realm,
                "config": {"priority": [str(priority)], **config},
            },
        )

    def change_key(self, provider: str, **config: str) -> None:
        """Change a key provider, as in ``active="false"``."""
        path = f"/main/components/{provider}"
        found = self.ask("GET", path).json()
        changed = {name: [value] for name, value in config.items()}
        found["config"] = {**found["config"], **changed}
        self.ask("PUT", path, found)


_KEYS = {
    "RS256": ("rsa-generated", {"algorithm": ["RS256"]}),
    "PS256": ("rsa-generated", {"algorithm": ["PS256"]}),
    "ES256": ("ecdsa-generated", {"ecdsaEllipticCurveKey": ["P-256"]}),
    "ES384": ("ecdsa-generated", {"ecdsaEllipticCurveKey": ["P-384"]}),
    "EdDSA": ("eddsa-generated", {"eddsaEllipticCurveKey": ["Ed25519"]}),
}
