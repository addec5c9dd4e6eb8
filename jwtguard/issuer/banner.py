"""What ``jwtguard issuer`` prints when it starts: settings of the API, commands."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from shlex import quote

from .config import Client, Config, User


def banner(config: Config, url: str) -> str:
    """Return the text for an issuer called *url*."""
    exports = "\n".join(f"  export {one}" for one in _exports(config, url))
    users = "\n".join(_user_line(one, config.users) for one in config.users)
    first = config.users[0].name
    public = next((one.id for one in config.clients if one.secret is None), "ID")
    signalled = "   (or send SIGUSR1)" if hasattr(signal, "SIGUSR1") else ""
    nonce = " and a nonce" if config.dpop_nonce else ""
    return f"""
*** DEVELOPMENT TOKEN SERVER: plain passwords, keys in memory. Never for production. ***

Listening at {url}; paste this where your API runs:

{exports}
{_introspection(config)}
Users:
{users}

Rotate the key:  curl -X POST {url}/dev/rotate{signalled}
Add a client:    jwtguard issuer --client ID=http://localhost:3000
Outage on, off:  curl -X POST {url}/dev/outage; curl -X DELETE {url}/dev/outage
Sign a user out: curl -d user={first} {url}/dev/logout
Revoke a token:  curl -d client_id={public} -d token=TOKEN {url}/oauth/revoke
Bound tokens:    send a DPoP proof{nonce} with the form; docs/dpop.md shows how
"""


def _exports(config: Config, url: str) -> Iterator[str]:
    # An API asks about tokens; it is not where users sign in.
    listed = [one for one in config.clients if not _is_api(one)]
    clients = " ".join(
        f"{one.id}={','.join(one.origins)}" if one.origins else one.id for one in listed
    )
    refresh = " ".join(one.id for one in listed if one.refresh)
    yield f"JWTGUARD_ISSUER={url}"
    yield f"JWTGUARD_AUDIENCE={config.audience}"
    yield "JWTGUARD_PROFILE=rfc9068"
    yield f'JWTGUARD_CLIENTS="{clients}"'
    yield f'JWTGUARD_REFRESH_CLIENTS="{refresh}"'
    if config.opaque:
        yield from _questions(config, "opaque")


def _introspection(config: Config) -> str:
    """Return the settings to let an API ask about JWTs, if it can."""
    if config.opaque or not (exports := [*_questions(config, "always")]):
        return ""
    lines = "\n".join(f"  export {one}" for one in exports)
    return f"\nTo introspect the tokens, also:\n\n{lines}\n"


def _questions(config: Config, mode: str) -> Iterator[str]:
    asking = [one for one in config.clients if one.secret is not None]
    for one in sorted(asking, key=_is_api, reverse=True)[:1]:
        yield f"JWTGUARD_INTROSPECT={mode}"
        yield f"JWTGUARD_INTROSPECT_CLIENT_ID={quote(one.id)}"
        yield f"JWTGUARD_INTROSPECT_CLIENT_SECRET={quote(one.secret or '')}"


def _is_api(client: Client) -> bool:
    """Whether *client* looks like an API: it has a secret, and no page or login."""
    return client.secret is not None and not (client.origins or client.refresh)


def _user_line(user: User, users: Iterable[User]) -> str:
    """Return what somebody who tries this login needs to know of *user*."""
    width = max(len(f"{one.name} / {one.password}") for one in users)
    line = f"  {f'{user.name} / {user.password}':<{width}}   "
    line += " ".join(user.scopes) or "no scopes"
    for word, values in (("role", user.roles), ("acr", user.acr)):
        line += f", {word} {' '.join(values)}" if values else ""
    return line
