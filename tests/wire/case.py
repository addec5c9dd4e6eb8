"""One row of the table: settings, a request, and the answer that it must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.wire.tokens import BASE
from tests.wire.worlds import Answer, App, Ask

CORS = "access-control-allow-origin"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is asked under which settings, and what must come back."""

    name: str
    ask: Ask
    status: int = 200
    error: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    app: App = field(default_factory=App)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Fields whose value must hold this text."""
    absent: tuple[str, ...] = ()
    cors: str | None = None
    """The origin that may read the answer; None means that none may."""
    ran: bool | None = None
    """Whether the application ran; by default it did if the status is 200."""
    subject: str | None = None
    refusal: str | None = None
    body: bytes | None = None
    """The body that the application must have seen."""
    worlds: tuple[str, ...] = ()
    """Empty: all of them."""

    @property
    def environ(self) -> Mapping[str, str]:
        """All settings of the case; an empty one takes away what BASE has."""
        return {k: v for k, v in {**BASE, **self.settings}.items() if v}

    def check(self, answer: Answer) -> None:
        """Hold *answer* against the promise."""
        assert answer.status == self.status, (answer.status, answer.body)
        ran = self.status == self.app.status if self.ran is None else self.ran
        assert (answer.seen is not None) == ran
        if not ran and self.error is not None:
            assert answer.error == self.error
            assert answer.get("content-type") == "application/json"
            assert answer.get("cache-control") == "no-store"
        vary = (answer.get("vary") or "").lower()
        assert "origin" in vary or vary == "*"
        assert answer.get(CORS) == self.cors
        for name, text in self.headers.items():
            assert text in (answer.get(name) or ""), (name, answer.headers)
        for name in self.absent:
            assert answer.get(name) is None
        self._check_seen(answer)

    def _check_seen(self, answer: Answer) -> None:
        if answer.seen is None:
            return
        assert answer.seen["subject"] == self.subject
        assert answer.seen["refusal"] == self.refusal
        if self.body is not None:
            assert answer.seen["body"] == self.body
