"""The missions that a history holds."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.messages.verdict import EpochEnd, Pose
from tests.support.verdicts import START, verdict


def passes(*, epoch="epoch", first=1, begin=START, count=60, **fields):
    """Verdicts of a crawler that goes three metres there and three back, ten to the metre."""
    return [
        verdict(
            seq,
            "U",
            **{
                "asset": "pipe",
                "id": f"crawler-1:{epoch}:{seq}",
                "pose": Pose(distance_m=abs((seq + 29) % 60 - 30) / 10),
                "observed_at": begin + timedelta(seconds=seq),
                "boot_id": "boot",
                **fields,
            },
        )
        for seq in range(first, first + count)
    ]


@pytest.fixture
def history(tmp_path):
    """An empty history."""
    opened = History(tmp_path / "room")
    yield opened
    opened.close()


def test_what_arrives_late_and_in_disorder_makes_the_same_missions(history, tmp_path):
    """Epoch and number decide, not arrival: a backlog after live verdicts, shuffled, read at every step."""
    told = passes(count=140)
    inorder = History(tmp_path / "other")
    with inorder.transaction():
        for one in told:
            inorder.add_verdict(one)
    book = MissionBook(history.database)
    shuffled = list(told)
    random.Random(7).shuffle(shuffled)  # noqa: S311  no secret
    for at in range(0, 140, 35):
        with history.transaction():
            for one in shuffled[at : at + 35]:
                history.add_verdict(one)
        book.missions()  # remembers what it has read so far
    expected = MissionBook(inorder.database).missions()
    inorder.close()
    assert len(expected) == 5
    assert book.missions() == MissionBook(history.database).missions() == expected
    assert [one.id for one in expected][:2] == ["crawler-1:epoch:m1", "crawler-1:epoch:m32"]


def test_a_clock_that_is_set_breaks_no_mission(history):
    """The robot booted in 1970 and learned the time on its way: monotonic time tells that it never paused."""
    old = START.replace(year=1970)
    with history.transaction():
        for one in passes(count=15, begin=old) + passes(first=16, count=15):
            history.add_verdict(one)
    (found,) = MissionBook(history.database).missions()
    assert (found.verdicts, found.from_m, found.to_m) == (30, 0.0, 2.9)


def test_epochs_follow_each_other_as_they_say_not_as_their_clocks_do(history):
    """The second epoch's clock is a year behind; it goes on where the first ended, but paused for long."""
    end = EpochEnd(epoch="a", seq=10, sha256=None)
    second = passes(epoch="b", count=10, begin=START - timedelta(days=365), boot_id="other")
    second[0] = verdict(
        1,
        "U",
        asset="pipe",
        id="crawler-1:b:1",
        pose=Pose(distance_m=0.1),
        observed_at=START - timedelta(days=365),
        boot_id="other",
        previous_epoch=end,
    )
    with history.transaction():
        for one in second + passes(epoch="a", count=10):
            history.add_verdict(one)
    missions = MissionBook(history.database).missions()
    assert sorted(one.id for one in missions) == ["crawler-1:a:m1", "crawler-1:b:m1"]


def test_missions_are_found_by_asset_and_by_any_of_their_numbers(history):
    """Also by the id that a mission had before a backlog brought its beginning."""
    with history.transaction():
        for one in passes(first=10, count=20):
            history.add_verdict(one)
    book = MissionBook(history.database)
    (before,) = book.missions(asset="pipe")
    assert book.missions(asset="hull") == []
    with history.transaction():
        for one in passes(first=1, count=9):
            history.add_verdict(one)
    (after,) = book.missions(site="quay", robot="crawler-1")
    assert (before.id, after.id) == ("crawler-1:epoch:m10", "crawler-1:epoch:m1")
    assert book.find("quay", before.id) == after
    for unknown in ("crawler-1:epoch:m999", "crawler-1:epoch:9", "crawler-1", "", "x:y:m" + "9" * 30):
        assert book.find("quay", unknown) is None
    assert after.bundles == ("b 1",)
    assert after.coverage == 1.0
