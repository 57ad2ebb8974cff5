"""How many connections a process may hold; what they cost is tried in test_bounded_protocol.py."""

from __future__ import annotations

import resource
import socket

import pytest

from edge_node.control_room.connections.bounded_listener import BoundedListener, count_allowed_connections
from edge_node.control_room.connections.connection_book import ConnectionBook, ConnectionLimits


def test_a_process_keeps_descriptors_for_its_other_work() -> None:
    """With a service's usual limit, with few, and without any."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for allowed, connections in ((1024, 256), (384, 128), (100, 8)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, before[1]))
            assert count_allowed_connections(256) == connections
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_connection_counts_until_it_is_closed() -> None:
    """However it is closed; one too many is reset at once."""
    with BoundedListener(socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        book = ConnectionBook(ConnectionLimits(connections=8, per_address=0))
        listener.count_in(book)
        with socket.create_connection(listener.getsockname()) as refused:
            with pytest.raises(ConnectionAbortedError):
                listener.accept()
            with pytest.raises(ConnectionResetError):
                refused.recv(1)
        book = ConnectionBook(ConnectionLimits(connections=8, per_address=8))
        listener.count_in(book)
        with socket.create_connection(listener.getsockname()):
            client, _ = listener.accept()
            assert len(book) == 1
            client.close()
            client.close()
            assert len(book) == 0
