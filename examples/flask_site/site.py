"""A site on Flask: its visitors sign in with a form, and it calls the notes API.

The guard keeps the session, refreshes and verifies its token on every page, and checks
who may post; the same token goes on to the API. No handler repeats any of it.
"""

from __future__ import annotations

import os

import httpx
from flask import Blueprint, Flask, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from jwtguard import AuthError, Guard, load_policy
from jwtguard.flask import JWTGuard, current_principal, log_in, log_out
from jwtguard.forward import BearerForward

OWN = {
    "JWTGUARD_LOGIN_URL": "/login",
    "JWTGUARD_PUBLIC_PATHS": "/healthz",
    "JWTGUARD_SESSION_CLIENT": "www",
    "JWTGUARD_SESSION_SCOPE": "openid notes:read notes:write",
}
"""The site knows its own paths; whom to trust is for the environment to say."""
API = "http://127.0.0.1:8000"

bp = Blueprint("site", __name__)


def create_app(
    guard: Guard | None = None,
    api: str | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Flask:
    """Build the site; without arguments, from ``JWTGUARD_*`` and ``NOTES_API_URL``."""
    app = Flask(__name__)
    app.config["API"] = api or os.environ.get("NOTES_API_URL") or API
    app.config["TRANSPORT"] = transport
    app.register_blueprint(bp)
    JWTGuard(app, guard or Guard(load_policy({**OWN, **os.environ})))
    return app


@bp.get("/")
def home() -> ResponseReturnValue:
    """The notes, fetched from the API with the visitor's own token."""
    answer = _ask("GET")
    notes = answer.json()["notes"] if answer.status_code == 200 else []
    return _notes(answer, notes)


@bp.post("/notes")
def add_note() -> ResponseReturnValue:
    """The form on the page: hand the text on to the API, then show the page again."""
    answer = _ask("POST", {"text": request.form.get("text", "")})
    return redirect("/", 303) if answer.status_code == 201 else _notes(answer, [])


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The form, and what it posts: name and password become a session."""
    if request.method == "GET":
        return render_template("login.html", problem="")
    name, password = (request.form.get(k, "") for k in ("username", "password"))
    try:
        log_in(request, name, password)
    except AuthError as error:
        page = render_template("login.html", problem=f"{error.description}.")
        return page, error.status, dict(error.fields)
    guard: Guard = current_app.extensions["jwtguard"]
    # The form posts to its own URL, so that `next` is there still.
    return redirect(guard.next_path(request.args.get("next")), 303)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End this session: a copy of the cookie is of no use either."""
    log_out(request)
    return redirect("/login", 303)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Public, and independent of the token server."""
    return {"status": "ok"}


def _ask(method: str, note: dict[str, str] | None = None) -> httpx.Response:
    """Call the API as the visitor: the token goes to this one origin, nowhere else."""
    api: str = current_app.config["API"]
    auth = BearerForward(current_principal, api)
    transport = current_app.config["TRANSPORT"]
    try:
        with httpx.Client(auth=auth, transport=transport, timeout=10) as client:
            return client.request(method, f"{api}/notes", json=note)
    except httpx.TransportError:
        return httpx.Response(502)


def _notes(answer: httpx.Response, notes: list[dict[str, str]]) -> ResponseReturnValue:
    fine = answer.status_code == 200
    problem = "" if fine else f"The API answered {answer.status_code}."
    page = render_template(
        "notes.html", who=current_principal, notes=notes, problem=problem
    )
    return page, 200 if fine else 502
