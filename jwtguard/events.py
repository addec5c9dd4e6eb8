"""The one place where things that happen are told: the log, and an optional hook.

Events and their fields, all of them also in the ``extra`` of the log record:

* ``refused``: ``reason``, ``status``, ``method``, ``origin``, ``client_id``, ``detail``
* ``would_refuse``: ``reason``, ``rule``, ``method``, ``origin``, ``client_id``,
  ``issuer``, ``subject``: the request ran, as this reason is only reported
* ``shadow_differs``: ``reason``, ``shadow_reason``, ``rule``, ``method``, ``origin``,
  ``client_id``, ``issuer``, ``subject``; an empty reason: that policy lets it pass
* ``report_only``: ``kinds`` of refusals that are only reported
* ``preflight_limited``: ``origin``; ``method``, ``headers``: what was not granted
* ``fetch_ok``, ``fetch_not_modified``: ``issuer``, ``keys``, ``skipped``
* ``fetch_failed``: ``issuer``, ``problem``
* ``discovery_failed``: ``issuer``, ``problem``; the relay found no endpoint
* ``client_secret_denied``: ``issuer``, ``problem``; of the relay or of sessions
* ``introspection_failed``: ``issuer``, ``problem``
* ``introspection_denied``: ``issuer``, ``problem``; our own credentials are wrong
* ``introspection_skipped``: ``issuer``; a JWT was accepted without an answer
* ``serving_stale``: ``issuer``, ``age`` in seconds
* ``unknown_kid``: ``issuer``
* ``limit_store_failed``: ``problem``
* ``state_failed``: ``problem``
* ``state_restored``
* ``logout_received``: ``issuer``, ``kind`` of the revocation
* ``logout_unmatched``: ``issuer``, ``logouts``: so many have ended no token for an hour
* ``revoked``: ``issuer``, ``kind``; ``shared``: false while others cannot be told
* ``revocations_stale``: ``age`` in seconds
* ``revocations_lost``: ``problem``; too many waited for the shared state, or a token
  that was revoked could not be verified
* ``dpop_replays_unchecked``: ``problem``; a proof passed that may have been used
* ``signed_in``, ``signed_out``: ``issuer``
* ``session_refreshed``: ``issuer``
* ``session_refresh_failed``: ``issuer``, ``problem``; the session goes on
* ``session_ended``: ``issuer``, ``problem``; its issuer does not refresh it any more
* ``reloaded``: ``policy``, its hash; ``added``, ``removed``: what differs, in lines
* ``reload_failed``: ``problem``; the old policy stays
* ``misconfigured``: ``problem``, while starting or when a lone guard revokes
* ``render_failed``: ``reason`` of the refusal, ``problem``: what the renderer raised

Never a token or a claim. ``detail`` of ``dpop_url`` has two URLs without their query;
no other field has a path. Only with ``JWTGUARD_DEBUG`` the log record of ``refused``,
and not the hook, has more: ``path``, ``rule``, ``needed``, ``seen``, ``hint``, ``see``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from .callers import CallerFilter

__all__ = [
    "CallerFilter",
    "Hook",
    "JSONFormatter",
    "emitter",
    "logger",
]

logger = logging.getLogger("jwtguard")

Hook = Callable[[str, Mapping[str, Any]], None]
"""Called with the event's name and its fields, in whatever thread it happens."""

_LEVELS = {
    "fetch_failed": logging.WARNING,
    "discovery_failed": logging.WARNING,
    "client_secret_denied": logging.WARNING,
    "introspection_failed": logging.WARNING,
    "introspection_denied": logging.ERROR,
    "serving_stale": logging.WARNING,
    "limit_store_failed": logging.WARNING,
    "state_failed": logging.WARNING,
    "state_restored": logging.WARNING,  # where the failure is seen, so is its end
    "dpop_replays_unchecked": logging.WARNING,
    "revocations_stale": logging.WARNING,
    "revocations_lost": logging.WARNING,
    "session_refresh_failed": logging.WARNING,
    "reloaded": logging.WARNING,
    "reload_failed": logging.ERROR,
    "misconfigured": logging.WARNING,
    "render_failed": logging.ERROR,
    "report_only": logging.WARNING,
    "fetch_not_modified": logging.DEBUG,
    "session_refreshed": logging.DEBUG,
}


def emitter(
    hook: Hook | None, after: Mapping[str, Callable[[], None]] | None = None
) -> Callable[..., None]:
    """Return a function that tells the log and *hook* of an event.

    Its *debug* holds more fields, for the log alone. *after*: what the guard itself
    does after some of the events.
    """
    following = after or {}

    def emit(
        event: str, *, debug: Mapping[str, str] | None = None, **fields: Any
    ) -> None:
        level = logging.WARNING if debug else _LEVELS.get(event, logging.INFO)
        shown = {**fields, **debug} if debug else fields
        # Formatting costs more than deciding; at the default level most events are not
        # written.
        if logger.isEnabledFor(level):
            text = " ".join(
                f"{k}={v!r}" for k, v in shown.items() if v not in (None, "")
            )
            extra = {"event": event, **shown}
            traced = level == logging.ERROR  # emitted where the exception is handled
            logger.log(level, "%s %s", event, text, extra=extra, exc_info=traced)
        if hook is not None:
            _call(hook, event, fields)
        if event in following:
            following[event]()

    return emit


def _call(hook: Hook, event: str, fields: Mapping[str, Any]) -> None:
    try:
        hook(event, fields)
    except Exception:  # somebody's metrics must not decide requests
        logger.exception("the on_event hook failed at %s", event)


class JSONFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the fields of the event.

    ``time`` (RFC 3339, UTC) and ``level`` come first. What filters add to the record is
    there too. A record without an event has ``message``, and ``exception`` if it has
    one. The line is ASCII, so that no field can break it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
        }
        added = vars(record)
        line |= {name: added[name] for name in added if name not in _OF_EVERY_RECORD}
        if "event" not in added:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "asctime", "message", "taskName"}
"""Attributes that ``logging`` itself sets."""
