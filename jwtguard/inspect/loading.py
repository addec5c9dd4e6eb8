"""The application that ``jwtguard check`` and ``explain --app`` are given by name."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigurationError
from .shown import escaped

Result = TypeVar("Result")

_NOT_ITS_OWN = (
    "<",
    str(Path(__file__).parent),
    *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
)
"""What the names of files begin with that are not the application's."""


class LoadError(Exception):
    """The application could not be loaded; the text is one sentence that says why."""

    def __init__(self, text: str) -> None:
        super().__init__(escaped(text))


def load(spec: str) -> Any:
    """Import ``module:app``, or call ``module:factory()``; raises ``LoadError``.

    A ``ConfigurationError`` is about the settings, and passes.
    """
    match = re.fullmatch(r"([\w.]+):([\w.]+?)(\(\))?", spec)
    if match is None:
        raise LoadError(f"{spec!r}: write module:app or module:factory()")
    module, name, call = match.groups()
    # As gunicorn and uvicorn do: an installed script would not find the application
    # beside it.
    sys.path.insert(0, str(Path.cwd()))
    found: Any = attempt(
        f"{spec} cannot be imported", lambda: importlib.import_module(module)
    )
    for part in name.split("."):
        found = _member(spec, found, part)
    if call:
        found = attempt(f"{spec} failed", found)
    return _checked(spec, found, called=bool(call))


def attempt(what: str, work: Callable[[], Result]) -> Result:
    """Do *work* of the application's own; an error is told as *what*: ``LoadError``."""
    try:
        return work()
    except ConfigurationError:
        raise
    # A module that calls sys.exit() or argparse while it is imported must not end this
    # command without a word.
    except (Exception, SystemExit) as error:
        raise LoadError(f"{what}: {_told(error)}") from error


def _told(error: BaseException) -> str:
    """Say which error it is, and where in the application it came from."""
    text = " ".join(str(error).split())
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
        told = f"{type(error).__name__}: {error.msg}"
    else:
        file, line = _place(error)
    return f"{told} ({file}, line {line})" if file else told


def _place(error: BaseException) -> tuple[str, int | None]:
    """Return file and line of the innermost frame that is the application's own."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(_NOT_ITS_OWN):
            return frame.filename, frame.lineno
    return "", None


def _member(spec: str, found: Any, part: str) -> Any:
    try:
        return getattr(found, part)
    except AttributeError:
        inside = getattr(found, "__name__", type(found).__name__)
        raise LoadError(f"{spec}: {inside} has no attribute {part!r}") from None


def _checked(spec: str, found: Any, *, called: bool) -> Any:
    """Return *found* if it can be an application."""
    if inspect.iscoroutine(found):
        # Else Python warns that the coroutine was never awaited, after our message.
        found.close()
        raise LoadError(f"{spec}: the factory is asynchronous; name an application")
    if not callable(found):
        kind = type(found).__name__
        raise LoadError(f"{spec} is not an application; it is of type {kind}")
    if called:
        return found
    makes = inspect.isclass(found) or inspect.isfunction(found)
    if makes and _needs_nothing(found):
        raise LoadError(f"{spec} looks like a factory: write {spec}()")
    return found


def _needs_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True
