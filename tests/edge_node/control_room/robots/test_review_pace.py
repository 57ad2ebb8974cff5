"""What goes to a robot comes no faster than it takes commands, and robots do not wait for each other."""

from __future__ import annotations

import threading

from edge_node.control_room.robots.review_pace import ReviewPace


def test_each_robot_has_a_burst_and_then_an_interval() -> None:
    """Two at once, the third and fourth one interval apart; another robot begins anew."""
    pace = ReviewPace(burst=2, interval_s=60.0)
    try:
        delays = [round(pace.put("crawler-1", lambda: None)) for _ in range(4)]
        assert delays == [0, 0, 60, 120]
        assert round(pace.put("crawler-2", lambda: None)) == 0
    finally:
        pace.close()


def test_what_is_due_is_called_in_order_and_the_rest_is_dropped_at_the_end() -> None:
    """A call that waits for its turn does not keep the end waiting."""
    called: list[int] = []
    done = threading.Event()
    pace = ReviewPace(burst=1, interval_s=0.05)
    for number in range(3):
        pace.put("crawler-1", lambda number=number: called.append(number))
    pace.put("crawler-1", done.set)
    assert done.wait(20)
    for _ in range(3):
        pace.put("crawler-9", lambda: None)
    pace.close()
    assert called == [0, 1, 2]
