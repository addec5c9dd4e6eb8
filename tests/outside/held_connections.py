"""What stands between a client and a server, and can hold what passes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

Held = Literal["question", "answer"]


class Between:
    """Forwards connections to *port*, until ``hold`` says otherwise."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.holds = threading.Event()
        """Set when something is held."""
        self._word = b""
        self._held: Held = "question"
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()

    def hold(self, what: Held, word: bytes) -> None:
        """Hold the next bytes of a client with *word*, or else the answer to them."""
        self._held, self._word = what, word

    def let_go(self) -> None:
        """Close the connections, and forward new ones as before."""
        self._word = b""
        self.holds.clear()
        with self._lock:
            closed, self._open = self._open, []
        for one in closed:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self.let_go()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(
                    target=self._connect, args=(client,), daemon=True
                ).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._server))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open += [client, server]
        silent = threading.Event()
        questions = threading.Thread(
            target=self._forward, args=(client, server, silent, True), daemon=True
        )
        questions.start()
        self._forward(server, client, silent, False)

    def _forward(
        self,
        source: socket.socket,
        target: socket.socket,
        silent: threading.Event,
        asks: bool,
    ) -> None:
        """Forward what comes; *silent* is set when this connection is held."""
        with suppress(OSError):
            while data := source.recv(65536):
                if asks and self._word and self._word in data:
                    silent.set()
                    if self._held == "answer":
                        target.sendall(data)
                    self.holds.set()
                elif not silent.is_set():
                    target.sendall(data)
        if not silent.is_set():
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)
