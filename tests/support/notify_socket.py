"""A real NOTIFY_SOCKET, as systemd would listen on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class NotifySocket:
    """Listens at ``path``; ``address`` is what NOTIFY_SOCKET must be."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)

    def __enter__(self):
        """Return the listening socket."""
        return self

    def __exit__(self, *_):
        """Stop listening."""
        self._socket.close()

    def received(self) -> list[str]:
        """Return the messages that have arrived since the last call."""
        self._socket.setblocking(False)
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages
