"""The API: notes for their owners, a report for admins, sign-out, a token path."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Blueprint, Flask, abort, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwtguard import AuthError, Guard, load_policy
from jwtguard.flask import JWTGuard, current_principal, require_role, require_scope
from jwtguard.relay import TokenRelay

from .store import Notes

PATHS = {"JWTGUARD_PUBLIC_PATHS": "/healthz", "JWTGUARD_LOGOUT_PATHS": "/oidc/logout"}
"""The application knows its own paths; who may call is for the environment to say."""

LONGEST_NOTE = 500

bp = Blueprint("notes", __name__)


def create_app(guard: Guard | None = None, database: Path | None = None) -> Flask:
    """Build the API; without arguments, from ``JWTGUARD_*`` and ``NOTES_DB``."""
    app = Flask(__name__)
    app.extensions["notes"] = Notes(
        database or Path(os.environ.get("NOTES_DB", "notes.sqlite"))
    )
    app.register_blueprint(bp)
    guard = guard or Guard(load_policy({**PATHS, **os.environ}))
    JWTGuard(app, guard)
    # The token path stands in front of the guard: whoever signs in has no token yet.
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/oauth": TokenRelay(guard).wsgi}
    )
    return app


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Public: answers whoever asks, also while the token server is down."""
    return {"status": "ok"}


@bp.get("/whoami")
def whoami() -> ResponseReturnValue:
    """Any token will do: nothing in the guard's way asks for a scope here."""
    return {
        "subject": current_principal.subject,
        "client_id": current_principal.client_id,
        "scopes": sorted(current_principal.scopes),
        "roles": sorted(current_principal.roles),
        "expires_at": current_principal.expires_at,
    }


@bp.get("/notes")
@require_scope("notes:read")
def list_notes() -> ResponseReturnValue:
    """Return the caller's own notes, newest first."""
    return {"notes": [note.as_dict() for note in _notes().of(_owner())]}


@bp.post("/notes")
@require_scope("notes:write")
def add_note() -> ResponseReturnValue:
    """Keep ``{"text": ...}`` for the caller."""
    body = request.get_json()
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or not 0 < len(text.strip()) <= LONGEST_NOTE:
        abort(422, f"text must hold 1 to {LONGEST_NOTE} characters")
    return _notes().add(_owner(), text.strip()).as_dict(), 201


@bp.delete("/notes/<int:note_id>")
@require_scope("notes:write")
def delete_note(note_id: int) -> ResponseReturnValue:
    """Delete a note of the caller's; another's note is not found."""
    if not _notes().delete(_owner(), note_id):
        abort(404)
    return "", 204


@bp.get("/admin/report")
@require_role("admin")
def report() -> ResponseReturnValue:
    """Return how many notes each owner keeps; for admins, whatever their scopes."""
    return {"notes_per_owner": _notes().counts()}


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the caller's session: the token that came with this is refused next time."""
    _guard().revoke(current_principal)
    return "", 204


@bp.post("/sign-out-everywhere")
def sign_out_everywhere() -> ResponseReturnValue:
    """End every token of the caller that was issued until now."""
    who = current_principal
    _guard().revoke_tokens(issuer=who.issuer, subject=who.subject)
    return "", 204


@bp.post("/admin/sign-out")
@require_role("admin")
def sign_out_somebody() -> ResponseReturnValue:
    """End every token of ``{"subject": ...}``, at the caller's own issuer."""
    body = request.get_json()
    subject = body.get("subject") if isinstance(body, dict) else None
    if not isinstance(subject, str) or not subject:
        abort(422, "subject must be a non-empty string")
    _guard().revoke_tokens(issuer=current_principal.issuer, subject=subject)
    return "", 204


@bp.app_errorhandler(HTTPException)
def as_json(error: HTTPException) -> ResponseReturnValue:
    """Say what went wrong in JSON, as the guard does; status and headers stay."""
    answer = error.get_response()
    if isinstance(error, AuthError):  # a refusal, in the words of the guard
        return answer
    body = {"error": error.name, "error_description": error.description}
    answer.data = current_app.json.dumps(body)
    answer.content_type = "application/json"
    return answer


def _notes() -> Notes:
    notes: Notes = current_app.extensions["notes"]
    return notes


def _guard() -> Guard:
    guard: Guard = current_app.extensions["jwtguard"]
    return guard


def _owner() -> str:
    """Issuer and subject: two issuers may both know an alice."""
    return current_principal.identity
