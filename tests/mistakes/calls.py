"""Mistakes of clients and of proxies, and their answers."""

from __future__ import annotations

from .made import Table, explained, sent

CALLS: Table = {
    "the ID token is sent": ("explain", explained(lambda issuer: issuer.id_token())),
    "the token is for another API": (
        "explain",
        explained(lambda issuer: issuer.wrong_audience()),
    ),
    "the token has expired": ("explain", explained(lambda issuer: issuer.expired())),
    "the page is at another origin": (
        "explain",
        explained(lambda issuer: issuer.token(), origin="https://elsewhere.example"),
    ),
    "the page is at the right name, with another port": (
        "explain",
        explained(lambda issuer: issuer.token(), origin="https://www.example:8443"),
    ),
    "the token comes without `Bearer`": (
        "log",
        sent(lambda issuer: {"Authorization": issuer.token()}),
    ),
    "the token comes as `Token`": (
        "log",
        sent(lambda issuer: {"Authorization": f"Token {issuer.token()}"}),
    ),
    "`Bearer` stands there twice": (
        "log",
        sent(lambda issuer: {"Authorization": f"Bearer Bearer {issuer.token()}"}),
    ),
    "the token is in quotes": (
        "log",
        sent(lambda issuer: {"Authorization": f'Bearer "{issuer.token()}"'}),
    ),
    "a variable of the page is not set": (
        "log",
        sent(lambda _: {"Authorization": "Bearer undefined"}),
    ),
    "a template was not filled in": (
        "log",
        sent(lambda _: {"Authorization": "Bearer {{ token }}"}),
    ),
    "the token is in the query": (
        "log",
        sent(lambda _: {}, path="/notes?access_token=x"),
    ),
    "the token is in a cookie that no setting names": (
        "log",
        sent(lambda issuer: {"Cookie": f"jwt={issuer.token()}"}),
    ),
    "a proxy ends TLS, and is not trusted": (
        "log",
        sent(base_url="http://api.example.com"),
    ),
}
"""By the words of docs/mistakes.md."""
