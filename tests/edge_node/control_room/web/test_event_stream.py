"""How many pages may follow the events."""

from __future__ import annotations

import asyncio

import pytest

from edge_node.control_room.web.event_stream import EventBroadcaster, TooManyBrowsersError


def test_one_client_leaves_streams_to_others() -> None:
    """Sixteen to one, 64 in all; a page that is closed makes room."""

    async def work() -> None:
        events = EventBroadcaster()
        own = [events.subscribe("alice") for _ in range(16)]
        with pytest.raises(TooManyBrowsersError, match="you have 16 pages open"):
            events.subscribe("alice")
        events.unsubscribe(own[0])
        events.subscribe("alice")
        for client in "bcd":
            for _ in range(16):
                events.subscribe(client)
        with pytest.raises(TooManyBrowsersError, match="too many pages are open"):
            events.subscribe("erin")
        assert len(events) == 64

    asyncio.run(work())
