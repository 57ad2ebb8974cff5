"""Accept the page's connections within the bounds of a connection book, before anything is read of them."""

from __future__ import annotations

import contextlib
import functools
import resource
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.connections.connection_book import ConnectionBook

_UNACKNOWLEDGED_MS = 30_000  # after which a client that is gone, or takes nothing, counts as gone
_RESERVED_DESCRIPTORS = 128  # history, broker, reports, files of the page
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: nothing unsent is kept for a client that was too slow


def count_allowed_connections(wanted: int) -> int:
    """Return how many connections the process has descriptors for, at most ``wanted``."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return max(8, min(wanted, (allowed - _RESERVED_DESCRIPTORS) // 2))


class BoundedListener(socket.socket):
    """A listening socket whose connections are counted until they are closed."""

    _book: ConnectionBook | None = None

    def count_in(self, book: ConnectionBook) -> None:
        """Admit connections by a book from now on."""
        self._book = book

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: the book does not admit it; it is closed.
        """
        accepted, peer = super().accept()
        if self._book is None:
            return accepted, peer
        client = _CountedSocket(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        if not self._book.admit(peer, client.end, time.monotonic()):
            client.reset()
            raise ConnectionAbortedError("too many connections")
        client.tell_closed(functools.partial(self._book.forget, peer))
        with contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        return client, peer


class _CountedSocket(socket.socket):
    """A connection that tells when it is closed."""

    _on_closed: Callable[[], None] | None = None

    def tell_closed(self, on_closed: Callable[[], None]) -> None:
        """Call ``on_closed`` once, when the socket is closed."""
        self._on_closed = on_closed

    def end(self) -> None:
        """End the connection while the event loop still reads the socket; it closes it then."""
        with contextlib.suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close the connection at once, without a word."""
        with contextlib.suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def close(self) -> None:
        """Close the socket and tell it."""
        super().close()
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            on_closed()
