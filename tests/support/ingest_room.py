"""An ingest in this process, and what robots publish to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.settings import build_settings
from edge_node.messages.status import LinkState
from edge_node.messages.verdict import encode
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


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


class Room:
    """An ingest in this process, with all that it told."""

    def __init__(self, folder: Path, port: int, **room) -> None:
        folder.mkdir(exist_ok=True)
        self.history = History(folder)
        self.arrivals = []
        self.commits = []
        settings = build_settings({"hostname": "127.0.0.1", "port": port}, {"state_dir": str(folder), **room})
        self.ingest = Ingest(
            settings, self.history, folder, self.arrivals.extend, on_commit=self.commits.append
        )
        self.ingest.start()
        wait_for(lambda: self.ingest.link.state is LinkState.CONNECTED, what="connected")

    def close(self) -> None:
        """End it."""
        self.ingest.stop()
        self.history.close()
