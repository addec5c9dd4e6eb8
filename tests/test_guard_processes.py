"""A guard in processes that fork or end during a fetch."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import weakref

import pytest

from jwtguard.guard import Guard
from jwtguard.outside import forks
from jwtguard.testing import JWTIssuer
from tests.guard_support import Line
from tests.waiting import HANG


@pytest.fixture
def line(jwt_issuer: JWTIssuer) -> Line:
    """The way to the issuer."""
    return Line(jwt_issuer)


@pytest.fixture
def guard(jwt_issuer: JWTIssuer, line: Line) -> Guard:
    """A guard that fetches keys by *line*."""
    return Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=line)


# Processes.


SETUP = """
    import os, sys, threading, time
    from jwtguard.core.model.effects import Incoming
    from jwtguard.guard import Guard
    from jwtguard.testing import JWTIssuer

    issuer = JWTIssuer(alg="ES256")
    held = threading.Event()
    begun = threading.Event()
    brought = threading.Event()

    def transport(url, headers, timeout):
        begun.set()
        held.wait(600)
        got = issuer.transport(url, headers, timeout)
        brought.set()
        return got

    guard = Guard(issuer.policy(), clock=issuer.clock, transport=transport)
    token = issuer.token(expires_in=9000)
    print("ready", flush=True)
"""


def script(body: str, timeout: float = HANG) -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(SETUP) + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
@pytest.mark.slow
def test_a_fork_during_a_fetch_leaves_a_working_child() -> None:
    """The child has neither the thread nor, for certain, the locks: it begins anew."""
    done = script("""
        from contextlib import suppress
        from jwtguard.errors import KeysUnavailableError

        def ask():  # nobody waits longer for keys than the fetch may take
            with suppress(KeysUnavailableError):
                guard.verify(token)

        waiter = threading.Thread(target=ask)
        waiter.start()
        begun.wait()
        cache = guard._flow.verifier.trusted[issuer.url].key_cache
        cache._lock.acquire()
        guard._flow.verifier.token_cache._lock.acquire()
        pid = os.fork()
        if pid == 0:
            held.set()
            assert guard.verify(token).subject == "alice"
            assert guard.verify(token).subject == "alice"
            print(f"child {issuer.fetches}", flush=True)
            os._exit(0)
        cache._lock.release()
        guard._flow.verifier.token_cache._lock.release()
        assert os.waitpid(pid, 0)[1] == 0
        held.set()
        waiter.join()
        brought.wait()
        print("parent", issuer.fetches)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:3] == ["ready", "child 1", "parent 1"]


@needs_fork
def test_a_fork_frees_the_locks_of_every_guard(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """A lock that another thread held at the fork is held in the child for ever."""
    token = jwt_issuer.token()
    guard.verify(token)
    cache = guard._flow.verifier.trusted[jwt_issuer.url].key_cache
    cache._lock.acquire()
    guard._flow.verifier.token_cache._lock.acquire()
    forks._after_fork()
    assert guard.verify(token).subject == "alice"
    assert jwt_issuer.fetches == 1


def test_a_guard_that_is_gone_is_not_kept_for_forks(jwt_issuer: JWTIssuer) -> None:
    """An application that makes guards, as tests do, holds none of them for ever."""
    guard = Guard(jwt_issuer.policy(), clock=jwt_issuer.clock)
    assert guard in forks._waiting
    gone = weakref.ref(guard)
    del guard
    gc.collect()
    assert gone() is None


@needs_fork
@pytest.mark.slow
def test_forks_after_first_use_each_refresh_for_themselves() -> None:
    """Four children inherit the keys, use them at once, and fetch once when due."""
    done = script("""
        held.set()
        guard.verify(token)
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                issuer.fetches = 0
                assert guard.verify(token).subject == "alice"
                assert issuer.fetches == 0
                issuer.clock.advance(1201)
                threads = [
                    threading.Thread(target=guard.verify, args=(token,))
                    for _ in range(20)
                ]
                [t.start() for t in threads]
                [t.join() for t in threads]
                os._exit(issuer.fetches)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
        print(issuer.fetches)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ready\n1\n"


@pytest.mark.slow
def test_the_interpreter_ends_during_a_fetch() -> None:
    """It does not wait for the fetch; no warning, nothing on stderr."""
    done = script("""
        import logging
        logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
        held.set()
        guard.verify(token)
        held.clear()
        begun.clear()
        issuer.clock.advance(700)
        assert guard.verify(token).subject == "alice"
        begun.wait()
        print("over")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("over\n")


@pytest.mark.slow
def test_the_interpreter_ends_during_a_real_fetch() -> None:
    """Likewise with a socket that never answers, under asyncio."""
    done = script("""
        import asyncio, select, socket
        from jwtguard import TrustedIssuer
        silent = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/jwks"
        trusted = TrustedIssuer(url=issuer.url, audience="a", jwks_url=url)
        guard = Guard(issuer.policy(issuers=(trusted,)))

        async def main():
            # A machine under load is no warning about us.
            asyncio.get_running_loop().slow_callback_duration = 60
            task = asyncio.create_task(guard.averify(token))
            assert (await asyncio.to_thread(select.select, [silent], [], [], 60))[0]
            task.cancel()

        asyncio.run(main())
        silent.detach()  # still open: nobody hangs up before we end
        print("over")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ready\nover\n"
