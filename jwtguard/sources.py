"""Where settings come from: variables, the files that they name, and TOML."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .core.model.url_values import without_user
from .core.model.validation import json_problem
from .errors import Problem
from .option_values import ValueProblemError
from .options import BY_NAME, CONFIG, PREFIX, SETTINGS, Setting

TABLES = ("clients", "issuers", "resources", "rules", "scopes")
"""Settings that TOML has tables for: these hold more members than a variable can."""
_TOML_TYPES = {
    list: "a list of strings",
    bool: "true or false",
    int: "a whole number",
    (int, float): "a number",
    str: "a string",
}
_NEVER_EMPTY = ("algorithms", "audience", "issuer", "issuers")


@dataclass(slots=True)
class Source:
    """The settings that one place gives, and what could not be read there."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Where each of them stands, for people: a variable, or a file and its key."""
    problems: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Names of settings whose values are wrong, and therefore left out."""

    def refuse(self, name: str, place: str, text: str) -> None:
        """Note that the setting *name* at *place* could not be read."""
        self.problems.append(Problem(text, place))
        self.unread.add(name)


def read_environ(environ: Mapping[str, str]) -> Source:
    """Read ``JWTGUARD_*``, and the files that ``JWTGUARD_*_FILE`` name."""
    source = Source()
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == CONFIG:
            continue
        key = variable.removeprefix(PREFIX).lower()
        by_file = key.endswith("_file") and key not in BY_NAME
        setting = BY_NAME.get(key.removesuffix("_file") if by_file else key)
        if _is_kubernetes(variable):
            continue
        if setting is None or variable != variable.upper():
            source.problems.append(_unknown(variable))
        # Both set means that somebody has forgotten one: a guess could use the old
        # secret.
        elif by_file and environ[variable] and environ.get(setting.variable):
            text = f"also set as {variable}; keep one"
            source.refuse(setting.name, setting.variable, text)
        elif environ[variable]:
            _read_variable(source, setting, variable, environ[variable], by_file)
    return source


def _read_variable(
    source: Source, setting: Setting, variable: str, value: str, by_file: bool
) -> None:
    try:
        text = _contents(value) if by_file else value
        if text:
            source.values[setting.name] = _parsed(setting, text)
            source.places[setting.name] = variable
    except ValueProblemError as error:
        shown = "(secret)" if setting.secret else repr(value)
        problem = str(error)
        if not problem.startswith(shown + ":"):
            problem = f"{shown}: {problem}"
        source.refuse(setting.name, variable, problem)


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
    if name.upper().endswith("_FILE"):
        known += [f"{variable}_FILE" for variable in known]
    hint = setting_hint(name.upper(), [*known, CONFIG])
    return f"{name}: unknown setting{hint}"


_OF_CORS = (
    "origins", "origin", "cors_origins", "cors_origin", "cors_allowed_origins",
    "cors_allow_origins", "cors_allow_origin", "allowed_origins", "allow_origins",
)  # fmt: skip
"""What other libraries call the list of origins."""
_ORIGINS = "JWTGUARD_CLIENTS lists origins, by client: spa=https://www.example.com"


def setting_hint(name: str, known: Iterable[str]) -> str:
    """Return a hint at the setting that an unknown *name* may stand for, if any."""
    own = name.removeprefix(PREFIX)
    prefix = name.removesuffix(own)
    if own.lower() in _OF_CORS:
        return f"; {_ORIGINS}"
    # The prefix that all of them have would make any two names look alike.
    names = [one.removeprefix(PREFIX) for one in known]
    if hint := did_you_mean(own, names, prefix):
        return hint
    longer = [one for one in names if len(own) > 2 and one.startswith(own)]
    return did_you_mean(longer[0], longer, prefix) if longer else ""


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return a hint at the known name that is nearest to *name*, if one is near.

    *prefix* is put in front of the name in the hint.
    """
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def _contents(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueProblemError(f"cannot be read: {_reason(error)}") from None
    # One line end, which editors and `echo` add; any further blank may belong to the
    # secret.
    return text.removesuffix("\n").removesuffix("\r")


def _reason(error: Exception) -> str:
    """Say what *error* is about, without the path that it repeats."""
    return getattr(error, "strerror", None) or str(error)


def read_toml(path: str, variable: str = CONFIG) -> Source:
    """Read the TOML file at *path*, which *variable* names; empty: there is none."""
    source = Source()
    if not path:
        return source
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        source.problems.append(
            f"{variable}: {path!r}: cannot be read: {_reason(error)}"
        )
        source.unread.update(BY_NAME)
        return source
    for key, value in document.items():
        place = f"{path}: {key}"
        problem = _toml_problem(key, value)
        if problem:
            source.refuse(key, place, problem)
            continue
        tables = value if key == "issuers" else ()
        read = [_with_tenants(source, place, table) for table in tables]
        source.values[key] = read or value
        source.places[key] = f"{path}: [[{key}]]" if key in TABLES else place
    if "issuer" in source.values and "issuers" in source.values:
        source.problems.append(f"{path}: issuer and issuers are both set; keep one")
    return source


def named_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files that settings are read from, those of tenants included."""
    paths = [
        value
        for name, value in sorted(environ.items())
        if name.startswith(PREFIX) and name.endswith("_FILE") and value
        and name.removeprefix(PREFIX).lower() not in BY_NAME
    ]  # fmt: skip
    config = environ.get(CONFIG, "")
    paths += [config, environ.get(f"{PREFIX}SHADOW_CONFIG", ""), *_named_in(config)]
    return tuple(path for path in dict.fromkeys(paths) if path)


def _named_in(config: str) -> list[str]:
    """Return the files that a TOML file names, as far as it can be read."""
    try:
        document = tomllib.loads(Path(config).read_text(encoding="utf-8"))
        tables = [t for t in document.get("issuers", ()) if isinstance(t, dict)]
    except (OSError, ValueError, TypeError):
        return []
    found = [document.get("shadow_config"), *(t.get("tenants_file") for t in tables)]
    return [path for path in found if isinstance(path, str)]


def _with_tenants(source: Source, place: str, table: dict[str, Any]) -> Any:
    """Read the tenants of one issuer from the file that names them, one a line."""
    if "tenants_file" not in table:
        return table
    rest, path = {**table}, table["tenants_file"]
    del rest["tenants_file"]
    try:
        if "tenants" in table:
            raise ValueProblemError("tenants is set too; keep one")
        if not isinstance(path, str) or not path:
            raise ValueProblemError(f"{path!r}: must be a path")
        names = _contents(path).split()
        if not names:
            raise ValueProblemError(f"{path!r}: names no tenant")
    except ValueProblemError as error:
        where = f"{place}: {without_user(table.get('url'))}: tenants_file"
        source.refuse("tenants", where, str(error))
        return rest
    return {**rest, "tenants": names}


def _toml_problem(key: str, value: Any) -> str | None:
    if key in TABLES:
        good = isinstance(value, list) and all(isinstance(v, dict) for v in value)
        if key == "issuers":
            return None if good and value else "must be one or more [[issuers]] tables"
        return None if good else f"must be [[{key}]] tables"
    setting = BY_NAME.get(key)
    if setting is None:
        return f"unknown setting{setting_hint(key, [*BY_NAME, *TABLES])}"
    shown = "(secret)" if setting.secret else repr(value)
    listed = setting.toml is list
    if listed and isinstance(value, str) and key in ("issuer", "audience"):
        value = [value]
    # In Python True is an int: `token_cache = true` would be a cache of one token.
    if isinstance(value, bool) != (setting.toml is bool) or not isinstance(
        value, setting.toml
    ):
        return f"{shown}: must be {_TOML_TYPES[setting.toml]}"
    if listed and not _all_named(value):
        return f"{shown}: must be a list of non-empty strings"
    if listed and not value and key in _NEVER_EMPTY:
        return "must not be empty"
    if isinstance(value, int | float) and value < 0:
        return f"{shown}: must be a non-negative number"
    if value == "" and key in ("issuer", "cookie", "realm"):
        return "must be a non-empty string"
    return None


def _all_named(values: Any) -> bool:
    return all(isinstance(item, str) and item for item in values)
