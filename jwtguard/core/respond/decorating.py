"""Our header fields on the application's answer, and whether that is an event stream.

This runs for each answer, and most have no field that ours must be reconciled with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from ..model.decision import Decoration, Outbox
from ..model.request import Fields, NameTable
from . import cors
from .streams import is_event_stream, is_events

RawFields = list[tuple[bytes, bytes]]
"""Header fields as ASGI has them."""
_TOUCHED, _TYPE = 1, 2


def _concern(name: str) -> int:
    """Return why a header field is looked at; 0 for most."""
    lower = name.lower()
    return _TOUCHED if lower in cors.TOUCHED else _TYPE * (lower == "content-type")


def _raw_concern(name: bytes) -> int:
    return _concern(bytes(name).decode("latin-1"))


def _raw_is_events(value: bytes) -> bool:
    return is_events(bytes(value).decode("latin-1"))


def _raw_name(name: str) -> bytes:
    return name.lower().encode("latin-1")


_RAW_NAMES = NameTable(_raw_name)
_CONCERNS, _RAW_CONCERNS = NameTable(_concern), NameTable(_raw_concern)
_EVENTS, _RAW_EVENTS = NameTable(is_events), NameTable(_raw_is_events)


def decorated(
    given: Sequence[tuple[str, str]], ours: Decoration
) -> tuple[list[tuple[str, str]], bool]:
    """Return the fields *given* with *ours*, none doubled; and whether it is a stream.

    That is an event stream, which may outlive its token.
    """
    touched = events = False
    for name, value in given:
        if concern := _CONCERNS[name]:
            if concern == _TYPE:
                events = _EVENTS[value]
            else:
                touched = True
    if events:
        events = is_event_stream(given)
    if touched:
        return list(cors.decorate(given, ours)), events
    return [*given, *_alone(ours)], events  # nothing to reconcile: ours follow


def decorated_raw(given: RawFields, ours: Decoration) -> tuple[RawFields, bool]:
    """Do the same for the fields of an ASGI message; *given* may be changed."""
    touched = events = False
    try:
        for name, value in given:
            if concern := _RAW_CONCERNS[name]:
                if concern == _TYPE:
                    events = _RAW_EVENTS[value]
                else:
                    touched = True
    except TypeError:  # a bytearray has no hash
        return decorated_raw([(bytes(n), bytes(v)) for n, v in given], ours)
    if events:
        events = is_event_stream(text(given))
    if touched:
        return raw(cors.decorate(text(given), ours)), events
    given += _raw_alone(ours)
    return given, events


def with_outbox(fields: Fields, outbox: Outbox) -> Fields:
    """Return *fields* with what is in *outbox*: no cache may keep its cookies."""
    fields += outbox.report_fields()
    cookies = outbox.fields()
    return cors.with_cookies(fields, cookies) if cookies else fields


def with_outbox_raw(fields: RawFields, outbox: Outbox) -> RawFields:
    """Do the same for the fields of an ASGI message."""
    return raw(with_outbox(text(fields), outbox))


@lru_cache(maxsize=256)
def _alone(ours: Decoration) -> Fields:
    return cors.decorate((), ours)


@lru_cache(maxsize=256)
def _raw_alone(ours: Decoration) -> RawFields:
    return raw(_alone(ours))


def raw(fields: Iterable[tuple[str, str]]) -> RawFields:
    """Encode header fields for ASGI: names in lower case."""
    return [(_RAW_NAMES[name], value.encode("latin-1")) for name, value in fields]


def text(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Decode header fields of an ASGI message."""
    return tuple(
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
        for name, value in fields
    )
