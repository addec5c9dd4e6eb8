"""``JWTGUARD_*`` and TOML become a Policy, or one error with every problem."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from .core.issuers import TrustedIssuer
from .core.paths import ScopeRule
from .core.policy import OF_RELAY, Client, Policy
from .core.values import json_problem
from .errors import ConfigurationError
from .vocabulary import (
    BY_NAME,
    CONFIG,
    PREFIX,
    SETTINGS,
    Setting,
    ValueProblemError,
)

_ONE_ISSUER = ("jwks_url", "discovery_url", "keys")
_OF_ISSUER = (*_ONE_ISSUER, "profile")
_ALSO_OF_ISSUER = ("audience", "algorithms")
_OF_ONE = re.compile(r"issuer (?:.*?): (\w+): (.*)", re.DOTALL)


def load_policy(environ: Mapping[str, str]) -> Policy:
    """Read ``JWTGUARD_*`` from *environ*, and the TOML file that it may name.

    Raises ``ConfigurationError`` with every problem: variable, value, and what would
    be right. Values of secrets are never shown.
    """
    problems: list[str] = []
    file = _from_toml(environ.get(CONFIG, ""), problems)
    variables = _from_environ(environ, file, problems)
    settings = _assemble(file, variables, problems)
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
                values[setting.name] = _parsed(setting, text)
        except ValueProblemError as error:
            shown = "(secret)" if setting.secret else repr(environ[name])
            value = "" if str(error).startswith(shown + ":") else f"{shown}: "
            problems.append(f"{name}: {value}{error}")
    if "issuer" in values and "issuers" in file:
        problems.append("JWTGUARD_ISSUER: the TOML file lists issuers too; keep one")
    return values


def _parsed(setting: Setting, text: str) -> Any:
    problem = None if setting.secret else json_problem(text)
    if problem:
        raise ValueProblemError(problem)
    return setting.parse(text)


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
        raise ValueProblemError(f"cannot be read: {_reason(error)}") from None
    return text.removesuffix("\n").removesuffix("\r")


def _reason(error: Exception) -> str:
    """Say what *error* is about, without the path that it repeats."""
    return getattr(error, "strerror", None) or str(error)


def _from_toml(path: str, problems: list[str]) -> dict[str, Any]:
    if not path:
        return {}
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{CONFIG}: {path!r}: cannot be read: {_reason(error)}")
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


def _assemble(
    file: Mapping[str, Any], variables: Mapping[str, Any], problems: list[str]
) -> dict[str, Any]:
    """Put the values together as the arguments of a Policy."""
    found = {**file, **variables}
    blamed = variables if "issuers" in file else BY_NAME
    tables = _issuer_tables(found, variables, problems)
    clients = _with_refresh(found, problems)
    if len(tables) > 1 and any("issuer" not in table for table in clients):
        problems.append(
            "JWTGUARD_CLIENTS: with several issuers each client names its own; write "
            "[[clients]] tables in a TOML file"
        )
    issuers = _built(TrustedIssuer, tables, _where("issuer", file), problems, blamed)
    settings = {
        **found,
        "issuers": issuers,
        "clients": _built(
            Client, clients, _where("clients", file, variables), problems
        ),
        "scopes": _built(
            ScopeRule,
            found.get("scopes", ()),
            _where("scopes", file, variables),
            problems,
        ),
    }
    stand_ins = {}
    if not issuers or len(issuers) < len(tables):
        stand_ins["issuers"] = _stand_ins(tables, settings["clients"])
    _try_policy({**settings, **stand_ins}, problems, blamed)
    return settings


def _where(name: str, file: Mapping[str, Any], variables: Collection[str] = ()) -> str:
    """Return the tables of the TOML file, or the variable, that say *name*."""
    tables = {"issuer": "issuers"}.get(name, name)
    in_file = tables in file and name not in variables
    return f"[[{tables}]]" if in_file else BY_NAME[name].variable


def _issuer_tables(
    found: dict[str, Any], variables: Mapping[str, Any], problems: list[str]
) -> Sequence[Mapping[str, Any]]:
    """Take what is about issuers out of *found*: one table for each."""
    tables = found.pop("issuers", None)
    issuers = found.pop("issuer", ())
    named = (issuers,) if isinstance(issuers, str) else tuple(issuers)
    own = {name: found.pop(name) for name in _OF_ISSUER if name in found}
    if tables is None:
        tables = [{"url": url} for url in named]
    if not tables and not _blamed(problems, "issuer", "issuers", "config"):
        problems.append("JWTGUARD_ISSUER: required: the issuer whose tokens count")
    if len(tables) > 1:
        problems += [
            f"{BY_NAME[name].variable}: for one issuer only; with several, write "
            "it in [[issuers]] tables of a TOML file"
            for name in _ONE_ISSUER
            if own.pop(name, None) is not None
        ]
    said = {*_OF_ISSUER, *_ALSO_OF_ISSUER, *OF_RELAY} & set(variables)
    tables = [{k: v for k, v in table.items() if k not in said} for table in tables]
    known = "audience" in found or (tables and all("audience" in t for t in tables))
    if not known and not _blamed(problems, "audience", "config"):
        problems.append(
            "JWTGUARD_AUDIENCE: required: the name of this API in `aud`, "
            "or the word unchecked alone"
        )
    return [{**own, **table} for table in tables]


def _stand_ins(
    tables: Sequence[Mapping[str, Any]], clients: Sequence[Client]
) -> list[TrustedIssuer]:
    """Where the issuers are wrong: others, to check everything else at once."""
    named = [table.get("url") for table in tables]
    urls = [url for url in named if isinstance(url, str) and url]
    urls = urls or [client.issuer for client in clients if client.issuer]
    return [
        TrustedIssuer(url=url, audience="unchecked", jwks_url="https://keys.invalid")
        for url in dict.fromkeys(urls or ["https://issuer.invalid"])
    ]


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
    kind: Any,
    tables: Iterable[Mapping[str, Any]],
    where: str,
    problems: list[str],
    blamed: Collection[str] = (),
) -> list[Any]:
    made = []
    for table in tables:
        _unknown_members(kind, table, where, problems)
        try:
            made.append(_build(kind, table))
        except ConfigurationError as error:
            problems += [
                _by_variable(problem, blamed) or f"{where}: {problem}"
                for problem in error.problems
            ]
    return made


def _unknown_members(
    kind: Any, table: Mapping[str, Any], where: str, problems: list[str]
) -> None:
    known = [field.name for field in fields(kind)]
    for name in sorted(set(table) - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        problems.append(f"{where}: {name}: no such member{hint}")


def _build(kind: Any, table: Mapping[str, Any]) -> Any:
    """Make one dataclass of *table*; raises ``ConfigurationError``."""
    known = {field.name: field for field in fields(kind)}
    missing = [
        name
        for name, field in known.items()
        if name not in table
        and field.default is MISSING
        and field.default_factory is MISSING
    ]
    if missing:
        raise ConfigurationError(*(f"{name}: a member is missing" for name in missing))
    return kind(**{name: table[name] for name in table if name in known})


def _try_policy(
    settings: Mapping[str, Any], problems: list[str], blamed: Collection[str]
) -> None:
    """Let the policy check what belongs together, and name the variables."""
    try:
        Policy(**settings)
    except ConfigurationError as error:
        for problem in error.problems:
            text = _by_variable(problem, blamed) or problem
            if not _said(text, problems):
                problems.append(text)


def _by_variable(problem: str, blamed: Collection[str]) -> str | None:
    """Return *problem* under the name of its variable, if it has one.

    *blamed* holds the settings of an issuer that are not in a table of its own.
    """
    of_one = _OF_ONE.fullmatch(problem)
    if of_one is not None and of_one[1] in blamed:
        return f"{BY_NAME[of_one[1]].variable}: {of_one[2]}"
    key, colon, rest = problem.partition(": ")
    return f"{BY_NAME[key].variable}: {rest}" if colon and key in BY_NAME else None


def _blamed(problems: list[str], *names: str) -> bool:
    """Whether something is wrong with one of these settings already."""
    starts = tuple(
        f"{PREFIX}{name.upper()}{form}:" for name in names for form in ("", "_FILE")
    )
    inside = tuple(f": {name}: " for name in names)
    return any(
        problem.startswith(starts) or any(part in problem for part in inside)
        for problem in problems
    )


def _said(text: str, problems: list[str]) -> bool:
    """Whether the same has been said already, in better words."""
    return "name this API" in text and _blamed(problems, "audience", "config")
