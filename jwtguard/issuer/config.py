"""What the development issuer knows: clients, users, and how long a token lives.

The TOML vocabulary is that of RFC 7591 where it has a word for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from ..core.model.policy import Client as GuardClient
from ..errors import ConfigurationError

ALGORITHMS = ("RS256", "ES256", "EdDSA")
AUDIENCE = "https://api.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client of the issuer; without a secret it is public (RFC 6749 section 2.1).

    ``access_token_lifetime`` is in seconds; None means the issuer's own. With
    ``dpop_bound_access_tokens`` it gets no token without a DPoP proof. Logout tokens go
    to ``backchannel_logout_uri``, where it is set.
    """

    id: str
    origins: tuple[str, ...] = ()
    refresh: bool = False
    scopes: tuple[str, ...] = ("openid", "profile", "notes:read", "notes:write")
    audience: str | None = None
    secret: str | None = field(default=None, repr=False)
    access_token_lifetime: int | None = None
    dpop_bound_access_tokens: bool = False
    backchannel_logout_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who can log in. The password is plain: this is for development.

    ``acr`` are the values that a login may ask for by ``acr_values``; a login that asks
    for none of them gets the first.
    """

    name: str
    password: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    acr: tuple[str, ...] = ()
    profile: Mapping[str, str] = field(default_factory=dict)


SAMPLE_CLIENTS = (
    Client(id="spa", origins=("http://localhost:8000",), refresh=True),
    Client(id="www", refresh=True),
    Client(id="other", origins=("https://other.example.com",)),
)
SAMPLE_API = Client(id="notes-api", secret="of-the-api")  # noqa: S106
SAMPLE_USERS = (
    User(
        name="alice",
        password="wonderland",  # noqa: S106  # the sample login, printed at start
        scopes=("openid", "profile", "notes:read", "notes:write"),
        roles=("admin",),
        profile={"name": "Alice Liddell"},
    ),
    User(
        name="bob",
        password="builder",  # noqa: S106
        scopes=("openid", "profile", "notes:read"),
        profile={"name": "Bob Builder"},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything about the issuer but where it listens. Lifetimes are in seconds.

    With ``dpop_nonce`` its token endpoint asks for a nonce in DPoP proofs. With
    ``opaque`` its access tokens are not JWTs: APIs have to introspect them.

    Raises ``ConfigurationError`` with every problem.
    """

    audience: str = AUDIENCE
    alg: str = "RS256"
    access_token_lifetime: int = 300
    dpop_nonce: bool = False
    opaque: bool = False
    clients: tuple[Client, ...] = SAMPLE_CLIENTS
    users: tuple[User, ...] = SAMPLE_USERS

    def __post_init__(self) -> None:
        problems = [*self._values(), *self._names()]
        for client in self.clients:
            try:
                GuardClient(id=client.id, origins=client.origins)
            except ConfigurationError as error:
                problems += error.problems
        if problems:
            raise ConfigurationError(*problems)

    def _values(self) -> Iterable[str]:
        if self.alg not in ALGORITHMS:
            listed = " ".join(ALGORITHMS)
            yield f"alg: {self.alg!r} is not valid; expected one of {listed}"
        if not self.audience:
            yield "audience: must be a non-empty string"
        lifetimes = [client.access_token_lifetime for client in self.clients]
        for lifetime in (self.access_token_lifetime, *lifetimes):
            if lifetime is not None and lifetime < 1:
                yield f"access_token_lifetime: {lifetime} is less than a second"
        for client in self.clients:
            uri = client.backchannel_logout_uri
            if uri is not None and not _is_absolute(uri):
                yield (
                    f"backchannel_logout_uri: {uri!r} is not valid; "
                    "expected an absolute http or https URL without fragment"
                )

    def _names(self) -> Iterable[str]:
        for what, names in (
            ("clients", [client.id for client in self.clients]),
            ("users", [user.name for user in self.users]),
        ):
            if not names:
                yield f"{what}: at least one is needed"
            for name in dict.fromkeys(n for n in names if names.count(n) > 1):
                yield f"{what}: {name!r} is listed twice"

    def with_client(self, client: str, origin: str = "") -> Self:
        """Return a copy with one more public client, which may refresh."""
        if not client:
            raise ConfigurationError("--client: write ID, or ID=http://localhost:3000")
        if client in {known.id for known in self.clients}:
            url = origin or "http://localhost:3000"
            raise ConfigurationError(
                f"--client: {client!r} exists already; to use it from a page, write "
                f"--origin {client}={url}"
            )
        origins = (origin,) if origin else ()
        added = Client(id=client, origins=origins, refresh=True)
        return replace(self, clients=(*self.clients, added))

    def with_origins(self, origins: Mapping[str, str]) -> Self:
        """Return a copy where each client named is used from that origin alone."""
        self._check_names("--origin", origins)
        changed = tuple(
            replace(client, origins=(origins[client.id],))
            if client.id in origins
            else client
            for client in self.clients
        )
        return replace(self, clients=changed)

    def with_logout_uris(self, uris: Mapping[str, str]) -> Self:
        """Return a copy where the logout tokens of each client named go to that URL."""
        self._check_names("--logout-uri", uris)
        changed = tuple(
            replace(client, backchannel_logout_uri=uris[client.id])
            if client.id in uris
            else client
            for client in self.clients
        )
        return replace(self, clients=changed)

    def _check_names(self, option: str, given: Mapping[str, str]) -> None:
        for name in given:
            if name not in {client.id for client in self.clients}:
                raise ConfigurationError(
                    f"{option}: unknown client {name!r}; "
                    f"add it with --client {name}"
                    + (f"={given[name]}" if option == "--origin" else "")
                )

    @classmethod
    def load(cls, path: Path | None, **overrides: Any) -> Self:
        """Read a TOML file, or take the samples; *overrides* win over both."""
        given: dict[str, Any] = {}
        problems: list[str] = []
        if path is not None:
            given = _read(path, problems)
        for name, kind in (("clients", Client), ("users", User)):
            if name in given:
                before = len(problems)
                given[name] = _tables(kind, given[name], name, problems)
                if not given[name] and len(problems) > before:
                    del given[name]  # there were some, but none is valid
        known = {one.name: one for one in fields(cls)}
        for name in sorted(set(given) - set(known)):
            problems.append(
                f"{name}: unknown setting; expected one of {', '.join(known)}"
            )
            del given[name]
        for name, (wanted, text) in _KINDS.items():
            if name in given and type(given[name]) is not wanted:
                wrong = given.pop(name)
                problems.append(f"{name}: {wrong!r} is not valid; expected {text}")
        given.update({k: v for k, v in overrides.items() if v is not None})
        try:
            config = cls(**given)
        except ConfigurationError as error:
            raise ConfigurationError(*problems, *error.problems) from None
        if problems:
            raise ConfigurationError(*problems)
        return config


_KINDS: Mapping[str, tuple[type, str]] = {
    "audience": (str, "a string"),
    "alg": (str, "a string"),
    "access_token_lifetime": (int, "a whole number"),
    "dpop_nonce": (bool, "true or false"),
    "opaque": (bool, "true or false"),
}


def _is_absolute(uri: str) -> bool:
    """OpenID Connect Back-Channel Logout section 2.2."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
    return absolute and "#" not in uri and uri.isascii() and uri.isprintable()


def _read(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{path}: {error}")
        return {}


def _tables(kind: Any, tables: Any, what: str, problems: list[str]) -> tuple[Any, ...]:
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        problems.append(f"{what}: must be [[{what}]] tables")
        return ()
    made = [_made(kind, table, what, problems) for table in tables]
    return tuple(one for one in made if one is not None)


def _made(kind: Any, table: Mapping[str, Any], what: str, problems: list[str]) -> Any:
    wanted = {one.name: str(one.type) for one in fields(kind)}
    before = len(problems)
    for name, value in table.items():
        if name not in wanted:
            problems.append(
                f"{what}: {name}: unknown member; expected one of {', '.join(wanted)}"
            )
        elif not _fits(value, wanted[name]):
            problems.append(f"{what}: {name}: must be of type {wanted[name]}")
    first = next(iter(wanted))
    if not table.get(first):
        problems.append(f"{what}: {first} is missing")
    if kind is User and not table.get("password"):
        problems.append(f"{what}: password is missing")
    if len(problems) > before:
        return None
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})


def _fits(value: object, wanted: str) -> bool:
    if wanted.startswith("tuple"):
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if wanted.startswith("Mapping"):
        return isinstance(value, dict)
    names = {"str": str, "int": int, "bool": bool}
    return type(value) is names[wanted.partition(" ")[0]]
