"""Which variables say that an application runs in several workers."""

from __future__ import annotations

import pytest

from jwtguard.inspect.workers import several_workers


@pytest.mark.parametrize(
    "name",
    [
        "WEB_CONCURRENCY", "UVICORN_WORKERS", "GRANIAN_WORKERS", "UWSGI_WORKERS",
        "UWSGI_PROCESSES",
    ],
)  # fmt: skip
def test_a_number_is_read(name: str) -> None:
    """Of each server that takes it from the environment."""
    assert several_workers({name: "4"}) == f"{name} is 4"
    assert several_workers({name: " +2 "}) == f"{name} is 2"
    assert several_workers({name: "9" * 5000}) == f"{name} is {'9' * 9}"


@pytest.mark.parametrize("text", ["", "0", "1", "-2", "many", "2.5", "²", "\u0664"])
def test_what_is_not_above_one_says_nothing(text: str) -> None:
    """The server may have several workers all the same, so nothing is claimed."""
    assert several_workers({"WEB_CONCURRENCY": text}) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        "-w 3", "-w3", "-w=3", "--workers 3", "--workers=3", "-w 1 -w 3",
        "--bind=0.0.0.0:80 -k gthread --workers '3' --worker-class sync",
    ],
)  # fmt: skip
def test_arguments_of_gunicorn_are_read(arguments: str) -> None:
    """In every spelling that gunicorn accepts; the last one counts."""
    found = several_workers({"GUNICORN_CMD_ARGS": arguments})
    assert found == "GUNICORN_CMD_ARGS has --workers 3"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "-w",
        "--workers",
        "-w 1",
        "--workers x",
        "-w '3",
        "--threads 4",
        "--worker 3",
    ],
)
def test_arguments_without_several_workers_say_nothing(arguments: str) -> None:
    """Others, and those that gunicorn does not start with."""
    assert several_workers({"GUNICORN_CMD_ARGS": arguments}) == ""


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("-w 1", ""),
        ("-w 3", "GUNICORN_CMD_ARGS has --workers 3"),
        ("--bind :80", "WEB_CONCURRENCY is 2"),
        ("-w", "WEB_CONCURRENCY is 2"),
    ],
)
def test_arguments_come_before_web_concurrency(arguments: str, found: str) -> None:
    """As gunicorn reads them."""
    environ = {"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": arguments}
    assert several_workers(environ) == found
