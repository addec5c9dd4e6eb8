"""``JWTGUARD_*`` and TOML become a Policy, or one error with every problem.

Variables follow the twelve-factor manner: flat names, one prefix, nothing implicit.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .core.paths import ScopeRule
from .core.policy import ALGORITHMS, Client, Policy, TrustedIssuer
from .core.profiles import PROFILES
from .errors import ConfigurationError

PREFIX = "JWTGUARD_"
CONFIG = "JWTGUARD_CONFIG"


class _ValueProblemError(ValueError):
    """What is wrong with one value, and what would be right."""


def _text(value: str) -> str:
    return value


def _names(value: str) -> tuple[str, ...]:
    if "," in value:
        raise _ValueProblemError("values are separated by spaces, not commas")
    return tuple(value.split())


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise _ValueProblemError("write true or false")
    return value == "true"


def _number(value: str) -> int | float:
    try:
        number = float(value) if value.isascii() and "_" not in value else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e12:
        raise _ValueProblemError("write a number that is not negative")
    return int(number) if number.is_integer() else number


def _whole(value: str) -> int:
    number = _number(value)
    if not isinstance(number, int):
        raise _ValueProblemError("write a whole number")
    return number


def _clients(value: str) -> tuple[dict[str, Any], ...]:
    return tuple(_client(item) for item in value.split())


def _client(item: str) -> dict[str, Any]:
    name, equals, listed = item.partition("=")
    if not name or name.endswith(","):
        raise _ValueProblemError(
            f"{item!r}: write spa=https://www.example.com, or batch alone"
        )
    if not equals:
        return {"id": name}
    origins = listed.split(",")
    if not all(origins):
        raise _ValueProblemError(f"{item!r}: an origin is missing after = or a comma")
    return {"id": name, "origins": tuple(origins)}


def _scopes(value: str) -> tuple[dict[str, Any], ...]:
    return tuple(_scope(item) for item in value.split())


def _scope(item: str) -> dict[str, Any]:
    where, equals, needed = item.partition("=")
    method, colon, path = where.partition(":")
    if not equals or (colon and not method.isupper()):
        raise _ValueProblemError(
            f"{item!r}: write GET:/notes/*=notes:read, or /admin/*=admin"
        )
    require = tuple(needed.split(",")) if needed else ()
    if not all(require):
        raise _ValueProblemError(f"{item!r}: a scope is missing at a comma")
    if not colon:
        return {"path": where, "require": require}
    return {"path": path, "methods": (method,), "require": require}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its variable is ``JWTGUARD_`` and the name in capitals."""

    name: str
    kind: str
    """What a value looks like, for people."""
    parse: Callable[[str], Any]
    meaning: str
    default: str
    secret: bool = False
    toml: type | tuple[type, ...] = str
    """The type of the value in TOML; list means a list of strings or tables."""

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name.upper()


def _setting(
    name: str, kind: str, meaning: str, default: str, *, secret: bool = False
) -> Setting:
    parse, toml = _KINDS[kind]
    return Setting(
        name=name, kind=kind, parse=parse, meaning=meaning, default=default,
        secret=secret, toml=toml,
    )  # fmt: skip


_KINDS: Mapping[str, tuple[Callable[[str], Any], type | tuple[type, ...]]] = {
    "text": (_text, str),
    "names": (_names, list),
    "flag": (_flag, bool),
    "seconds": (_number, (int, float)),
    "count": (_whole, int),
    "bytes": (_whole, int),
    "clients": (_clients, list),
    "scope rules": (_scopes, list),
}

# ruff: noqa: E501  # a table reads better with one row a line
SETTINGS: tuple[Setting, ...] = (
    _setting("issuer", "names", "trusted issuers, compared exactly with `iss`", "required"),
    _setting("audience", "names", "accepted `aud` values, any of; `unchecked` alone switches the check off", "required"),
    _setting("jwks_url", "text", "where the keys are (one issuer only)", "discovered"),
    _setting("discovery_url", "text", "the metadata document itself (one issuer only)", "from the issuer"),
    _setting("keys", "text", "JWK set or PEM given directly (one issuer only)", "unset", secret=True),
    _setting("http_hosts", "names", "hosts whose keys may be fetched over plain HTTP", "loopback only"),
    _setting("profile", "text", f"the issuer's family: {', '.join(PROFILES)}", "generic"),
    _setting("algorithms", "names", "accepted `alg` values, asymmetric only", " ".join(ALGORITHMS)),
    _setting("leeway", "seconds", "clock skew", "30"),
    _setting("clients", "clients", "client ids and their origins: `spa=https://www.example.com batch`", "empty"),
    _setting("refresh_clients", "names", "clients that may refresh through a token path", "empty"),
    _setting("clients_only", "flag", "refuse tokens of clients that are not listed", "false"),
    _setting("origins_claim", "text", "also take allowed origins from this claim", "unset"),
    _setting("public_paths", "names", "paths where no token is read", "empty"),
    _setting("optional_paths", "names", "paths where a token is verified if sent", "empty"),
    _setting("scopes", "scope rules", "scopes by path: `GET:/notes/*=notes:read /admin/*=admin`", "empty"),
    _setting("token_paths", "names", "token endpoints behind this guard", "empty"),
    _setting("revocation_paths", "names", "revocation endpoints behind this guard", "empty"),
    _setting("max_body_bytes", "bytes", "longest body read on token paths", "65536"),
    _setting("relay_url", "text", "the issuer's token endpoint, for TokenRelay", "discovered"),
    _setting("relay_client_secret", "text", "client secret that TokenRelay adds", "unset", secret=True),
    _setting("relay_limit", "text", "password guesses allowed by TokenRelay", "5/minute"),
    _setting("relay_limit_storage", "text", "where guesses are counted", "memory://", secret=True),
    _setting("cookie", "text", "cookie that may carry the token", "unset: header only"),
    _setting("public_url", "names", "origins this application is served at", "scheme and `Host` of the request"),
    _setting("require_https", "flag", "refuse tokens on plain HTTP, loopback excepted", "true"),
    _setting("trusted_proxies", "names", "addresses, networks or `unix` whose X-Forwarded-Proto and -For count", "empty"),
    _setting("realm", "text", "`realm` of the challenge", "api"),
    _setting("keys_max_age", "seconds", "age at which keys are fetched again", "600"),
    _setting("keys_stale_for", "seconds", "how long keys serve after that while the issuer is down", "86400"),
    _setting("keys_cooldown", "seconds", "pause between fetches for unknown key ids", "10"),
    _setting("token_cache", "count", "verified tokens remembered per process; 0 is off", "4096"),
    _setting("max_token_bytes", "bytes", "longer tokens are refused unread", "16384"),
)  # fmt: skip

_BY_NAME = {setting.name: setting for setting in SETTINGS}
_ONE_ISSUER = ("jwks_url", "discovery_url", "keys")
_OF_ISSUER = (*_ONE_ISSUER, "profile")


def load_policy(environ: Mapping[str, str]) -> Policy:
    """Read ``JWTGUARD_*`` from *environ*, and the TOML file that it may name.

    Raises ``ConfigurationError`` with every problem: variable, value, and what would
    be right. Values of secrets are never shown.
    """
    problems: list[str] = []
    found = _from_toml(environ.get(CONFIG, ""), problems)
    found.update(_from_environ(environ, found, problems))
    settings = _assemble(found, problems)
    if problems:
        raise ConfigurationError(*dict.fromkeys(problems))
    return Policy(**settings)


def _from_environ(
    environ: Mapping[str, str], file: Mapping[str, Any], problems: list[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name == CONFIG or _is_kubernetes(name):
            continue
        key = name.removeprefix(PREFIX).lower()
        by_file = key.endswith("_file") and key not in _BY_NAME
        setting = _BY_NAME.get(key.removesuffix("_file") if by_file else key)
        if setting is None or name != name.upper():
            problems.append(_unknown(name))
            continue
        if environ[name] == "":
            continue
        if by_file and environ.get(setting.variable):
            problems.append(f"{setting.variable}: set both directly and as {name}")
            continue
        try:
            text = _contents(environ[name]) if by_file else environ[name]
            if text:
                values[setting.name] = setting.parse(text)
        except _ValueProblemError as error:
            shown = "(secret)" if setting.secret or by_file else repr(environ[name])
            problems.append(f"{name}: {shown}: {error}")
    if "issuer" in values and "issuers" in file:
        problems.append("JWTGUARD_ISSUER: the TOML file lists issuers too; keep one")
    return values


def _is_kubernetes(name: str) -> bool:
    """Service links: Kubernetes sets them for a service called jwtguard."""
    return name.startswith((PREFIX + "SERVICE_", PREFIX + "PORT"))


def _unknown(name: str) -> str:
    known = [setting.variable for setting in SETTINGS]
    known += [f"{variable}_FILE" for variable in known] + [CONFIG]
    near = difflib.get_close_matches(name.upper(), known, 1)
    return f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else "")


def _contents(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _ValueProblemError(f"{path!r} cannot be read: {error}") from None
    return text.removesuffix("\n").removesuffix("\r")


def _from_toml(path: str, problems: list[str]) -> dict[str, Any]:
    if not path:
        return {}
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{CONFIG}: {path!r}: {error}")
        return {}
    found = {}
    for key, value in document.items():
        problem = _toml_problem(key, value)
        if problem:
            problems.append(f"{path}: {key}: {problem}")
        else:
            found[key] = value
    if "issuer" in found and "issuers" in found:
        problems.append(f"{path}: issuer and issuers: keep one")
    return found


_NEVER_EMPTY = ("algorithms", "audience", "issuer", "issuers")


def _toml_problem(key: str, value: Any) -> str | None:
    if key == "issuers":
        good = isinstance(value, list) and all(isinstance(v, dict) for v in value)
        return None if good and value else "write one [[issuers]] table or more"
    setting = _BY_NAME.get(key)
    if setting is None:
        near = difflib.get_close_matches(key, [*_BY_NAME, "issuers"], 1)
        return "no such setting" + (f"; did you mean {near[0]}?" if near else "")
    if setting.name in ("clients", "scopes"):
        good = isinstance(value, list) and all(isinstance(v, dict) for v in value)
        return None if good else f"write [[{key}]] tables"
    shown = "(secret)" if setting.secret else repr(value)
    listed = setting.toml is list
    if listed and isinstance(value, str) and key in ("issuer", "audience"):
        value = [value]
    if isinstance(value, bool) != (setting.toml is bool) or not isinstance(
        value, setting.toml
    ):
        return f"{shown}: a value of the kind {setting.kind!r} is needed"
    if listed and not _all_named(value):
        return f"{shown}: a list of strings, none of them empty, is needed"
    if listed and not value and key in _NEVER_EMPTY:
        return "an empty list: at least one is needed"
    if isinstance(value, int | float) and value < 0:
        return f"{shown}: a number that is not negative is needed"
    if value == "" and key in ("issuer", "cookie", "realm"):
        return "an empty string"
    return None


def _all_named(values: Any) -> bool:
    return all(isinstance(item, str) and item for item in values)


def _assemble(found: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Put the values together as the arguments of a Policy."""
    tables = found.pop("issuers", None)
    issuers = found.pop("issuer", ())
    named = (issuers,) if isinstance(issuers, str) else tuple(issuers)
    own = {name: found.pop(name) for name in _OF_ISSUER if name in found}
    if tables is None:
        tables = [{"url": url} for url in named]
    if not tables and not _named(problems, "JWTGUARD_ISSUER"):
        problems.append("JWTGUARD_ISSUER: required: the issuer whose tokens count")
    if len(tables) > 1:
        problems += [
            f"{_BY_NAME[name].variable}: for one issuer only; with several, write "
            "it in [[issuers]] tables of a TOML file"
            for name in _ONE_ISSUER
            if name in own
        ]
    if len(tables) > 1:
        own = {name: value for name, value in own.items() if name not in _ONE_ISSUER}
    known = "audience" in found or (tables and all("audience" in t for t in tables))
    if not known and not _named(problems, "JWTGUARD_AUDIENCE"):
        problems.append(
            "JWTGUARD_AUDIENCE: required: the name of this API in `aud`, "
            "or the word unchecked alone"
        )
    built = [
        _build(TrustedIssuer, {**own, **table}, "JWTGUARD_ISSUER", problems)
        for table in tables
    ]
    clients = _with_refresh(found, problems)
    settings = {
        **found,
        "issuers": [issuer for issuer in built if issuer is not None],
        "clients": [
            client
            for table in clients
            if (client := _build(Client, table, "JWTGUARD_CLIENTS", problems))
        ],
        "scopes": [
            rule
            for table in found.get("scopes", ())
            if (rule := _build(ScopeRule, table, "JWTGUARD_SCOPES", problems))
        ],
    }
    if len(tables) > 1 and any("issuer" not in table for table in clients):
        problems.append(
            "JWTGUARD_CLIENTS: with several issuers each client names its own; write "
            "[[clients]] tables in a TOML file"
        )
    _try_policy(settings, problems)
    return settings


def _with_refresh(found: dict[str, Any], problems: list[str]) -> list[dict[str, Any]]:
    clients = [dict(table) for table in found.get("clients", ())]
    for name in found.pop("refresh_clients", ()):
        same = [table for table in clients if table.get("id") == name]
        if not same:
            problems.append(
                f"JWTGUARD_REFRESH_CLIENTS: {name!r} is not listed in JWTGUARD_CLIENTS"
            )
        for table in same:
            table["refresh"] = True
    return clients


def _build(kind: Any, table: Mapping[str, Any], where: str, problems: list[str]) -> Any:
    """Make one dataclass of a table, noting what is wrong with it."""
    known = {field.name for field in fields(kind) if field.init}
    for name in set(table) - known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        problems.append(f"{where}: {name}: no such member{hint}")
    given = {name: value for name, value in table.items() if name in known}
    try:
        return kind(**given)
    except ConfigurationError as error:
        problems.extend(f"{where}: {problem}" for problem in error.problems)
    except TypeError:
        problems.append(f"{where}: {sorted(given)}: a member is missing")
    return None


def _try_policy(settings: dict[str, Any], problems: list[str]) -> None:
    """Let the policy check what belongs together, and name the variables."""
    if not settings["issuers"]:
        return
    try:
        Policy(**settings)
    except ConfigurationError as error:
        for problem in error.problems:
            key, colon, rest = problem.partition(": ")
            known = colon and key in _BY_NAME
            text = f"{_BY_NAME[key].variable}: {rest}" if known else problem
            if not _said(text, problems):
                problems.append(text)


def _named(problems: list[str], variable: str) -> bool:
    """Whether something is wrong with *variable* already."""
    return any(problem.startswith(variable + ":") for problem in problems)


def _said(text: str, problems: list[str]) -> bool:
    """Whether the same has been said already, in better words."""
    return "audience: name this API" in text and _named(problems, "JWTGUARD_AUDIENCE")
