"""From a real mosquitto into the history: nothing missed over kills, nothing let go before it is kept."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import Delivery, StoredReview
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.settings import build_settings
from edge_node.messages.response import Response, Result
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.status import LinkState, Presence, Status
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Incoming, LinkError, Outgoing
from tests.support.collector import Collector
from tests.support.control_room import SYSTEMD_QUEUES, ControlRoom
from tests.support.processes import Mosquitto, wait_for
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERDICTS = 1200
KILLS = 3


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto with the queues of the configuration that we ship."""
    started = Mosquitto(tmp_path, f"user root\n{SYSTEMD_QUEUES}persistence_location {tmp_path}/\n")
    started.start()
    yield started
    started.kill()


def robot_verdict(robot: str, seq: int) -> bytes:
    """A verdict of this robot, with a real epoch."""
    epoch = f"{int(robot[-1]):08d}-0000-4000-8000-000000000000"
    changed = msgspec.structs.replace(
        verdict(seq, "CUU?X"[seq % 5]), robot=robot, id=f"{robot}:{epoch}:{seq}"
    )
    return encode(changed)


def publish_all(port: int, robot: str, count: int, pace_s: float) -> None:
    """Publish as a robot does: QoS 1, the next few after the broker has the last."""
    with Collector(port, "nothing", client_id=robot) as client:
        for seq in range(1, count + 1):
            client.publish(f"corrosion/v1/quay/{robot}/verdict", robot_verdict(robot, seq))
            time.sleep(pace_s)


def test_a_killed_control_room_misses_nothing_when_it_returns(tmp_path: Path, broker: Mosquitto) -> None:
    """Killed amid the verdicts of two robots, and away for a while each time: all are here, once."""
    room = ControlRoom(tmp_path, broker.port)
    room.start()
    robots = [
        threading.Thread(target=publish_all, args=(broker.port, f"crawler-{number}", VERDICTS // 2, 0.002))
        for number in (1, 2)
    ]
    for robot in robots:
        robot.start()
    chance = random.Random(7)  # noqa: S311  no secret
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 0.8))
        room.kill()
        time.sleep(chance.uniform(0.1, 0.5))
        room.start()
    for robot in robots:
        robot.join()
    wait_for(lambda: room.ask("/api/verdicts?limit=1")["total"] >= VERDICTS, 30, "all verdicts")
    state = room.state()
    assert room.stop() == 0
    assert [(one["verdicts"], one["missing"]) for one in state["robots"]] == [(VERDICTS // 2, 0)] * 2
    assert state["gaps"] == []
    assert state["link"]["notices"] == []
    history = History(tmp_path / "room", read_only=True)
    assert history.count_verdicts() == VERDICTS
    history.close()


def test_a_broker_that_stops_and_starts_is_found_again(tmp_path: Path, broker: Mosquitto) -> None:
    """The session survives on the broker's disk, and so does what it holds for the room."""
    with ControlRoom(tmp_path, broker.port) as room:
        broker.terminate()
        wait_for(lambda: room.state()["link"]["state"] == "connecting", 20, "the room noticing")
        assert "connection" in room.state()["link"]["text"].lower()
        broker.start()
        wait_for(lambda: room.state()["link"]["state"] == "connected", 40, "the room connected again")
        publish_all(broker.port, "crawler-1", 3, 0)
        wait_for(lambda: room.ask("/api/verdicts")["total"] == 3, 10, "verdicts after the break")
        assert room.state()["link"]["notices"] == []


def test_a_broker_that_forgot_the_session_is_told_of(tmp_path: Path, broker: Mosquitto) -> None:
    """What was queued is lost then: a person must know, and the gaps show what is missing."""
    with ControlRoom(tmp_path, broker.port) as room:
        room.stop()
        broker.kill()
        for file in tmp_path.glob("mosquitto.db*"):
            file.unlink()
        broker.start()
        room.start()
        (notice,) = room.state()["link"]["notices"]
        assert "no session of ours any more" in notice


class _Room:
    """An ingest in this process, with all that it told."""

    def __init__(self, folder: Path, port: int, **room) -> None:
        folder.mkdir(exist_ok=True)
        self.history = History(folder)
        self.arrivals = []
        settings = build_settings({"hostname": "127.0.0.1", "port": port}, {"state_dir": str(folder), **room})
        self.ingest = Ingest(settings, self.history, folder, self.arrivals.extend)
        self.ingest.start()
        wait_for(lambda: self.ingest.link.state is LinkState.CONNECTED, what="connected")

    def close(self) -> None:
        """End it."""
        self.ingest.stop()
        self.history.close()


def test_what_cannot_be_stored_is_not_acknowledged(tmp_path: Path, broker: Mosquitto) -> None:
    """While the history cannot be written the verdict stays at the broker; it comes when it can be again."""
    room = _Room(tmp_path / "room", broker.port)
    with room.history.transaction():  # whoever else writes gets nothing in
        publish_all(broker.port, "crawler-1", 1, 0)
        time.sleep(0.3)
        assert room.arrivals == []
        room.ingest.stop(0.1)
    room.close()
    again = _Room(tmp_path / "room", broker.port)
    wait_for(lambda: again.history.count_verdicts() == 1, what="the verdict")
    assert len(again.history.robots()) == 1
    again.close()


def test_receipts_say_how_far_verdicts_are_stored(tmp_path: Path, broker: Mosquitto) -> None:
    """Without a gap up to the number that is named, and on again when the gap is closed."""
    with Collector(broker.port, "corrosion/v1/+/+/receipt/room") as listener:
        room = _Room(tmp_path / "room", broker.port, receipts_as="room")
        topic = "corrosion/v1/quay/crawler-1/verdict"
        for seq in (1, 2, 4):
            listener.publish(topic, robot_verdict("crawler-1", seq))
        wait_for(lambda: len(listener.messages) == 1, what="a receipt")
        listener.publish(topic, robot_verdict("crawler-1", 3))
        wait_for(lambda: len(listener.messages) == 2, what="the next receipt")
        said = [msgspec.json.decode(message.payload)["seq"] for message in listener.messages]
        assert said == [2, 4]
        room.close()


def test_what_the_broker_retained_was_not_said_just_now(tmp_path: Path, broker: Mosquitto) -> None:
    """A robot that has been off for a week is shown, but not as heard of today."""
    topic = "corrosion/v1/quay/crawler-1/status"
    status = Status(site="quay", robot="crawler-1", since=START, presence=Presence.OFFLINE)
    with Collector(broker.port, "nothing") as robot:
        room = _Room(tmp_path / "room", broker.port)
        robot.publish(topic, encode(status), retain=True)
        wait_for(room.history.robots, what="the status")
        before = room.history.robots()[0].last_heard_at
        room.close()
        room = _Room(tmp_path / "room", broker.port)
        wait_for(lambda: room.arrivals, what="the retained status")
        (known,) = room.history.robots()
        assert (known.status, known.last_heard_at) == (status, before)
        room.close()


def test_messages_are_sent_and_answered_for(tmp_path: Path, broker: Mosquitto) -> None:
    """With the broker's reason code; without a link they fail at once instead of waiting for one."""
    room = _Room(tmp_path / "room", broker.port)
    assert room.ingest.send(Outgoing("some/where", b"x")).result(5) in (0x00, 0x10)
    broker.kill()
    wait_for(lambda: room.ingest.link.state is LinkState.CONNECTING, what="the link noticed as lost")
    with pytest.raises(LinkError, match="no link"):
        room.ingest.send(Outgoing("some/where", b"x")).result(5)
    room.close()


def told_review(number: int, *, robot: str = "crawler-1", **fields) -> Incoming:
    """A robot's answer to a review that somebody made on a terminal."""
    response = Response(
        **{
            "id": f"{robot}:epoch:response:{number}",
            "seq": number,
            "site": "quay",
            "robot": robot,
            "at": START,
            "verb": "review",
            "command_id": "terminal-0001",
            "result": Result.DONE,
            "code": "recorded",
            "text": "recorded",
            "data": {
                "subject": "crawler-1:epoch:f3",
                "judgement": "disputed",
                "by": "李",
                "outcome": "uncorroded",
            },
            **fields,
        }
    )
    return Incoming(f"corrosion/v1/quay/{robot}/rsp", encode(response), is_retained=False)


def test_a_review_that_a_robot_recorded_is_kept_whoever_made_it(tmp_path: Path) -> None:
    """Once, whatever comes twice; a late answer to one of our own counts; no robot speaks for another."""
    history = History(tmp_path)
    ours = StoredReview(
        review_id="from-the-page",
        site="quay",
        robot="crawler-1",
        finding_id="crawler-1:epoch:f3",
        opinion=ReviewJudgement.CONFIRMED,
        note="",
        reviewer="Anna",
        reviewed_at=START - timedelta(hours=1),
        delivery=Delivery.EXPIRED,
    )
    history.add_review(ours)
    batch = [
        told_review(1),
        told_review(2),  # the same command under another number, in one batch
        told_review(3, command_id="from-the-page"),
        told_review(4, robot="crawler-2", command_id="forged-0001"),
        told_review(5, command_id="refused-0001", result=Result.REFUSED),
        told_review(6, command_id="rubbish-0001", data={"subject": "x"}),
    ]
    assert len(store(history, batch)) == 6
    newest, first = history.reviews(finding_id="crawler-1:epoch:f3")
    assert (newest.review_id, newest.reviewer, newest.opinion) == (
        "terminal-0001",
        "李",
        ReviewJudgement.DISPUTED,
    )
    assert (dict(newest.corrections), newest.delivery) == ({"outcome": "uncorroded"}, Delivery.DONE)
    assert (first.review_id, first.delivery) == ("from-the-page", Delivery.DONE)
    # A number of a command that another robot's review has blocks nothing.
    other = told_review(
        1, robot="crawler-2", data={"subject": "crawler-2:e:f1", "judgement": "confirmed", "by": "x"}
    )
    assert len(store(history, [other])) == 1
    assert history.reviews(finding_id="crawler-2:e:f1") == []
    history.close()
