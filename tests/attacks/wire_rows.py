"""Attacks with header fields, paths, methods, origins and forms: what, source, answer."""

from __future__ import annotations

from typing import Any

from tests.wire.case import Case
from tests.wire.cases_grants import FORM, JSON, SETTINGS, basic
from tests.wire.tokens import EVIL, ISSUER, WWW, bearer, cookie, origin, raw, site
from tests.wire.worlds import Ask

# ruff: noqa: E501  # a table reads better with one row a line

TOKEN = ISSUER.token()
COOKIE = {"COOKIE": "token"}
PROXY = {"TRUSTED_PROXIES": "10.0.0.0/8"}
RULES = {
    "PUBLIC_PATHS": "/static/* /notes",
    "SCOPES": "POST:/notes=notes:write GET:/admin/*=admin DELETE:/static/*=admin",
}
WORLDS = ("wsgi", "asyncio")
PLAIN: Any = {"scheme": "http"}


def row(
    what: str, source: str, ask: Ask, status: int, error: str | None = None, **more: Any
) -> Case:
    """One attack, and the answer that it gets in every world."""
    return Case(
        name=f"{what} ({source})",
        ask=ask,
        status=status,
        error=error,
        worlds=WORLDS,
        **more,
    )


def sends(*headers: tuple[str, str], **ask: Any) -> Ask:
    """A request with these fields."""
    return Ask(headers=headers, **ask)


HEADERS: list[Case] = [
    *(
        row(f"the token in {name}", "RFC 6750 2", sends((name, f"Bearer {TOKEN}")), 401, "missing_token")
        for name in ("Proxy-Authorization", "X-Authorization", "X-Forwarded-Authorization", "X-Access-Token", "Authentication")
    ),
    row("the token in the query", "RFC 6750 2.3; RFC 9700 4.3.2", Ask(query=f"access_token={TOKEN}"), 401, "missing_token"),
    row("the token in the form", "RFC 6750 2.2", sends(FORM, method="POST", body=f"access_token={TOKEN}".encode()), 401, "missing_token"),
    row("a no-break space after Bearer", "parser differential", sends(raw(f"Bearer\u00a0{TOKEN}")), 400, "invalid_request"),
    row("an em space in the token", "parser differential", sends(raw(f"Bearer {TOKEN}\u0085x")), 400, "invalid_request"),
    row("a vertical tab", "parser differential", sends(raw(f"Bearer\x0b{TOKEN}")), 400, "invalid_request"),
    row("a semicolon", "parser differential", sends(raw(f"Bearer {TOKEN};x")), 400, "invalid_request"),
    row("an auth-param beside the token", "RFC 9110 11.4", sends(raw(f"Bearer {TOKEN} realm=x")), 400, "invalid_request"),
    row("the token as an auth-param", "RFC 9110 11.4", sends(raw(f"Bearer token={TOKEN}")), 400, "invalid_request"),
    row("only padding", "RFC 9110 11.2", sends(raw("Bearer ====")), 400, "invalid_request"),
    row("Bearer twice", "RFC 9110 11.4", sends(raw(f"Bearer Bearer {TOKEN}")), 400, "invalid_request"),
    row("an empty Authorization", "RFC 9110 11.6.2", sends(raw("")), 401, "missing_token"),
    row("a comma alone", "RFC 9110 5.3", sends(raw(",")), 400, "invalid_request"),
    row("an empty one before it", "RFC 9110 5.3", sends(raw(""), bearer()), 400, "invalid_request"),
    row("100 kB of token", "resource use", sends(raw("Bearer " + "A" * 100_000)), 431),
    row("100 kB of blanks", "resource use", sends(raw("Bearer " + " " * 100_000 + TOKEN)), 431),
    row("100 kB of another scheme", "resource use", sends(raw("Basic " + "A" * 100_000)), 431),
    row("100 kB of cookies", "resource use", sends(("Cookie", "a=b; " * 20_000 + "c=d")), 401, "missing_token", settings=COOKIE),
    row("a cookie token of 100 kB", "resource use", sends(("Cookie", "token=" + "A" * 100_000)), 431, settings=COOKIE),
    row("a cookie planted by a sibling", "cookie tossing; RFC 6265 8.6", sends(("Cookie", f"token={TOKEN}; token=x")), 400, "invalid_request", settings=COOKIE),
    row("fields joined by a comma", "RFC 9113 8.2.3", sends(("Cookie", f"x=y,token={TOKEN}")), 401, "missing_token", settings=COOKIE),
    row("__Host- in another case", "RFC 6265bis 4.1.3.2", sends(("Cookie", f"__host-token={TOKEN}")), 401, "missing_token", settings={"COOKIE": "__Host-token"}),
    # What only servers and proxies may say.
    *(
        row(f"http made https by {name}: {value}", "CWE-348", sends(bearer(), (name, value), **PLAIN), 403, "insecure_transport")
        for name, value in {
            "X-Forwarded-Proto": "https", "X_Forwarded_Proto": "https", "Forwarded": "proto=https",
            "X-Forwarded-Ssl": "on", "Front-End-Https": "on", "X-Url-Scheme": "https",
        }.items()
    ),
    *(
        row(f"loopback by {name}", "CWE-290", sends(bearer(), (name, "127.0.0.1"), host="localhost", **PLAIN), 403, "insecure_transport")
        for name in ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP")
    ),
    *(
        row(f"Host {host} from elsewhere", "CWE-290", sends(bearer(), host=host, **PLAIN), 403, "insecure_transport")
        for host in ("localhost", "127.0.0.1", "[::1]", "localhost:80")
    ),
    *(
        row(f"a peer that looks like loopback: {peer}", "CWE-290", sends(bearer(), host="localhost", peer=peer, **PLAIN), 403, "insecure_transport")
        for peer in ("127.0.0.1.evil.example", "0.0.0.0", "::", "::ffff:192.0.2.1", "localhost", "127.1", "0177.0.0.1", "")
    ),
    row("a proxy we trust, a scheme it does not know", "CWE-348", sends(bearer(), ("X-Forwarded-Proto", "httpss"), peer="10.0.0.1", **PLAIN), 403, "insecure_transport", settings=PROXY),
    row("https, said by the client before the proxy's http", "CWE-348", sends(bearer(), ("X-Forwarded-Proto", "https, http"), peer="10.0.0.1", **PLAIN), 403, "insecure_transport", settings=PROXY),
    row("trusted addresses, named by the client", "CWE-348", sends(bearer(), ("X-Forwarded-For", "10.0.0.2, 10.0.0.3, 192.0.2.9"), ("X-Forwarded-Proto", "https, http"), peer="10.0.0.1", **PLAIN), 403, "insecure_transport", settings=PROXY),
    row("a proxy address as text", "CWE-348", sends(bearer(), ("X-Forwarded-Proto", "https"), peer="10.0.0.1.evil.example", **PLAIN), 403, "insecure_transport", settings=PROXY),
    row("a name for the site in X-Forwarded-Host", "CWE-348", sends(cookie(), origin(EVIL), ("X-Forwarded-Host", "evil.example"), method="POST"), 403, "invalid_origin", settings=COOKIE),
    row("a name for the site in Forwarded", "CWE-348", sends(cookie(), origin(EVIL), ("Forwarded", "host=evil.example"), method="POST"), 403, "invalid_origin", settings=COOKIE),
    row("Origin and Host agree on a stranger", "DNS rebinding", sends(cookie(), origin(EVIL), host="evil.example", method="POST"), 403, "invalid_origin", settings={**COOKIE, "PUBLIC_URL": "https://api.example"}),
    row("two words in Sec-Fetch-Site", "parser differential", sends(cookie(), origin(EVIL), *site("same-origin"), *site("cross-site"), method="POST"), 403, "invalid_origin", settings=COOKIE),
    row("Sec-Fetch-Site in capitals", "parser differential", sends(cookie(), origin(EVIL), *site("Same-Origin"), method="POST"), 403, "invalid_origin", settings=COOKIE),
    row("Referer in place of Origin", "RFC 6454", sends(cookie(), ("Referer", "https://api.example/"), method="POST"), 403, "invalid_origin", settings=COOKIE),
]  # fmt: skip

METHODS: list[Case] = [
    *(
        row(f"POST written {method}", "werkzeug folds the case", Ask(method=method, path="/notes"), 401, "missing_token", settings=RULES)
        for method in ("post", "Post", "POST")
    ),
    row("DELETE written delete", "werkzeug folds the case", Ask(method="delete", path="/static/x"), 401, "missing_token", settings=RULES),
    *(
        row(f"{name}: GET becomes {method} for nobody here", "method override", sends((name, method), path="/notes"), 200, settings=RULES)
        for name, method in (("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "DELETE"), ("X-HTTP-Method", "PUT"))
    ),
    row("a POST that says GET", "method override", sends(("X-HTTP-Method-Override", "GET"), method="POST", path="/notes"), 401, "missing_token", settings=RULES),
    row("_method in the query", "method override", Ask(method="POST", path="/notes", query="_method=GET"), 401, "missing_token", settings=RULES),
    row("OPTIONS that is no preflight", "Fetch, CORS-preflight", sends(origin(WWW), method="OPTIONS"), 401, "missing_token", cors=WWW),
    row("options in small letters is no preflight", "Fetch, CORS-preflight", sends(origin(WWW), ("Access-Control-Request-Method", "GET"), method="options"), 401, "missing_token", cors=WWW),
    row("a preflight by GET", "Fetch, CORS-preflight", sends(origin(WWW), ("Access-Control-Request-Method", "GET")), 401, "missing_token", cors=WWW),
    row("TRACE", "cross-site tracing", sends(cookie(), method="TRACE"), 403, "invalid_origin", settings=COOKIE),
    row("a method of 1 kB", "resource use", Ask(method="X" * 1000), 401, "missing_token"),
]  # fmt: skip

PATHS: list[Case] = [
    *(
        row(f"{name} names a public path", "CWE-436; CVE-2018-14773", sends((name, "/static/x"), path="/secret"), 401, "missing_token", settings={"PUBLIC_PATHS": "/static/*"})
        for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-Forwarded-Uri", "Content-Location")
    ),
    *(
        row(f"a public path spelt {path!r}", "CWE-22; CWE-436", Ask(path=path), 401, "missing_token", settings={"PUBLIC_PATHS": "/static/*"})
        for path in (
            "", "*", "static/x", "https://api.example/static/x", "/static/..\x00/", "/static/.\x00./x", "/static/\x7f",
            "/static/x\n", "/static/..\t/x", "/static/%2e%2e%2fx", "/static/%u002e", "/\u017ftatic/x", "/STATIC/X",
            "/static\u2215x", "/static\uff0fx", "/static/\ufffd", "/stat\u0131c/x", "/./static/x", "/../static/x", "/static/../static/x", "\\static\\x",
        )
    ),
    *(
        row(f"a target of {target!r}", "CWE-436", Ask(path="/static/a/x", raw_path=target), 401, "missing_token", settings={"PUBLIC_PATHS": "/static/*"})
        for target in ("/static/a%2fx", "/static/a%2Fx", "/static/a%5cx", "/static%2fa/x")
    ),
    row("an encoded slash in the query is no path", "RFC 3986 3.3", Ask(path="/static/x", raw_path="/static/x?next=%2Fadmin"), 200, settings={"PUBLIC_PATHS": "/static/*"}),
    *(
        row(f"the admin spelt {path!r}", "CWE-436", sends(bearer(), path=path), status, error, settings=RULES)
        for path, status, error in (
            ("/admin", 403, "insufficient_scope"), ("/ADMIN/x", 403, "insufficient_scope"), ("/Admin/", 403, "insufficient_scope"),
            ("/adm\u0131n/x", 400, "invalid_request"), ("/admin//x", 400, "invalid_request"), ("/x/../admin/y", 400, "invalid_request"),
            ("/admin;a/x", 400, "invalid_request"), ("/admin%2fx", 400, "invalid_request"), ("/admin\\x", 400, "invalid_request"),
            ("admin/x", 400, "invalid_request"), ("", 400, "invalid_request"),
            ("/adm\u0130n/x", 400, "invalid_request"), ("/adm\ufffdin/x", 400, "invalid_request"),
        )
    ),
]  # fmt: skip

LOOK_ALIKES = (
    WWW + "\x00", WWW + "%00", WWW + "\t", WWW + ".", WWW + ":443", WWW + ":0443", WWW + ":", WWW + "/..", WWW + "?", WWW + "#",
    WWW + "@evil.example", WWW + "\\@evil.example", f"https://evil.example#{WWW}", f"https://evil.example/{WWW}",
    "https://www.example.com", "https://wwwxexample", "https://www-example", "https://sub.www.example", "https://example",
    "https://www.exampl\xe9", "https://\uff57ww.example".encode().decode("latin-1"), "https://xn--www-example", "//www.example", "www.example",
    "wss://www.example", "http://www.example:443", "capacitor://www.example", "file://", "NULL", "undefined", "*", f"{WWW} {WWW}",
    f"{WWW},{EVIL}", f"{EVIL},{WWW}", f"{WWW};{EVIL}", "https://[::ffff:192.0.2.1]", "chrome-extension://www.example", "data:", "A" * 8000,
)  # fmt: skip

ORIGINS: list[Case] = [
    *(
        row(f"an origin like {text[:40]!r}", "RFC 6454 4, exactly; CWE-942", sends(bearer(), origin(text), method="POST"), 403, "invalid_origin")
        for text in LOOK_ALIKES
    ),
    *(
        row(f"a preflight from {text[:40]!r}", "Fetch, CORS-preflight; CWE-942", sends(origin(text), ("Access-Control-Request-Method", "GET"), method="OPTIONS"), 403)
        for text in (*LOOK_ALIKES, "null", "", EVIL)
    ),
    row("a preflight of any method and header", "Fetch, CORS-preflight", sends(origin(WWW), ("Access-Control-Request-Method", "TRACE"), ("Access-Control-Request-Headers", "x-evil, *"), method="OPTIONS"), 204, cors=WWW, ran=False),
    row("a preflight for the local network", "Private Network Access", sends(origin(WWW), ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Private-Network", "true"), method="OPTIONS"), 204, cors=WWW, ran=False, absent=("access-control-allow-private-network",)),
]  # fmt: skip


def form(
    what: str, source: str, body: bytes, status: int, *headers: tuple[str, str]
) -> Case:
    """A form on a token path, as an attacker writes it; the app must not see it."""
    kind = () if any(name == "Content-Type" for name, _ in headers) else (FORM,)
    error = {
        403: "unauthorized_client",
        400: "invalid_request",
        413: "invalid_request",
    }[status]
    ask = Ask(method="POST", path="/oauth/token", headers=(*kind, *headers), body=body)
    return row(
        what,
        source,
        ask,
        status,
        error,
        settings={**SETTINGS, "REFRESH_CLIENTS": ""},
        app=JSON,
    )


SMUGGLED = "parser differential; CWE-444"
REFRESH = b"grant_type=refresh_token&refresh_token=r"
FORMS: list[Case] = [
    form("refresh, escaped", SMUGGLED, b"grant%5Ftype=refresh%5Ftoken&client%5fid=batch", 403),
    form("refresh, every letter escaped", SMUGGLED, b"grant_type=" + "".join(f"%{ord(c):02X}" for c in "refresh_token").encode() + b"&client_id=batch", 403),
    form("refresh under two spellings of a name", SMUGGLED, b"grant_type=password&grant%5Ftype=refresh_token&client_id=spa", 400),
    form("an array of PHP", SMUGGLED, b"grant_type=password&grant_type[]=refresh_token&client_id=spa", 400),
    form("an array of Rails", SMUGGLED, b"grant_type[x]=refresh_token&client_id=spa", 400),
    form("a name cut at NUL", SMUGGLED, b"grant_type=password&grant_type%00x=refresh_token", 400),
    form("a value cut at NUL", SMUGGLED, b"grant_type=refresh_token%00&client_id=spa", 400),
    form("a client cut at NUL", SMUGGLED, b"client_id=batch%00spa&" + REFRESH, 400),
    form("a dot for an underscore", SMUGGLED, b"grant_type=password&grant.type=refresh_token", 400),
    form("a blank for an underscore", SMUGGLED, b"grant_type=password&grant+type=refresh_token", 400),
    form("a line end", SMUGGLED, b"grant_type=refresh_token%0d%0a&client_id=batch", 400),
    form("a line end, raw", SMUGGLED, b"grant_type=refresh_token\r\n&client_id=batch", 400),
    form("a no-break space", SMUGGLED, b"grant_type=refresh_token%C2%A0&client_id=batch", 400),
    form("%u escapes", SMUGGLED, b"grant_type=refresh%u005ftoken&client_id=batch", 400),
    form("overlong UTF-8", SMUGGLED, b"grant_type=refresh%C1%9Ftoken&client_id=batch", 400),
    form("a BOM before the form", SMUGGLED, b"\xef\xbb\xbfgrant_type=refresh_token&client_id=batch", 400),
    form("full-width letters", SMUGGLED, "grant_type=\uff52efresh_token&client_id=batch".encode(), 400),
    form("the separator inside a value", SMUGGLED, b"client_id=spa%26client_id%3Dbatch&" + REFRESH, 403),
    form("a semicolon inside a value", SMUGGLED, b"client_id=spa&scope=a;client_id=batch&" + REFRESH, 400),
    form("UTF-7", SMUGGLED, REFRESH, 400, ("Content-Type", "application/x-www-form-urlencoded; charset=utf-7")),
    form("two charsets", SMUGGLED, REFRESH, 400, ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8; charset=utf-7")),
    form("multipart", SMUGGLED, REFRESH, 400, ("Content-Type", "multipart/form-data; boundary=x")),
    form("no type", SMUGGLED, REFRESH, 400, ("Content-Type", "")),
    form("two types in one", SMUGGLED, REFRESH, 400, ("Content-Type", "application/x-www-form-urlencoded, application/json")),
    form("1,000 parameters", "hash flooding", b"&".join(b"a%d=" % n for n in range(1000)), 400),
    form("100 kB", "resource use", b"grant_type=password&x=" + b"a" * 100_000, 413),
    form("Basic and body, one client in two spellings", SMUGGLED, b"client_id=Batch&" + REFRESH, 400, basic("batch:x")),
    form("Basic of a client that may not", "RFC 6749 2.3.1", REFRESH, 403, basic("spa:x")),
    form("Basic, escaped", "RFC 6749 2.3.1", REFRESH, 403, basic("sp%61:x")),
    form("Basic without the end of its padding", "parser differential", REFRESH, 400, raw("Basic c3BhOng")),
    form("Basic with more after it", "parser differential", REFRESH, 400, raw("Basic c3BhOng=YmF0Y2g6eA==")),
    form("an assertion in place of the client", "RFC 7523 2.2", REFRESH + b"&client_assertion=x", 403),
    form("a grant that renews in other words", "RFC 8693", b"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&client_id=spa", 403, origin(EVIL)),
    form("the stranger's page, no client", "RFC 9700 2.4", b"grant_type=password&username=a&password=b", 403, origin(EVIL)),
]  # fmt: skip

TABLE: list[Case] = [*HEADERS, *METHODS, *PATHS, *ORIGINS, *FORMS]
