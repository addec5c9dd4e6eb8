"""The fuzzer's targets, fed by hypothesis: a short look at each on every run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwtguard.errors import InvalidTokenError
from tests.attacks.attacker import GUARD, ONE
from tests.fuzz.choices import Choices
from tests.fuzz.requests import GUARDS, make_request
from tests.fuzz.targets import TARGETS, make_token


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@given(data=st.binary(max_size=400))
@settings(max_examples=600)
def test_it_holds_for_any_input(target: Callable[[bytes], None], data: bytes) -> None:
    """No forgery, no crash, no difference between the worlds, whatever the bytes."""
    target(data)


def test_the_targets_reach_what_they_are_about() -> None:
    """True tokens and let-through requests are among the inputs, and refused ones."""
    token, signer = make_token(Choices(b""))
    assert signer == "issuer"
    assert GUARD.verify(token).issuer == ONE
    with pytest.raises(InvalidTokenError):
        GUARD.verify(make_token(Choices(b"\x00\x07"))[0])
    request, body = make_request(Choices(b"\x00\x00"))
    decisions = [guard.decide(request, lambda _: body) for guard, _ in GUARDS]
    assert len(decisions) == 3
