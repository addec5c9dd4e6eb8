"""``JWTGUARD_*`` and TOML become a Policy, or one error with every problem."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .core.issuers import TrustedIssuer
from .core.paths import ScopeRule
from .core.policy import Client, Policy
from .errors import ConfigurationError
from .vocabulary import BY_NAME, CONFIG, PREFIX, SETTINGS, ValueProblemError

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
        by_file = key.endswith("_file") and key not in BY_NAME
        setting = BY_NAME.get(key.removesuffix("_file") if by_file else key)
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
        except ValueProblemError as error:
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
        raise ValueProblemError(f"{path!r} cannot be read: {error}") from None
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
    setting = BY_NAME.get(key)
    if setting is None:
        near = difflib.get_close_matches(key, [*BY_NAME, "issuers"], 1)
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
    issuers = _issuer_tables(found, problems)
    clients = _with_refresh(found, problems)
    if len(issuers) > 1 and any("issuer" not in table for table in clients):
        problems.append(
            "JWTGUARD_CLIENTS: with several issuers each client names its own; write "
            "[[clients]] tables in a TOML file"
        )
    settings = {
        **found,
        "issuers": _built(TrustedIssuer, issuers, "JWTGUARD_ISSUER", problems),
        "clients": _built(Client, clients, "JWTGUARD_CLIENTS", problems),
        "scopes": _built(
            ScopeRule, found.get("scopes", ()), "JWTGUARD_SCOPES", problems
        ),
    }
    _try_policy(settings, problems)
    return settings


def _issuer_tables(
    found: dict[str, Any], problems: list[str]
) -> Sequence[Mapping[str, Any]]:
    """Take what is about issuers out of *found*: one table for each."""
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
            f"{BY_NAME[name].variable}: for one issuer only; with several, write "
            "it in [[issuers]] tables of a TOML file"
            for name in _ONE_ISSUER
            if own.pop(name, None) is not None
        ]
    known = "audience" in found or (tables and all("audience" in t for t in tables))
    if not known and not _named(problems, "JWTGUARD_AUDIENCE"):
        problems.append(
            "JWTGUARD_AUDIENCE: required: the name of this API in `aud`, "
            "or the word unchecked alone"
        )
    return [{**own, **table} for table in tables]


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


def _built(
    kind: Any, tables: Iterable[Mapping[str, Any]], where: str, problems: list[str]
) -> list[Any]:
    made = [_build(kind, table, where, problems) for table in tables]
    return [one for one in made if one is not None]


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
            known = colon and key in BY_NAME
            text = f"{BY_NAME[key].variable}: {rest}" if known else problem
            if not _said(text, problems):
                problems.append(text)


def _named(problems: list[str], variable: str) -> bool:
    """Whether something is wrong with *variable* already."""
    return any(problem.startswith(variable + ":") for problem in problems)


def _said(text: str, problems: list[str]) -> bool:
    """Whether the same has been said already, in better words."""
    return "audience: name this API" in text and _named(problems, "JWTGUARD_AUDIENCE")
