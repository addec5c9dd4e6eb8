"""What a guard checks in tokens of an issuer, and the keys that it publishes."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model.profiles import UNMARKED
from ..core.verify.issuer_states import IssuerState
from ..core.verify.token_rules import TokenRules
from ..errors import AuthError
from ..guard import Guard
from .hints_keys import of_missing_keys, of_other_jwks_url
from .routes import Finding

_NO_KEYS = "the metadata has no jwks_uri"


def issuer_findings(guard: Guard, trusted: IssuerState) -> Iterator[Finding]:
    """Report what tokens of an issuer must have, and fetch its keys."""
    rules = trusted.rules
    yield Finding("ok", "issuer", f"{rules.issuer}, profile {rules.profile.name}")
    if rules.audience == "unchecked":
        text = "not checked: tokens for other APIs of this issuer are accepted too"
        yield Finding("weak", "audience", text)
    else:
        yield Finding("ok", "audience", " or ".join(sorted(rules.audience)))
    yield from _mark(rules)
    try:
        # Through the cache of the guard: discovery, limits and errors are those of a
        # real request.
        guard.run(trusted.key_cache.find(lambda held: held.keys))
    except AuthError:
        text = of_missing_keys(guard, trusted)
        # An issuer of opaque tokens alone may have no keys.
        opaque = trusted.key_cache.issuer.introspect == "opaque"
        if opaque and _NO_KEYS in text:
            text = f"{_NO_KEYS}: only opaque tokens are accepted"
        yield Finding("note" if opaque else "wrong", "keys", text)
        return
    keys = trusted.key_cache.snapshot.key_set
    if keys is None:
        return
    # A set of keys that fits no accepted algorithm would refuse every token, and looks
    # well at first sight.
    fitting = [key for key in keys.keys if key.algorithms & set(rules.algorithms)]
    skipped = f"; {keys.skipped} members cannot verify here" if keys.skipped else ""
    if not fitting:
        text = f"none is for {' or '.join(rules.algorithms)}{skipped}"
        text += of_other_jwks_url(guard, trusted.key_cache.issuer)
        yield Finding("wrong", "keys", text)
        return
    kinds = sorted({"/".join(sorted(key.algorithms)) for key in fitting})
    yield Finding("ok", "keys", f"{len(fitting)} usable ({', '.join(kinds)}){skipped}")


def _mark(rules: TokenRules) -> Iterator[Finding]:
    """Say what marks an access token, if the settings do."""
    if rules.profile.mark == UNMARKED:
        text = (
            "none: any token of this issuer is accepted unless it is known not to be "
            "an access token"
        )
        yield Finding("weak", "mark", text)
    elif rules.own_mark:
        named = (f"{name} = {value!r}" for name, value in rules.own_mark.items())
        yield Finding("ok", "mark", ", ".join(named))
