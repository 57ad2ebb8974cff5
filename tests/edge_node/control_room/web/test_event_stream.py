"""How many pages may follow the events, and how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from edge_node.control_room.people.roles import Role
from edge_node.control_room.web.event_stream import EventBroadcaster, TooManyBrowsersError
from tests.support.room_app import PASSWORD, RoomApp, scope_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("end", ["role", "removed", "logout", "program"])
def test_an_open_stream_ends_when_its_login_does(tmp_path: Path, end: str) -> None:
    """It says so, and then nothing of the robots; the streams of others go on."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "viewer")
        room.add_user("bob", "viewer")
        token = room.users.add_token("screen", Role.VIEWER)
        cookies = {name: room.log_in(name, PASSWORD).cookie for name in ("ada", "bob")}
        own = {"authorization": f"Bearer {token}"} if end == "program" else {"cookie": cookies["ada"]}

        async def day() -> tuple[bytes, bytes]:
            ada, bob = _Listener(room, own), _Listener(room, {"cookie": cookies["bob"]})
            await asyncio.gather(ada.hello.wait(), bob.hello.wait())
            room.events.end_invalid()
            if end == "role":
                room.users.change_user("ada", role=Role.OPERATOR)
            elif end == "removed":
                room.users.remove_user("ada")
            elif end == "program":
                room.users.remove_token("screen")
            else:
                await room.send("/logout", "POST", cookie=cookies["ada"])
            room.events.end_invalid()
            await asyncio.wait_for(ada.task, 5)
            room.events.send_reviewed("crawler-1:epoch:1", "quay")
            await asyncio.wait_for(bob.news.wait(), 5)
            bob.task.cancel()
            return ada.told, bob.told

        ended, going_on = asyncio.run(day())
    assert ended.endswith(b"event: ended\ndata: {}\n\n")
    assert b"crawler-1" not in ended
    assert b"crawler-1" in going_on
    assert b"ended" not in going_on


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


class _Listener:
    """A page that listens."""

    def __init__(self, room: RoomApp, headers: dict[str, str]) -> None:
        self.told = b""
        self.hello, self.news = asyncio.Event(), asyncio.Event()
        scope = scope_of("/api/events", "GET", "127.0.0.1", headers)
        self.task = asyncio.ensure_future(room.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: dict[str, Any]) -> None:
        self.told += message.get("body", b"")
        if b"hello" in self.told:
            self.hello.set()
        if b"news" in self.told:
            self.news.set()
