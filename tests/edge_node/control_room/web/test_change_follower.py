"""The pages of one process hear of what another one stored."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.changes import Changes, insert_changes
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.service.web_process import _Told
from edge_node.control_room.sharing.bell import Bell
from edge_node.control_room.sharing.change_notes import note_arrivals
from edge_node.control_room.web.change_follower import ChangeFollower
from edge_node.control_room.web.event_stream import EventBroadcaster
from edge_node.messages.verdict import encode
from tests.support.robot_messages import message
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def read_news(stream: AsyncIterator[bytes], *wanted: str) -> dict[str, Any]:
    """Return what came, by kind, once all wanted kinds did."""
    found: dict[str, Any] = {}
    async for event in stream:
        name, _, data = event.decode().partition("\n")
        found[name.removeprefix("event: ")] = True
        if name == "event: news":
            for kind, items in json.loads(data.removeprefix("data: ")).items():
                found[kind] = found.get(kind, []) + items if isinstance(items, list) else items
        if all(found.get(kind) for kind in wanted):
            return found
    raise AssertionError(found)


def test_pages_hear_each_verdict_once_and_of_robots_deeds_and_more_than_can_be_told(
    tmp_path: Path,
) -> None:
    """What was there before the page opened is not told again; what is too much makes it load everything."""

    def store_verdict(number: int) -> None:
        with store_history.transaction():
            store(
                store_history,
                [
                    message(
                        encode(
                            msgspec.structs.replace(
                                verdict(number, "C"),
                                site="quay",
                                robot="crawler-1",
                                id=f"crawler-1:epoch:{number}",
                            )
                        )
                    )
                ],
                in_transaction=lambda arrivals: note_arrivals(store_history.database, arrivals),
            )

    async def day() -> tuple[dict[str, Any], dict[str, Any]]:
        events = EventBroadcaster()
        follower = ChangeFollower(page_history, events)
        follower.start()
        browser = events.subscribe()
        stream = browser.stream()
        for number in (2, 3):
            store_verdict(number)
        insert_changes(store_history.database, Changes(reviewed=(("quay", "crawler-1:epoch:2"),)))
        _Told(store_history, EventBroadcaster(), Bell(store_history.database)).commanded("quay", "crawler-1")
        first = await asyncio.wait_for(read_news(stream, "verdicts", "reviewed", "commands"), 20)
        robots = events.take_changed_robots()
        assert robots == {("quay", "crawler-1")}
        insert_changes(store_history.database, Changes(is_much=True))
        second = await asyncio.wait_for(read_news(stream, "resync"), 20)
        follower.stop()
        return first, second

    store_history, page_history = History(tmp_path), History(tmp_path)
    store_verdict(1)
    first, second = asyncio.run(day())
    assert [row["seq"] for row in first["verdicts"]] == [2, 3]
    assert first["reviewed"] == [{"id": "crawler-1:epoch:2", "site": "quay"}]
    assert first["commands"] == [{"site": "quay", "robot": "crawler-1"}]
    assert second["resync"]
    store_history.close()
    page_history.close()
