"""``jwtguard settings``: the table of the documentation, in the terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from ..options import CONFIG, PREFIX, SETTINGS, Setting
from ..sources import setting_hint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those of the command."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a variable, or a key of the TOML file"
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the settings; 2 if a name is unknown."""
    by_variable = {setting.variable: setting for setting in (*SETTINGS, _CONFIG)}
    found: list[Setting] = []
    for name in arguments.names or by_variable:
        variable = PREFIX + name.upper().removeprefix(PREFIX)
        if variable not in by_variable:
            hint = setting_hint(variable, by_variable)
            print(f"{name}: unknown setting{hint}", file=sys.stderr)
            return 2
        found.append(by_variable[variable])
    if arguments.json:
        print(json.dumps([_members(setting) for setting in found], indent=1))
    else:
        for line in _lines(found):
            print(line)
    return 0


_CONFIG = Setting(
    name=CONFIG.removeprefix(PREFIX).lower(),
    kind="text",
    parse=str,
    meaning="path of a TOML file with the same settings, in lower case",
    default="unset",
)


def _members(setting: Setting) -> dict[str, str | bool]:
    return {
        "variable": setting.variable,
        "toml": setting.name,
        "value": setting.kind,
        "default": setting.default,
        "meaning": setting.meaning,
        "secret": setting.secret,
    }


def _lines(settings: Sequence[Setting]) -> Iterator[str]:
    for setting in settings:
        kind = f"{setting.kind}, secret" if setting.secret else setting.kind
        yield f"{setting.variable}  ({kind}; default: {setting.default})"
        yield f"    {setting.meaning}"
