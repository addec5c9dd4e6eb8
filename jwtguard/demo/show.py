"""RFC 6750 section 5.3: tokens are not for logs. Prints a step without them."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl

import httpx
from rich.console import Console
from rich.text import Text

from .walk import Exchange, Outcome

JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
# Refresh tokens of the development issuer and sealed sessions have no fixed form: what
# follows these words is one.
OPAQUE = re.compile(r"(Bearer |jwtguard_session(?:\.\d)?=)([^;\s]{17,})")
SECRETS = {"password", "token", "access_token", "refresh_token", "id_token"}
ASKED = (
    "Origin", "Sec-Fetch-Site", "Access-Control-Request-Method",
    "Access-Control-Request-Headers", "Authorization", "DPoP", "Cookie",
)  # fmt: skip
ANSWERED = (
    "Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
    "WWW-Authenticate", "Retry-After", "Location", "Set-Cookie",
)  # fmt: skip
LONGEST = 300
LINE = "\n      "


def shortened(text: str) -> str:
    """Return *text* with the middle of every token left out."""
    text = JWT.sub(lambda found: _middle_out(found[0]), text)
    return OPAQUE.sub(lambda found: found[1] + _middle_out(found[2]), text)


def _middle_out(secret: str) -> str:
    return f"{secret[:6]}…{secret[-4:]}" if len(secret) > 16 else "…"


def show(console: Console, number: int, outcome: Outcome) -> None:
    """Print one step: the request, the answer, what was promised."""
    console.print()
    console.print(_title(number, outcome))
    for exchange in outcome.exchanges:
        console.print(_asked(exchange.request))
        console.print(_answered(exchange))
    for check in outcome.checks:
        mark = ("    ✓ ", "green") if check.kept else ("    ✗ ", "bold red")
        style = "green" if check.kept else "bold red"
        console.print(Text.assemble(mark, (shortened(check.promise), style)))


def _title(number: int, outcome: Outcome) -> Text:
    style = "bold" if outcome.good else "bold red"
    return Text.assemble((f"{number:>2}  ", "dim"), (outcome.step.title, style))


def _asked(request: httpx.Request) -> Text:
    text = Text.assemble("    → ", (f"{request.method} {request.url}", "bold cyan"))
    _headers(text, request.headers, ASKED)
    body = _body(request.content, request.headers.get("content-type", ""))
    return text.append(f"{LINE}{body}", "dim") if body else text


def _answered(exchange: Exchange) -> Text:
    answer = exchange.answer
    color = "green" if answer.status_code < 400 else "yellow"
    status = f"{answer.status_code} {httpx.codes.get_reason_phrase(answer.status_code)}"
    milliseconds = answer.elapsed.total_seconds() * 1000
    text = Text.assemble(
        "    ← ", (status, f"bold {color}"), (f"  {milliseconds:.0f} ms", "dim")
    )
    _headers(text, answer.headers, ANSWERED)
    crossed = exchange.request.headers.get("origin")
    if crossed and "access-control-allow-origin" not in answer.headers:
        text.append(f"{LINE}(no Access-Control-Allow-Origin)", "dim")
    body = _body(answer.content, answer.headers.get("content-type", ""))
    return text.append(f"{LINE}{body}", "dim") if body else text


def _headers(text: Text, headers: httpx.Headers, names: tuple[str, ...]) -> None:
    for name in names:
        for value in headers.get_list(name):
            text.append(f"{LINE}{name}: ", "blue")
            text.append(shortened(value))


def _body(content: bytes, kind: str) -> str:
    """One line about the body: secrets shortened, pages named only."""
    if not content:
        return ""
    if kind.startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(content.decode())
        return " ".join(f"{name}={_masked(name, value)}" for name, value in pairs)
    if kind.startswith("text/html"):
        return f"(a page of {len(content)} bytes)"
    return shortened(_json(content))[:LONGEST]


def _masked(name: str, value: str) -> str:
    # Not even the length of a password is shown.
    return "…" if name == "password" else _secret(name, value)


def _secret(name: str, value: str) -> str:
    return _middle_out(value) if name in SECRETS else value


def _json(content: bytes) -> str:
    try:
        body = json.loads(content)
    except ValueError:
        return content.decode(errors="replace").strip()
    if isinstance(body, dict):
        body = {
            name: _secret(name, value) if isinstance(value, str) else value
            for name, value in body.items()
        }
    return json.dumps(body, ensure_ascii=False)
