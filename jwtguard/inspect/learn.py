"""``jwtguard learn``: the settings that would let the traffic of a log pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from ..core.model.policy import Client, Policy
from ..core.model.scope_rule import ScopeRule
from .learn_log import Counted, read_events
from .learnt import Key, Learnt, Seen
from .shown import escaped

_PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]+")
"""Client ids that a variable can hold, and that no shell reads in another way."""


def learn(lines: Iterable[str], policy: Policy | None) -> Iterator[str]:
    """Yield what to print for a log; *policy* is the present one, if it is known.

    Its clients and rules come first in the proposed lines, which replace the present
    values.
    """
    counted = Counted()
    learnt = Learnt(read_events(lines, counted))
    yield from _setting(_clients(learnt.clients, policy), learnt.clients)
    yield from _setting(_scopes(learnt.scopes, policy), learnt.scopes)
    if not learnt.clients and not learnt.scopes:
        yield "# nothing to propose"
    # The most frequent first: those are clients that need a decision, not attacks.
    refused = sorted(learnt.refused, key=lambda one: -one[1].count)
    if refused:
        yield "# These would still be refused:"
    for key, seen, why in refused:
        yield f"#   {_named(key)}  {_counted(seen)}: {escaped(why)}"
    if learnt.left_out:
        yield f"# {learnt.left_out} events of further kinds were left out"
    if counted.others:
        told = (f"{name} {count}" for name, count in sorted(counted.others.items()))
        yield escaped(f"# other events: {', '.join(told)}")
    if counted.unknown:
        lines = (
            "1 line holds" if counted.unknown == 1 else f"{counted.unknown} lines hold"
        )
        yield f"# {lines} no known event"


def _setting(lines: Iterable[str], found: dict[Key, Seen]) -> Iterator[str]:
    """Yield a setting, and below it what was seen of each new part of it."""
    if found:
        yield from lines
    for key, seen in sorted(found.items()):
        yield f"#   {_named(key)}  {_counted(seen)}"


def _clients(found: dict[Key, Seen], policy: Policy | None) -> Iterator[str]:
    present = () if policy is None else policy.clients
    wanted = _wanted(found, present, policy)
    issuers = {issuer for issuer, _ in wanted}
    named = {(c.issuer or "", c.id) for c in present if _simple(c)}
    plain = all(_PLAIN.fullmatch(client_id) for _, client_id in wanted)
    if len(issuers) < 2 and len(named) == len(present) and plain:
        items = (_item(name, origins) for (_, name), origins in wanted.items())
        yield _export("CLIENTS", items)
        return
    # A variable would replace what the tables of the file say beside the origins.
    new = {_owner(key, issuers, policy): None for key in found}
    for owner in new:
        issuer, client_id = owner
        yield "[[clients]]"
        yield f"id = {json.dumps(client_id)}"
        if issuer:
            yield f"issuer = {json.dumps(issuer)}"
        yield f"origins = {json.dumps(wanted[owner])}"


def _wanted(
    found: dict[Key, Seen], present: Sequence[Client], policy: Policy | None
) -> dict[tuple[str, str], list[str]]:
    """Return the origins of each client, those of the present policy first."""
    wanted = {(c.issuer or "", c.id): sorted(c.origins) for c in present}
    issuers = {key.issuer for key in found}
    for key in found:
        origins = wanted.setdefault(_owner(key, issuers, policy), [])
        if key.origin and key.origin not in origins:
            origins.append(key.origin)
    return wanted


def _owner(key: Key, issuers: Iterable[str], policy: Policy | None) -> tuple[str, str]:
    """Return issuer and id of a client; the only issuer need not be named."""
    several = len(policy.issuers) > 1 if policy else len(set(issuers) - {""}) > 1
    return key.issuer if several else "", key.client_id


def _simple(client: Client) -> bool:
    """Whether a variable says all that the policy does about a client."""
    named = Client(id=client.id, origins=client.origins, refresh=client.refresh)
    return named == client


def _item(name: str, origins: Sequence[str]) -> str:
    return f"{name}={','.join(origins)}" if origins else name


def _scopes(found: dict[Key, Seen], policy: Policy | None) -> Iterator[str]:
    present = () if policy is None else policy.scopes
    if all(_short(rule) for rule in present):
        items = [item for rule in present for item in _rules(rule)]
        new = sorted(f"{key.method}:{key.rule}=" for key in found)
        yield _export("SCOPES", [*items, *new])
        return
    for key in sorted(found):
        yield "[[scopes]]"
        yield f"path = {json.dumps(key.rule)}"
        yield f"methods = {json.dumps([key.method])}"


def _short(rule: ScopeRule) -> bool:
    named = ScopeRule(path=rule.path, methods=rule.methods, require=rule.require)
    return named == rule


def _rules(rule: ScopeRule) -> Iterator[str]:
    """A variable has one method for each rule."""
    for method in rule.methods or ("",):
        where = f"{method}:{rule.path}" if method else rule.path
        yield f"{where}={','.join(rule.require)}"


def _export(name: str, items: Iterable[str]) -> str:
    return f'export JWTGUARD_{name}="{" ".join(items)}"'


def _named(key: Key) -> str:
    parts = (key.reason, key.method, key.rule, key.client_id, key.origin)
    return escaped(" ".join(part for part in parts if part))


def _counted(seen: Seen) -> str:
    times = f"{seen.count} request{'s' * (seen.count != 1)}"
    people = f"{len(seen.subjects)} subject{'s' * (len(seen.subjects) != 1)}"
    days = seen.first if seen.first == seen.last else f"{seen.first} to {seen.last}"
    return ", ".join(part for part in (times, people, days) if part)
