"""Queries of the page: strips of each asset, and what the page opens with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge_node.messages.verdict import Pose
from tests.support.room_app import RoomApp
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def room(tmp_path: Path) -> Any:
    """A room in which one robot went along two pipes."""
    with RoomApp(tmp_path) as app:
        for seq, asset in enumerate(("pipe-7", "pipe-7", "pipe-9"), start=1):
            app.history.add_verdict(verdict(seq, "C", asset=asset, pose=Pose(distance_m=float(seq))))
        yield app


def test_an_answer_over_several_assets_offers_a_strip_of_each(room: RoomApp) -> None:
    """What older programs ask for stays as it was; beside it, or alone if so asked, each asset's own."""
    both = room.request("/api/strip?cells=10").json()
    assert sum(cell["corroded"] for cell in both["cells"]) == 3
    assert [(strip["asset"], strip["robots"]) for strip in both["strips"]] == [
        ("pipe-7", ["crawler-1"]),
        ("pipe-9", ["crawler-1"]),
    ]
    assert room.request("/api/strip?cells=10&by_asset=true").json() == {"strips": both["strips"], "total": 2}
    one = room.request("/api/strip?cells=10&asset=pipe-7").json()
    assert set(one) == {"cells", "by_time"}
    assert room.request("/api/strip?by_asset=true&robots=quay/crawler-2").json() == {"strips": [], "total": 0}


@pytest.mark.parametrize("robots", ["crawler-1", "quay/", "quay/a,b", "quay/a/b"])
def test_robots_are_named_with_their_site(room: RoomApp, robots: str) -> None:
    """Anything else is refused in one sentence."""
    answer = room.request(f"/api/strip?by_asset=true&robots={robots}")
    assert answer.status == 400
    assert "wanted site/robot" in answer.json()["problem"]


def test_verdicts_without_an_asset_can_be_asked_for(room: RoomApp) -> None:
    """As a stretch of their strip does."""
    room.history.add_verdict(verdict(4, "U", pose=Pose(distance_m=4.0)))
    (found,) = room.request("/api/verdicts?without_asset=true").json()["verdicts"]
    assert found["id"] == "crawler-1:epoch:4"


def test_the_page_opens_with_what_it_expects(room: RoomApp) -> None:
    """The topic and the broker that it listens to, where nothing came yet."""
    state = room.request("/api/state").json()
    assert state["listens_to"] == "corrosion/v1/+/+/# at 127.0.0.1:1"
    assert (state["link"]["state"], state["link"]["known_until"]) == ("stopped", None)
    assert state["usage"]["open_findings"] == 0
