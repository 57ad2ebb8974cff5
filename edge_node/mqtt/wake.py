"""Wake a thread that waits on a socket, from any other thread."""

from __future__ import annotations

import contextlib
import socket


class Wake:
    """Wake the one waiting thread, as ``threading.Event`` does, but with a descriptor to wait on.

    It is made first and handed to everything that has work for the waiting thread, which needs no reference
    to that thread.
    """

    def __init__(self) -> None:
        self._sender, self._receiver = socket.socketpair()
        for end in (self._sender, self._receiver):
            end.setblocking(False)

    def __enter__(self) -> Wake:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor to wait on with ``poll`` or ``select``; -1 once closed."""
        return self._receiver.fileno()

    def set(self) -> None:
        """Wake the waiting thread; does nothing if it is set already or closed."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody waits
            self._sender.send(b"\0")

    def clear(self) -> None:
        """Unset it; the waiting thread calls this before it looks for work."""
        with contextlib.suppress(OSError):
            while self._receiver.recv(4096):
                pass

    def close(self) -> None:
        """Close both ends."""
        self._sender.close()
        self._receiver.close()
