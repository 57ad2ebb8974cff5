"""Speak HTTP/1.1 as uvicorn does, and tell the connection book what each connection waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge_node.control_room.connections.connection_book import Phase

if TYPE_CHECKING:
    import asyncio

    from edge_node.control_room.connections.connection_book import ConnectionBook

MAX_HEAD_BYTES = 32 * 1024  # of a request's first line and headers; nginx passes on as much
_MOST_UNSENT_BYTES = 64 * 1024  # then the response waits for its client


class BoundedProtocol(H11Protocol):
    """One connection with deadlines for its requests and for the client that takes the responses."""

    def __init__(self, *arguments: Any, book: ConnectionBook, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._book = book
        self._peer: tuple[object, ...] = ()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the TLS handshake is over, where there is one."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_MOST_UNSENT_BYTES)
        self._peer = transport.get_extra_info("peername") or ()
        self._book.attach(self._peer, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take what came of a request."""
        super().data_received(data)
        self._enter()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._enter()

    def pause_writing(self) -> None:
        """Wait for the client to take what was written."""
        super().pause_writing()
        self._book.enter(self._peer, Phase.DRAIN, time.monotonic())

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self._enter()

    def _enter(self) -> None:
        self._book.enter(self._peer, self._find_phase(), time.monotonic())

    def _find_phase(self) -> Phase:
        if self.conn.their_state is h11.SEND_BODY:  # also where the response did not wait for it
            return Phase.BODY
        if self.cycle is not None and not self.cycle.response_complete:
            return Phase.DRAIN if self.flow.write_paused else Phase.RESPONSE
        # What is left of a response, while its client is silent or has been told that it was the last one.
        return Phase.DRAIN if self.transport.get_write_buffer_size() else Phase.REQUEST
