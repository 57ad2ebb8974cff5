"""A crowd of slow clients that come back as soon as they are sent away."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time

_REQUEST = b"GET /state.json HTTP/1.1\r\nX: "
_BYTE_EVERY_S = 2.5
_ADDRESSES = 8  # of the loopback network, so that no bound on one address helps alone


class Crowd:
    """Connections that send a byte now and then, and are opened again when the page closes them."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._clients: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._due_s = 0.0
        self.opened = 0

    def turn(self, seconds: float) -> None:
        """Go on for ``seconds``."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            while len(self._clients) < self._count and time.monotonic() < end_s:
                self._open()
            for key, _ in self._selector.select(0.05):
                self._drop(key.data)  # closed, or answered
            if time.monotonic() >= self._due_s:
                self._due_s = time.monotonic() + _BYTE_EVERY_S
                for client in list(self._clients):
                    try:
                        client.send(b"x")
                    except OSError:
                        self._drop(client)

    def close(self) -> None:
        """Close all."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.close()

    def _open(self) -> None:
        client = socket.socket()
        client.setblocking(False)
        client.bind((f"127.0.0.{2 + self.opened % _ADDRESSES}", 0))
        self.opened += 1
        client.connect_ex(("127.0.0.1", self._port))
        with contextlib.suppress(OSError):
            client.send(_REQUEST)
        self._clients.add(client)
        self._selector.register(client, selectors.EVENT_READ, client)

    def _drop(self, client: socket.socket) -> None:
        self._clients.remove(client)
        self._selector.unregister(client)
        client.close()
