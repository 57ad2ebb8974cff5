"""How many requests of one client are worked on at once."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("starlette")

from edge_node.control_room.requests.request_turns import AT_ONCE, RequestTurns


class Application:
    """Counts the requests that it works on; each ends when it is told to."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.served: list[str] = []
        self.may_end = asyncio.Event()

    async def __call__(self, scope, _receive, _send) -> None:
        """Work on one request."""
        self.now += 1
        self.most = max(self.most, self.now)
        await self.may_end.wait()
        self.now -= 1
        self.served.append(scope["client"][0])


def request(address: str, path: str = "/api/verdicts") -> dict[str, object]:
    """The scope of a request."""
    return {"type": "http", "path": path, "client": (address, 1), "headers": []}


def test_one_client_never_takes_all_threads() -> None:
    """What it asks beyond its turns waits; another client's request, a stream and the page do not."""

    async def work() -> None:
        application = Application()
        turns = RequestTurns(application)
        greedy = [asyncio.create_task(turns(request("10.0.0.1"), None, None)) for _ in range(60)]
        await asyncio.sleep(0)
        assert application.now == AT_ONCE
        others = [("10.0.0.2", "/api/state"), ("10.0.0.1", "/api/events"), ("10.0.0.1", "/page/app.js")]
        tasks = [asyncio.create_task(turns(request(*other), None, None)) for other in others]
        await asyncio.sleep(0)
        assert application.now == AT_ONCE + len(others)
        gone = greedy.pop()
        gone.cancel()
        application.may_end.set()
        await asyncio.gather(*greedy, *tasks)
        assert len(application.served) == 59 + len(others)
        assert turns._turns == {}

    asyncio.run(work())
