"""``JWTGUARD_*`` and TOML become a Policy, or one error with every problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from .core.model.claim_rule import ClaimRule
from .core.model.issuers import TrustedIssuer
from .core.model.policy import OF_RELAY, Client, Policy
from .core.model.resource import Resource
from .core.model.scope_rule import ScopeRule
from .core.model.tenants import template_of
from .core.model.url_values import without_user
from .errors import ConfigurationError, Problem
from .options import BY_NAME, CONFIG
from .shadows import shadow_sources, take_path
from .sources import Source, did_you_mean, read_environ, read_toml

__all__ = [
    "load_policy",
]

_INTROSPECT = tuple(n for n in BY_NAME if n.partition("_")[0] == "introspect")
_ONE_ISSUER = (
    "jwks_url", "discovery_url", "keys", "keys_authorization", *_INTROSPECT
)  # fmt: skip
_OF_ISSUER = (*_ONE_ISSUER, "profile")
_ALSO_OF_ISSUER = ("audience", "algorithms", *OF_RELAY)
_NAMED_BY = {
    TrustedIssuer: "url",
    Client: "id",
    ScopeRule: "path",
    ClaimRule: "path",
    Resource: "url",
}


def load_policy(environ: Mapping[str, str]) -> Policy:
    """Read ``JWTGUARD_*`` from *environ*, and the TOML file that it may name.

    Raises ``ConfigurationError`` with every problem: where it is, the value, and what
    is expected. Values of secrets are never shown.
    """
    file, variables = read_toml(environ.get(CONFIG, "")), read_environ(environ)
    path = take_path(file, variables)
    loading = _Loading(file, variables)
    settings = loading.settings()
    problems = loading.problems
    if path and not problems:
        beside = _Loading(*shadow_sources(path, file, variables))
        second = beside.settings()
        problems = beside.problems
        settings |= {} if problems else {"shadow": Policy(**second)}
    if problems:
        raise ConfigurationError(*dict.fromkeys(problems))
    return Policy(**settings)


class _Loading:
    """Two sources, put together as the arguments of a Policy."""

    def __init__(self, file: Source, variables: Source) -> None:
        self._file, self._variables = file, variables
        self._found = {**file.values, **variables.values}
        self._places = {**file.places, **variables.places}
        self._unread = file.unread | variables.unread
        self._tables: Sequence[Mapping[str, Any]] = file.values.get("issuers", ())
        self.problems = [*file.problems, *variables.problems]

    def settings(self) -> dict[str, Any]:
        """Return them; what is wrong is in ``problems`` then."""
        found = dict(self._found)
        issuer_tables = self._issuer_tables(found)
        clients = self._with_refresh(found)
        settings = {
            **found,
            "issuers": self._built(TrustedIssuer, "issuers", issuer_tables),
            "clients": self._built(Client, "clients", clients),
            "scopes": self._built(ScopeRule, "scopes", found.get("scopes", ())),
            "resources": self._built(Resource, "resources", found.get("resources", ())),
            "rules": self._built(ClaimRule, "rules", found.get("rules", ())),
        }
        # A policy cannot be made without issuers: with a stand-in, the problems of
        # everything else are found in the same run.
        stand_ins = {}
        if not issuer_tables or len(settings["issuers"]) < len(issuer_tables):
            stand_ins["issuers"] = _stand_ins(issuer_tables, settings["clients"])
        try:
            Policy(**{**settings, **stand_ins})
        except ConfigurationError as error:
            self._add(error.problems)
        return settings

    def _issuer_tables(self, found: dict[str, Any]) -> list[Mapping[str, Any]]:
        """Take what is about issuers out of *found*: one table for each."""
        tables: Sequence[Mapping[str, Any]] = found.pop("issuers", ())
        named = found.pop("issuer", ())
        if tables and "issuer" in self._variables.values:
            place = self._places["issuer"]
            self.problems.append(f"{place}: the TOML file lists issuers too; keep one")
        if not tables:
            urls = (named,) if isinstance(named, str) else named
            tables = [{"url": url} for url in urls]
        own = {name: found.pop(name) for name in _OF_ISSUER if name in found}
        for name in _ONE_ISSUER if len(tables) > 1 else ():
            if own.pop(name, None) is not None:
                text = "for one issuer only; with several, write it in [[issuers]]"
                self.problems.append(f"{self._places[name]}: {text} of a TOML file")
        self._require(tables, "audience" in found)
        # A variable wins over the file also inside the tables, so that a secret can
        # stay out of the file.
        over = {*_OF_ISSUER, *_ALSO_OF_ISSUER} & set(self._variables.values)
        return [
            {**own, **{k: v for k, v in table.items() if k not in over}}
            for table in tables
        ]

    def _require(self, tables: Sequence[Mapping[str, Any]], audience: bool) -> None:
        if not tables and not self._unread & {"issuer", "issuers"}:
            text = "required: the issuer whose tokens are accepted"
            self.problems.append(f"JWTGUARD_ISSUER: {text}")
        named = audience or (tables and all("audience" in table for table in tables))
        if not named and "audience" not in self._unread:
            text = "required: this API's identifier in `aud`, or `unchecked`"
            self.problems.append(f"JWTGUARD_AUDIENCE: {text}")
            self._unread.add("audience")  # the policy has nothing to add

    def _with_refresh(self, found: dict[str, Any]) -> list[dict[str, Any]]:
        clients = [dict(table) for table in found.get("clients", ())]
        for name in found.pop("refresh_clients", ()):
            same = [table for table in clients if table.get("id") == name]
            if not same:
                place = self._places["refresh_clients"]
                text = f"{name!r} is not listed in JWTGUARD_CLIENTS"
                self.problems.append(f"{place}: {text}")
            for table in same:
                table["refresh"] = True
        return clients

    def _built(
        self, kind: type[Any], name: str, tables: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        made = []
        for number, table in enumerate(tables, 1):
            given = table.get(_NAMED_BY[kind])
            item = without_user(given) if given else f"number {number}"
            self._add(_member_problems(kind, name, item, table))
            known = {field.name for field in fields(kind)}
            if not _missing(kind, table):
                try:
                    made.append(kind(**{k: v for k, v in table.items() if k in known}))
                except ConfigurationError as error:
                    self._add(error.problems, item)
        return made

    def _add(self, problems: Iterable[str], item: str = "") -> None:
        """Name the place of each problem; *item* is that of those that name none."""
        for problem in problems:
            if not isinstance(problem, Problem) or not problem.where:
                self.problems.append(problem)
                continue
            field, *named = problem.where
            if self._unread.intersection((field, *named[1:])):
                continue  # its value is wrong already, so it was left out
            place = self._place(field, [part or item for part in named])
            self.problems.append(Problem(problem.text, ": ".join(place)))

    def _place(self, name: str, named: list[str]) -> list[str]:
        """Say where the value is that ``Problem.where`` leads to."""
        if name not in ("issuer", "issuers"):
            variable = BY_NAME[name].variable if name in BY_NAME else name
            return [self._places.get(name, variable), *named]
        member = named[1] if len(named) > 1 else ""
        own = next((t for t in self._tables if _is_named(t, named[:1])), None)
        by_variable = member in self._variables.values
        if not by_variable and own is not None and (member in own or not member):
            return [self._places["issuers"], *named]
        if member in self._places:
            return [self._places[member]]
        if self._tables:
            return [self._places["issuers"], *named]
        if member in BY_NAME:  # it is missing, and a variable would set it
            return [BY_NAME[member].variable]
        return [self._places.get("issuer", "JWTGUARD_ISSUER"), *named]


def _is_named(table: Mapping[str, Any], named: Sequence[str]) -> bool:
    return [without_user(table.get("url"))] == list(named)


def _missing(kind: type[Any], table: Mapping[str, Any]) -> list[str]:
    """Return the members that *kind* has no default for, and *table* lacks."""
    return [
        field.name
        for field in fields(kind)
        if field.name not in table
        and field.default is MISSING
        and field.default_factory is MISSING
    ]


def _member_problems(
    kind: type[Any], name: str, item: str, table: Mapping[str, Any]
) -> Iterator[Problem]:
    known = [field.name for field in fields(kind)]
    for member in sorted(set(table) - set(known)):
        text = f"{member}: no such member{did_you_mean(member, known)}"
        yield Problem(text, name, item)
    for member in _missing(kind, table):
        yield Problem(f"{member}: a member is missing", name, item)


def _stand_ins(
    tables: Sequence[Mapping[str, Any]], clients: Sequence[Client]
) -> list[TrustedIssuer]:
    """Where the issuers are wrong: others, to check everything else at once."""
    named = [table.get("url") for table in tables]
    urls = [url for url in named if isinstance(url, str) and url]
    urls = urls or [client.issuer for client in clients if client.issuer]
    good = [url for url in urls if template_of(url) or not set("{}") & set(url)]
    return [
        TrustedIssuer(
            url=url,
            audience="unchecked",
            jwks_url="https://keys.invalid",
            tenants="any" if template_of(url) else None,
        )
        for url in dict.fromkeys(good or ["https://issuer.invalid"])
    ]
