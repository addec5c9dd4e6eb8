"""What a foreign page tries in order to get a token out of a token path.

Each row is a way to make the guard read one thing and a token server behind it another.
In every row a page of the stranger's, or one that hides where it is, spends a refresh
token of client ``spa``; ``ran`` stays false in every world.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote, urlencode

from tests.wire.case import Case
from tests.wire.cases_grants import FORM, REFRESH, SETTINGS
from tests.wire.tokens import EVIL, OTHER, WWW, origin, raw, site
from tests.wire.worlds import Ask

KIND = "Content-Type"
MIME = FORM[1]
STOLEN = urlencode(REFRESH)
LOGIN = "grant_type=password&client_id=spa&username=alice&password=p"
HERE = origin(EVIL)
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND_OF_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"


def basic(text: str) -> tuple[str, str]:
    """Return an Authorization field of the Basic scheme."""
    return raw(f"Basic {b64encode(text.encode()).decode()}")


def nested(text: str) -> str:
    """Return *text* with each character escaped twice."""
    return "".join(f"%25{ord(character):02X}" for character in text)


Row = tuple[str, dict[str, object], int]
TRIED: tuple[Row, ...] = (
    # where the page says it is
    ("as it is", {}, 403),
    ("no Origin, as cross-site forms of old browsers", {"at": ()}, 403),
    ("no Origin, marked cross-site", {"at": site("cross-site")}, 403),
    ("Origin null, from a sandboxed frame", {"at": (origin("null"),)}, 403),
    ("an empty Origin", {"at": (origin(""),)}, 403),
    ("two Origins, one the client's", {"at": (origin(WWW), HERE)}, 400),
    ("two Origins in one field", {"at": (origin(f"{WWW}, {EVIL}"),)}, 400),
    ("the client's Origin in capitals", {"at": (origin(WWW.upper()),)}, 403),
    ("the client's Origin with a path", {"at": (origin(f"{WWW}/"),)}, 403),
    ("the client's Origin with a port", {"at": (origin(f"{WWW}:443"),)}, 403),
    ("the client's Origin as a subdomain", {"at": (origin(f"{WWW}.evil"),)}, 403),
    ("the page of another client", {"at": (origin(OTHER),)}, 403),
    ("the API's own page", {"at": (origin("https://api.example"),)}, 403),
    ("same-origin by word alone", {"at": (HERE, *site("same-origin"))}, 403),
    ("X-Forwarded-Host", {"at": (HERE, ("X-Forwarded-Host", WWW[8:]))}, 403),
    ("a Referer of the client's", {"at": (HERE, ("Referer", WWW))}, 403),
    # content type
    ("JSON", {"kind": "application/json"}, 400),
    ("text/plain, which needs no preflight", {"kind": "text/plain"}, 400),
    ("multipart, which needs no preflight", {"kind": "multipart/form-data"}, 400),
    ("no content type", {"kind": None}, 400),
    ("an empty content type", {"kind": ""}, 400),
    ("two content types in one field", {"kind": f"{MIME}, {MIME}"}, 400),
    ("a content type with a tail", {"kind": f"{MIME}x"}, 400),
    ("a content type in capitals is read all the same", {"kind": MIME.upper()}, 403),
    # character sets and codings
    ("UTF-7 by parameter", {"kind": f"{MIME}; charset=utf-7"}, 400),
    ("UTF-16 by parameter", {"kind": f"{MIME}; charset=utf-16"}, 400),
    ("EBCDIC by parameter", {"kind": f"{MIME}; charset=ibm037"}, 400),
    ("two charsets", {"kind": f"{MIME}; charset=utf-8; charset=utf-7"}, 400),
    ("_charset_ in the form", {"body": f"_charset_=utf-7&{STOLEN}"}, 400),
    ("_Charset_ in the form", {"body": f"{LOGIN}&_Charset_=ibm037"}, 400),
    ("a byte order mark", {"body": "\ufeff" + STOLEN}, 400),
    ("gzip", {"more": (("Content-Encoding", "gzip"),)}, 400),
    ("identity, then gzip", {"more": (("Content-Encoding", "identity, gzip"),)}, 400),
    # the grant
    ("Refresh_Token", {"grant": "Refresh_Token"}, 400),
    ("REFRESH_TOKEN", {"grant": "REFRESH_TOKEN"}, 400),
    ("a blank before", {"grant": " refresh_token"}, 400),
    ("a blank behind", {"grant": "refresh_token "}, 400),
    ("a NUL behind", {"grant": "refresh_token\0"}, 400),
    ("a line break behind", {"grant": "refresh_token\r\n"}, 400),
    ("quotes", {"grant": '"refresh_token"'}, 400),
    ("a list", {"grant": "password,refresh_token"}, 400),
    ("two grants", {"grant": "password refresh_token"}, 400),
    ("escaped twice", {"grant": "refresh%5Ftoken"}, 400),
    ("a wide letter", {"grant": "refresh\uff3ftoken"}, 400),
    ("escaped once, which is the same", {"grant_raw": "%72efresh%5ftoken"}, 403),
    ("another grant, with a refresh token", {"grant": "password"}, 403),
    ("a grant of one's own, with one", {"grant": "urn:x:renew"}, 403),
    # parameters
    ("grant_type twice", {"body": f"grant_type=password&{STOLEN}"}, 400),
    ("grant_type twice, the other way", {"body": f"{STOLEN}&grant_type=password"}, 400),
    ("Grant_Type beside it", {"body": f"{LOGIN}&Grant_Type=refresh_token"}, 400),
    ("GRANT_TYPE alone", {"body": STOLEN.replace("grant_type", "GRANT_TYPE")}, 400),
    ("grant_type[]", {"body": f"{LOGIN}&grant_type[]=refresh_token"}, 400),
    ("grant.type, as PHP reads it", {"body": f"{LOGIN}&grant.type=refresh_token"}, 400),
    ("grant type, as PHP reads it", {"body": f"{LOGIN}&grant+type=refresh_token"}, 400),
    ("a name escaped twice", {"body": f"{LOGIN}&grant%255Ftype=refresh_token"}, 400),
    ("a name with NUL", {"body": f"{LOGIN}&grant_type%00=refresh_token"}, 400),
    ("; as separator", {"body": f"{LOGIN};grant_type=refresh_token"}, 400),
    ("&amp; as separator", {"body": f"{LOGIN}&amp;grant_type=refresh_token"}, 400),
    ("a name without a value", {"body": f"{STOLEN}&client_id"}, 400),
    ("bytes that are no UTF-8", {"body": f"{STOLEN}&a=%ff"}, 400),
    ("overlong UTF-8", {"body": f"{LOGIN}&grant%c1%9ftype=refresh_token"}, 400),
    ("half a surrogate", {"body": f"{STOLEN}&a=%ed%a0%80"}, 400),
    ("half an escape", {"body": f"{STOLEN}&a=%f"}, 400),
    ("in the query", {"body": LOGIN, "query": STOLEN}, 400),
    ("in the query alone", {"body": "", "query": STOLEN}, 400),
    ("an empty body", {"body": ""}, 400),
    # the client
    ("client_id twice", {"body": f"{STOLEN}&client_id=batch"}, 400),
    ("Client_Id beside it", {"body": f"{STOLEN}&Client_Id=batch"}, 400),
    ("a client id escaped twice", {"client": "s%70a"}, 403),
    ("a client id in capitals", {"client": "SPA"}, 403),
    ("a blank before the client id", {"client": " spa"}, 400),
    ("a NUL behind the client id", {"client": "spa\0"}, 400),
    ("a client without origins, from a page", {"client": "batch"}, 403),
    ("no client", {"body": "grant_type=refresh_token&refresh_token=r"}, 403),
    ("Basic of another client", {"more": (basic("batch:x"),)}, 400),
    ("Basic, escaped once", {"client": "batch", "more": (basic("%73pa:x"),)}, 400),
    ("Basic, of the same client", {"more": (basic("spa:x"),)}, 403),
    ("Basic without a colon", {"more": (basic("spa"),)}, 400),
    ("Basic and Bearer", {"more": (basic("spa:x"), raw("Bearer x"))}, 400),
    ("Basic, comma, Basic", {"more": (raw("Basic YTpi, Basic YTpi"),)}, 400),
    ("Basic with a tab", {"more": (raw("Basic\tYTpi"),)}, 400),
    # framing and method
    ("a length and chunks", {"more": (("Transfer-Encoding", "chunked"),)}, 400),
    ("another coding", {"more": (("Transfer-Encoding", "gzip, chunked"),)}, 400),
    ("a length that is a lie", {"length": "9"}, 400),
    ("two lengths", {"more": (("Content-Length", "9"),)}, 400),
    ("a signed length", {"length": "+9"}, 400),
    ("a length in other digits", {"length": "\u00b2"}, 400),
    ("GET with a body", {"method": "GET"}, 405),
    ("PUT", {"method": "PUT"}, 405),
    ("post in small letters", {"method": "post"}, 405),
    (
        "GET that means POST",
        {"method": "GET", "more": (("X-HTTP-Method-Override", "POST"),)},
        405,
    ),
    (
        "POST that means GET",
        {"more": (("X-HTTP-Method-Override", "GET"),)},
        403,
    ),
    ("_method in the form", {"body": f"{STOLEN}&_method=PUT"}, 403),
    ("OPTIONS with a body", {"method": "OPTIONS"}, 405),
    ("HEAD", {"method": "HEAD"}, 405),
    # the path
    ("a slash behind", {"path": "/oauth/token/"}, 403),
    ("capitals", {"path": "/OAUTH/Token"}, 403),
    ("the Kelvin sign for k", {"path": "/oauth/to\u212aen"}, 403),
    ("two slashes", {"path": "/oauth//token"}, 400),
    ("two slashes in front", {"path": "//oauth/token"}, 400),
    ("a dot", {"path": "/oauth/./token"}, 400),
    ("two dots", {"path": "/x/../oauth/token"}, 400),
    ("a path parameter", {"path": "/oauth/token;x=1"}, 400),
    ("a backslash", {"path": "/oauth\\token"}, 400),
    ("a NUL", {"path": "/oauth/token\0"}, 400),
    ("a line break", {"path": "/oauth/token\n"}, 400),
    ("escaped twice in the path", {"path": "/oauth/%74oken"}, 400),
    ("an escaped slash", {"target": "/oauth%2Ftoken"}, 400),
    ("an escaped slash behind", {"target": "/oauth/token%2f"}, 400),
    ("escaped once in the path", {"target": "/oauth/%74oken"}, 403),
)  # fmt: skip


def _body(row: dict[str, object]) -> bytes:
    if "body" in row:
        return str(row["body"]).encode()
    form = {**REFRESH}
    if "grant" in row:
        form["grant_type"] = str(row["grant"])
    if "client" in row:
        form["client_id"] = str(row["client"])
    if "grant_raw" in row:
        del form["grant_type"]
        return f"grant_type={row['grant_raw']}&{urlencode(form)}".encode()
    return urlencode(form, quote_via=quote).encode()


def _ask(row: dict[str, object]) -> Ask:
    kind = row.get("kind", MIME)
    at: tuple[tuple[str, str], ...] = row.get("at", (HERE,))  # type: ignore[assignment]
    more: tuple[tuple[str, str], ...] = row.get("more", ())  # type: ignore[assignment]
    kinds = () if kind is None else ((KIND, str(kind)),)
    target = row.get("target")
    return Ask(
        method=str(row.get("method", "POST")),
        path=str(row.get("path", "/oauth/token")),
        raw_path=None if target is None else str(target),
        query=str(row.get("query", "")),
        headers=(*kinds, *at, *more),
        body=_body(row),
        length=str(row.get("length", "auto")),
    )


def _case(name: str, row: dict[str, object], status: int) -> Case:
    return Case(
        name=f"bypass: {name}",
        ask=_ask(row),
        settings=SETTINGS,
        status=status,
        ran=False,
    )


def _renewal(name: str, page: str | None, body: dict[str, str]) -> Case:
    """A refresh token under another grant: for the page to read, and no token in it."""
    at = () if page is None else (origin(page),)
    return Case(
        name=f"bypass: {name}",
        ask=_ask({"at": at, "body": urlencode(body)}),
        settings=SETTINGS,
        status=403,
        error="unauthorized_client",
        ran=False,
        cors=page,
    )


TRADE = {
    "grant_type": EXCHANGE,
    "subject_token": "r",
    "subject_token_type": KIND_OF_TOKEN,
}

BYPASSES = [
    *(_case(*row) for row in TRIED),
    _renewal("token exchange, no Origin", None, {**TRADE, "client_id": "spa"}),
    _renewal("token exchange, refresh is off", OTHER, {**TRADE, "client_id": "other"}),
    _renewal(
        "token exchange in capitals, refresh is off",
        OTHER,
        {
            **TRADE,
            "client_id": "other",
            "subject_token_type": KIND_OF_TOKEN.upper(),
        },
    ),
    _renewal(
        "another grant with a refresh token, refresh is off",
        OTHER,
        {"grant_type": "password", "client_id": "other", "refresh_token": "r"},
    ),
]
