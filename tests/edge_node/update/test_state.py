"""The store's saved state: numbered events, and files that an earlier version wrote."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec

from edge_node.update.state import State, Step

AT = datetime(2026, 11, 30, tzinfo=timezone.utc)


def test_events_are_numbered_and_the_oldest_are_dropped():
    """Each event has the next number, also after the first hundred, of which the oldest are dropped."""
    state = State()
    for number in range(1, 121):
        state = state.add_event(Step.FETCHED, "steel-2", f"step {number}", AT)
    assert [event.seq for event in state.events] == list(range(21, 121))
    assert state.events[-1].text == "step 120"


def test_a_state_that_an_earlier_version_saved_is_read():
    """The number of the last event reported is ``told`` in the file, so that an update reports none twice."""
    state = msgspec.json.decode(b'{"format":1,"told":7}', type=State)
    assert state.reported == 7
    assert b'"told":7' in msgspec.json.encode(state)
