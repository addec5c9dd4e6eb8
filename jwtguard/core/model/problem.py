"""What is wrong with a configuration, and where."""

from __future__ import annotations

from typing import Self

_ITEMS = {"clients": "client", "issuers": "issuer"}


class Problem(str):
    """One thing that is wrong with a configuration, as a sentence.

    ``where`` leads to the value: a field of the policy, then the item's name, then the
    item's member, as far as they are known. ``text`` says what is expected.
    """

    __slots__ = ("text", "where")

    text: str
    where: tuple[str, ...]

    def __new__(cls, text: str, *where: str) -> Self:
        """Put the sentence together."""
        parts = where
        if len(where) > 1:
            item = f"{_ITEMS.get(where[0], where[0])} {where[1]}".rstrip()
            parts = (item, *where[2:])
        made = super().__new__(cls, ": ".join((*parts, text)))
        made.text, made.where = text, where
        return made
