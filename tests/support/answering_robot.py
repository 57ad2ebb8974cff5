"""A robot that does nothing but answer commands with "done"."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import datetime, timezone

import msgspec

from edge_node.messages.response import Response, Result
from edge_node.messages.topics import Topics
from tests.support.collector import Collector


class AnsweringRobot(Collector):
    """Subscribes to its commands, answers each, and may publish as the robot."""

    def __init__(self, port: int, site: str, robot: str) -> None:
        self.topics = Topics(site, robot)
        self._numbers = iter(range(1, 1000))
        super().__init__(port, f"{self.topics.base}/cmd/#", client_id=f"{site}-{robot}")

    def _received(self, client, data, message) -> None:
        super()._received(client, data, message)
        number = next(self._numbers)
        answer = Response(
            id=f"{self.topics.robot}:epoch:r{number}",
            seq=number,
            site=self.topics.site,
            robot=self.topics.robot,
            at=datetime.now(timezone.utc),
            verb=message.topic.rpartition("/")[2],
            command_id=json.loads(message.payload)["id"],
            result=Result.DONE,
            code="done",
            text="",
        )
        # Not in paho's own thread, which would wait for itself.
        payload = msgspec.json.encode(answer)
        threading.Thread(target=self._answer, args=(payload,)).start()

    def _answer(self, payload: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the test has ended
            self.publish(self.topics.response, payload)
