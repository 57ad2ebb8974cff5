"""What people see and decide of defects by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.defects.defect_book import DefectBook
from tests.support.defect_worlds import PassOf, TruePlace, look, store
from tests.support.room_app import Answer, RoomApp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACES = [TruePlace(1.0, 300), TruePlace(1.3, 900), TruePlace(4.2, 500)]
FIRST, SECOND = {"site": "quay", "id": "crawler-1:e0:f1"}, {"site": "quay", "id": "crawler-1:e0:f18"}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RoomApp]:
    """A room with three defects, of two findings each."""
    with RoomApp(tmp_path) as opened:
        for number in range(2):
            one = PassOf(number, scale=1 + 0.04 * number, wrong_kinds=0.0)
            store(opened.history, look(PLACES, one, np.random.default_rng(number)))
        DefectBook(opened.history.database).catch_up()
        yield opened


def post(room: RoomApp, path: str, cookie: str = "", **body: Any) -> Answer:
    """Post a decision."""
    content = msgspec.json.encode(body)
    return room.request(
        f"/api/defects{path}", "POST", content, cookie=cookie, content_type="application/json"
    )


def test_a_reviewer_decides_and_a_viewer_looks(room: RoomApp) -> None:
    """Everything that a person may do, in the login's name; each is in the audit and the defect's own log."""
    room.add_user("ada", "reviewer")
    room.add_user("vic", "viewer")
    ada, vic = room.log_in("ada").cookie, room.log_in("vic").cookie
    listed = room.request("/api/defects?site=quay&state=known", cookie=vic).json()["defects"]
    assert [one["label"] for one in listed] == ["D1", "D2", "D3"]
    assert post(room, "/1/name", vic, name="x").status == 403
    assert post(room, "/D1/name", ada, name="weld 7", by="Mallory").json()["name"] == "weld 7"
    assert post(room, "/1/note", ada, text="looked at").json()["notes"] == 1
    assert post(room, "/1/assign", ada, to="bob").json()["assignee"] == "bob"
    assert post(room, "/1/mute", ada, until="2031-01-01T00:00:00Z").json()["muted_until"]
    assert post(room, "/1/state", ada, state="repaired").json()["state"] == "repaired"
    assert post(room, "/1/join", ada, others=[2]).json()["sightings"] == 4
    parted = post(room, "/1/part", ada, findings=[SECOND])
    assert (parted.status, parted.json()["sightings"]) == (201, 1)
    assert post(room, "", ada, findings=[FIRST, SECOND]).json()["sightings"] == 4
    whole = room.request("/api/defects/1", cookie=vic).json()
    assert [deed["action"] for deed in whole["log"]][-6:] == [
        "join",
        "state",
        "mute",
        "assign",
        "note",
        "name",
    ]
    assert {deed["by"] for deed in whole["log"]} == {"ada"}
    assert {one["by"] for one in whole["observations"]} == {"person"}
    assert len(whole["drifts"]) == 2
    entries = room.history.audit_entries(limit=50, action=Deed.DEFECT)
    assert [(one.user, one.subject, one.text) for one in entries][-2:] == [
        ("ada", "D1", "note"),
        ("ada", "D1", "name"),
    ]
    found = room.request(f"/api/findings/quay/{FIRST['id']}", cookie=vic).json()["defect"]
    assert (found["label"], found["name"], found["state"]) == ("D1", "weld 7", "repaired")
    assert room.request("/api/defects/pairs?site=quay", cookie=vic).json() == {"pairs": []}


def test_what_is_wrong_is_refused_in_a_sentence(room: RoomApp) -> None:
    """Without a login a name is wanted; unknown defects, states and fields are named."""
    assert post(room, "/1/name", name="x").json()["problem"].startswith("by: wanted the name of the person")
    assert post(room, "/1/name", name="x", by="Ada").status == 200
    assert post(room, "/99/name", name="x", by="Ada").json() == {"problem": "no defect D99"}
    assert post(room, "/x/name", name="x", by="Ada").status == 404
    assert post(room, "/1/state", state="gone", by="Ada").status == 400
    assert post(room, "/1/state", state="unsure", by="Ada").status == 409
    assert post(room, "/1/note", text="", by="Ada").status == 400
    assert room.request("/api/defects/1/name", "POST", b"{}").status == 415
    assert room.request("/api/defects/99").status == 404
    assert room.request("/api/defects?state=gone").status == 400
    assert room.request("/api/defects/pairs").status == 400
