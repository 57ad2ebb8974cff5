"""Who is admitted, who gives way, and who is too slow; without a socket."""

from __future__ import annotations

from edge_node.control_room.connections.connection_book import ConnectionBook, ConnectionLimits, Phase


class Room:
    """A book, and the connections that it ended, in order."""

    def __init__(self, connections: int = 6, per_address: int = 3, proxy: str = "") -> None:
        limits = ConnectionLimits(connections, per_address, head_s=10, body_s=20, drain_s=30)
        self.book = ConnectionBook(limits, lambda address: address == proxy)
        self.ended: list[tuple[str, int]] = []

    def come(self, address: str, port: int, phase: Phase = Phase.REQUEST, now_s: float = 0.0) -> bool:
        """A connection arrives, and goes on to a phase."""
        peer = (address, port)
        admitted = self.book.admit(peer, lambda: self.ended.append(peer), now_s)
        self.book.enter(peer, phase, now_s)
        return admitted


def test_an_address_beyond_its_bound_loses_what_has_been_silent_longest() -> None:
    """And if all of its connections are being answered, the newcomer is refused; others are not touched."""
    room = Room()
    assert room.come("10.0.0.9", 1)
    for port in (1, 2, 3):
        assert room.come("10.0.0.1", port, now_s=port)
    room.book.enter(("10.0.0.1", 1), Phase.RESPONSE, 3)
    assert room.come("10.0.0.1", 4, Phase.RESPONSE, now_s=4)
    assert room.ended == [("10.0.0.1", 2)]
    room.book.enter(("10.0.0.1", 3), Phase.RESPONSE, 5)
    assert not room.come("10.0.0.1", 5, now_s=5)
    assert len(room.book) == 4


def test_one_network_of_ipv6_is_one_address_and_a_proxy_is_many() -> None:
    """A customer has 2^64 addresses of IPv6; IPv4 on a socket for both counts as what it is."""
    room = Room(connections=20, proxy="10.0.0.7")
    for port, address in enumerate(("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4")):
        room.come(address, port, Phase.RESPONSE)
    for port, address in enumerate(("10.0.0.2", "::ffff:10.0.0.2", "10.0.0.2", "10.0.0.2")):
        room.come(address, 10 + port, Phase.RESPONSE)
    assert len(room.book) == 6
    for port in range(8):
        assert room.come("10.0.0.7", 20 + port, Phase.RESPONSE)
    assert room.ended == []


def test_where_all_are_busy_the_address_that_holds_most_gives_one() -> None:
    """To one that holds less; never to one that holds as much."""
    room = Room(connections=4, per_address=4)
    for port in (1, 2, 3):
        room.come("10.0.0.1", port, Phase.RESPONSE)
    room.come("10.0.0.2", 4, Phase.RESPONSE)
    assert room.come("10.0.0.3", 5, Phase.RESPONSE)
    assert room.ended == [("10.0.0.1", 1)]
    assert not room.come("10.0.0.2", 6)
    assert not room.come("10.0.0.1", 7)
    assert room.book.ended["refused: too many"] == 2


def test_each_phase_has_its_time_and_no_trickle_renews_it() -> None:
    """A head in 10 s, a body in 20, what is unsent taken in 30; work and streams last as they last."""
    room = Room()
    room.come("10.0.0.1", 1)
    room.come("10.0.0.2", 2, Phase.BODY)
    room.come("10.0.0.3", 3, Phase.DRAIN)
    room.come("10.0.0.4", 4, Phase.RESPONSE)
    for now_s in (5.0, 9.0):  # bytes go on coming
        room.book.enter(("10.0.0.1", 1), Phase.REQUEST, now_s)
        room.book.enter(("10.0.0.2", 2), Phase.BODY, now_s)
    seen = []
    for now_s in (9.9, 10.0, 19.9, 20.0, 29.9, 30.0, 1e9):
        room.book.end_overdue(now_s)
        seen.append(len(room.ended))
    assert seen == [0, 1, 1, 2, 2, 3, 3]
    room.book.enter(("10.0.0.4", 4), Phase.REQUEST, 1e9)  # the next request has its own time
    room.book.end_overdue(1e9 + 9.0)
    assert len(room.book) == 1
    room.book.forget(("10.0.0.4", 4))
    assert len(room.book) == 0
