"""Fetching a bundle on a disk that verdicts and pictures need."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from edge_node.disk_budget import DiskBudget, FileSystem, Worth
from edge_node.errors import UpdateError
from edge_node.messages.topics import Topics
from edge_node.mqtt.types import Incoming
from edge_node.update.fetcher import Fetcher, piece_payload
from edge_node.update.installer import Installer
from edge_node.update.partial_file import Offer
from edge_node.update.state import Step
from tests.support.processes import wait_for
from tests.support.releases import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.releases import Robot

MB = 1_000_000
TOPICS = Topics("quay", "crawler-1")


class Transfer:
    """A robot that fetches a file over a disk whose free space the test sets."""

    def __init__(self, robot: Robot, file: Path, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        self.robot = robot
        self.content = file.read_bytes()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.budget = DiskBudget(lambda _folder: FileSystem(1, 400 * MB, self.free_bytes, 5000))
        self.installer = Installer(robot.store, robot.config, budget=self.budget)
        self.fetcher = Fetcher(TOPICS, self.installer, lambda: None)

    def offer(self) -> tuple[bool, str, str]:
        """Offer the file by command."""
        size = len(self.content)
        offer = Offer(name=NAME, version="2", sha256=self.sha256, size_bytes=size, command_id="c-0000001")
        return self.fetcher.offer(offer)

    def answer(self) -> bool:
        """Answer the next request of the robot; False if there is none."""
        outgoing = self.fetcher.next_message(0.0, is_idle=True)
        if outgoing is None:
            return False
        request = json.loads(outgoing.payload)
        offset = request["offset"]
        piece = self.content[offset : offset + request["length"]]
        payload = piece_payload(self.sha256, offset, piece)
        self.fetcher.take(Incoming(TOPICS.bundle_piece, payload, is_retained=False))
        return True

    def reasons(self) -> list[str]:
        """Return the reasons for which transfers were given up."""
        return [event.text for event in self.robot.store.state().events if event.step is Step.REFUSED]


@pytest.fixture
def begun(robot: Robot, good: Path) -> Transfer:
    """A transfer of which the first pieces have arrived."""
    transfer = Transfer(robot, good, 300 * MB)
    assert transfer.offer()[0]
    wait_for(lambda: transfer.answer() and transfer.fetcher.held_bytes > 0, what="the first piece")
    return transfer


def test_a_bundle_takes_no_space_that_pictures_or_verdicts_need(robot: Robot, good: Path) -> None:
    """An offer is refused before a byte is asked for, and so is an installation by hand."""
    transfer = Transfer(robot, good, 30 * MB)
    taken, code, text = transfer.offer()
    assert (taken, code) == (False, "disk")
    assert "no room for" in text
    assert "[evidence] max_mb" in text
    with good.open("rb") as source, pytest.raises(UpdateError, match="no room for"):
        transfer.installer.install(source, good.name)
    assert not robot.store.incoming.exists()


def test_a_transfer_ends_where_the_disk_gets_short(begun: Transfer) -> None:
    """Another program took the space meanwhile: no further piece is written, and the command is answered."""
    begun.free_bytes = 20 * MB
    wait_for(lambda: (begun.answer(), begun.reasons())[1], what="the end of the transfer")
    assert begun.reasons() == ["the disk has no room for it beside pictures and verdicts"]
    assert begun.fetcher.held_bytes == 0


def test_a_transfer_gives_way_to_verdicts_and_not_to_pictures(begun: Transfer) -> None:
    """What has arrived is deleted at once; the command is answered with the reason."""
    begun.free_bytes = MB
    here = begun.fetcher.held_bytes
    assert begun.budget.reclaimable_bytes(Worth.RECORD, begun.robot.store.path) == here
    begun.budget.make_room(Worth.RECORD, begun.robot.store.path, 2 * MB)
    assert begun.fetcher.held_bytes == 0
    wait_for(begun.reasons, what="the answer")
    assert begun.reasons() == ["verdicts need its space on the disk"]
    wait_for(lambda: not begun.robot.store.incoming.exists(), what="the transfer forgotten")
