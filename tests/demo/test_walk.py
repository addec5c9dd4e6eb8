"""How steps are taken and judged."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from jwtguard.demo import STEPS
from jwtguard.demo.place import Place
from jwtguard.demo.walk import Check, Step, Walk

PLACE = Place(
    issuer="http://127.0.0.1:1",
    api="http://127.0.0.1:2",
    www="http://localhost:3",
    stranger="http://localhost:4",
)


def walk_with(answer: httpx.Response) -> Walk:
    """A walk on which every server gives the same answer."""
    transport = httpx.MockTransport(lambda _: answer)
    return Walk(PLACE, httpx.Client(transport=transport))


def test_every_promise_counts() -> None:
    """A step is good if all of its checks came true, and there was one."""
    walk = walk_with(httpx.Response(200))
    yes, no = Check("yes", kept=True), Check("no", kept=False)
    assert walk.take(Step("good", lambda _: iter((yes, yes)))).good
    assert not walk.take(Step("bad", lambda _: iter((yes, no)))).good
    assert not walk.take(Step("empty", lambda _: iter(()))).good


def test_what_breaks_is_a_broken_promise() -> None:
    """A step that raises fails, with what it had seen by then; the walk goes on."""

    def breaks(walk: Walk) -> Iterator[Check]:
        walk.api("GET", "/notes")
        yield Check("yes", kept=True)
        raise httpx.ConnectError("nobody there")

    outcome = walk_with(httpx.Response(200)).take(Step("breaks", breaks))
    assert not outcome.good
    assert len(outcome.exchanges) == 1
    assert "nobody there" in outcome.checks[-1].promise


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.run.__name__)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_no_step_passes_whatever_is_answered(step: Step, status: int) -> None:
    """Servers that answer everything alike keep none of the promises but the first."""
    if step is STEPS[0] and status == 200:
        return
    answer = httpx.Response(status, json={})
    assert not walk_with(answer).take(step).good


def test_redirects_are_answers() -> None:
    """The walk looks at a redirect; it does not follow it."""
    answer = httpx.Response(303, headers={"Location": "http://localhost:3/login"})
    assert walk_with(answer).page("/").status_code == 303
