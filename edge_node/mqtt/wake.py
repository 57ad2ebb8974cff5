"""Wake a thread that waits on a socket, from any other thread."""

from __future__ import annotations

import contextlib
import socket


class Wake:
    """A bell between threads: ``ring`` makes the waiting end readable.

    It is made first and handed to everything that has work for the waiting thread, so that nobody needs to
    know that thread.
    """

    def __init__(self) -> None:
        self._bell, self._waiting = socket.socketpair()
        for end in (self._bell, self._waiting):
            end.setblocking(False)

    def __enter__(self) -> Wake:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor to wait on with ``poll`` or ``select``; -1 once closed."""
        return self._waiting.fileno()

    def ring(self) -> None:
        """Wake the waiting thread; does nothing if it was rung already or is closed."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody waits
            self._bell.send(b"\0")

    def clear(self) -> None:
        """Forget all rings so far; the waiting thread calls it before it looks for work."""
        with contextlib.suppress(OSError):
            while self._waiting.recv(4096):
                pass

    def close(self) -> None:
        """Close both ends."""
        self._bell.close()
        self._waiting.close()
