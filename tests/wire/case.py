"""One row of the table: settings, a request, and the answer that it must have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from logging import LogRecord

from jwtguard.reasons import REASONS
from tests.wire.tokens import BASE, ISSUER, OTHER, WWW
from tests.wire.worlds import Answer, App, Ask

CORS = "access-control-allow-origin"
CORS_ASKED = "Access-Control-Request-Method"
_CHALLENGED = {
    "invalid_request", "missing_token", "invalid_token", "insufficient_scope",
    "insufficient_user_authentication",
    "invalid_dpop_proof", "use_dpop_nonce",
}  # fmt: skip
_SENT = ("Authorization", "Cookie", "DPoP", "Origin")
_GRANT_REFUSALS = {
    REASONS[reason].sentence
    for reason in (
        "post_only", "form_malformed", "body_too_long", "client_gone",
        "grant_type_missing", "client_ambiguous_form", "origin_repeated",
        "session_method", "session_malformed", "grant_proof_missing",
        *(name for name in REASONS if name.startswith("logout_")),
    )
    if reason != "logout_token"
}  # fmt: skip
"""RFC 6749 section 5.2: these carry no challenge."""


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
    location: str | None = None
    """Where the answer redirects to, exactly."""
    reported: tuple[str, ...] = ()
    """Reasons of refusals that are only reported, each once."""
    differs: tuple[str, str] | None = None
    """The reasons of both policies, where a second one is judged beside the first."""
    schemes: tuple[str, ...] = ()
    """The schemes of the challenges, if not Bearer, and DPoP for who has no token."""
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
        self._check_fields(answer)
        if not ran:
            self._check_refusal(answer)
        for name, text in self.headers.items():
            assert text in (answer.get(name) or ""), (name, answer.headers)
        for name in self.absent:
            assert answer.get(name) is None
        assert answer.get("location") == self.location
        self._check_seen(answer)

    def _check_fields(self, answer: Answer) -> None:
        """No CORS field without an origin that may read, and none of them twice."""
        names = [name.lower() for name, _ in answer.headers]
        granted = [name for name in names if name.startswith("access-control-")]
        assert len(set(granted)) == len(granted)
        assert self.cors is not None or not granted
        assert names.count("vary") == 1
        assert names.count("cache-control") <= 1
        if self.app.streams and self.status == self.app.status:
            assert answer.body == self.app.body

    def _check_refusal(self, answer: Answer) -> None:
        """What holds for each answer of the guard's own, whatever it is about."""
        assert answer.status < 500 or answer.status == 503
        if answer.status == 200:  # a logout that was taken: section 2.8
            assert answer.body == b""
            assert answer.get("cache-control") == "no-store"
            return
        preflight = self.ask.method == "OPTIONS" and CORS_ASKED in dict(
            self.ask.headers
        )
        preflight = preflight and self.status != 405
        if self.ask.method == "HEAD" or preflight:
            assert answer.body == b""
            return
        document = json.loads(answer.body)
        step_up = {"acr_values", "max_age"} & set(document)
        assert set(document) - step_up == {"error", "error_description"}
        for name in step_up:  # RFC 9470 section 3
            assert document["error"] == "insufficient_user_authentication"
            told = answer.get("www-authenticate") or ""
            assert f'{name}="{document[name]}"' in told
        code = document["error"]
        challenge = answer.get("www-authenticate")
        of_grant = document["error_description"] in _GRANT_REFUSALS
        if self.status in (303, 431) or code not in _CHALLENGED or of_grant:
            assert challenge is None
        else:
            assert challenge is not None
            missing = code == "missing_token"
            usual = ("Bearer", "DPoP") if missing else ("Bearer",)
            assert answer.schemes == (self.schemes or usual)
            assert challenge.startswith(f'{answer.schemes[0]} realm="')
            assert (f'error="{code}"' in challenge) is (code != "missing_token")
        self._check_echoes_nothing(answer)

    def _check_echoes_nothing(self, answer: Answer) -> None:
        """Nothing of the request, and no name of ours, is in the answer."""
        fields = {n.lower(): v for n, v in answer.headers if n.lower() != CORS}
        text = f"{answer.body!r} {fields}"
        for name, value in self.ask.headers:
            if name in _SENT and len(value) > 9:
                assert value.rpartition(" ")[2] not in text
        for name in (ISSUER.url, ISSUER.audience, WWW, OTHER, '"spa"', "batch"):
            assert name not in text

    def check_log(self, records: Sequence[LogRecord], answer: Answer) -> None:
        """One reason for each refusal, and never a token."""
        told = [r for r in records if getattr(r, "event", "") == "refused"]
        would = [r for r in records if getattr(r, "event", "") == "would_refuse"]
        assert tuple(r.__dict__["reason"] for r in would) == self.reported
        both = [r for r in records if getattr(r, "event", "") == "shadow_differs"]
        found = [(r.__dict__["reason"], r.__dict__["shadow_reason"]) for r in both]
        assert found == ([] if self.differs is None else [self.differs])
        if answer.seen is None and answer.status >= 400:
            (record,) = told
            assert record.__dict__["status"] == answer.status
            reason = record.__dict__["reason"]
            assert reason in REASONS
            if answer.error is not None:
                sentence = json.loads(answer.body)["error_description"]
                assert sentence == REASONS[reason].sentence
        for record in records:
            text = f"{record.getMessage()} {record.__dict__}"
            for name, value in self.ask.headers:
                if name in ("Authorization", "Cookie", "DPoP") and len(value) > 40:
                    assert value[-40:] not in text

    def _check_seen(self, answer: Answer) -> None:
        if answer.seen is None:
            return
        assert answer.seen["subject"] == self.subject
        assert answer.seen["refusal"] == self.refusal
        if self.body is not None:
            assert answer.seen["body"] == self.body
