"""Which verdicts and findings a robot has given: over restarts, kills, damage and many starts."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from edge_node.commands import known_subjects
from edge_node.commands.known_subjects import FILE_NAME, KnownSubjects
from edge_node.messages.verdict import Verdict
from tests.support.verdicts import verdict


class Ended(msgspec.Struct, frozen=True):
    """The end of the epoch before, as the first verdict of an epoch names it."""

    epoch: str
    seq: int


class FirstVerdict(Verdict, frozen=True, kw_only=True):
    """A verdict that names the epoch before."""

    previous_epoch: Ended | None = None


@dataclass
class Robot:
    """A robot that can be stopped, killed and started, over one state folder."""

    folder: object
    open_ids: tuple[str, ...] = ()

    def start(self) -> KnownSubjects:
        """Open what is known, as a start does."""
        self.known = KnownSubjects(self.folder, lambda: self.open_ids)
        return self.known.__enter__()

    def say(self, epoch: str, *numbers: int, before: Ended | None = None) -> None:
        """Give verdicts."""
        for seq in numbers:
            plain = verdict(seq, "C", id=f"r:{epoch}:{seq}", robot="r")
            fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
            self.known.note(FirstVerdict(**{**fields, "previous_epoch": before if seq == 1 else None}))

    def gave(self, subject: str) -> bool:
        """Tell whether it may have given this."""
        return self.known.find_problem(f"r:{subject}") is None


@pytest.fixture
def robot(tmp_path) -> Robot:
    """Return one that was started for the first time."""
    robot = Robot(tmp_path)
    robot.start()
    return robot


def test_numbers_are_known_up_to_the_last(robot) -> None:
    """Of the epoch that goes on, and of nothing else."""
    assert not robot.gave("a:1")
    robot.say("a", 1, 2, 3)
    assert robot.gave("a:3")
    assert "the last verdict of its epoch is 3" in robot.known.find_problem("r:a:4")
    assert "is not known to this robot: it gave no verdict of epoch b" in robot.known.find_problem("r:b:1")
    robot.known.close()


def test_a_finding_is_known_if_it_was_opened(robot) -> None:
    """Also after it was closed; a verdict's number alone makes no finding."""
    robot.say("a", 1, 2)
    robot.open_ids = ("r:a:f2",)
    robot.say("a", 3)
    robot.open_ids = ()
    robot.say("a", 4)
    assert robot.gave("a:f2")
    assert "no finding of its epoch has this number" in robot.known.find_problem("r:a:f3")
    robot.known.close()
    robot.start()
    robot.say("b", 1, before=Ended("a", 4))
    assert robot.gave("a:f2")
    assert not robot.gave("a:f3")
    assert not robot.gave("b:f1")
    robot.known.close()


def test_an_earlier_epoch_is_known_after_a_stop_and_after_a_kill(robot, tmp_path) -> None:
    """A stop records its last number; after a kill the next epoch's first verdict names it."""
    robot.say("a", 1, 2, 3)
    robot.known.close()
    robot.start()
    assert robot.gave("a:3")
    assert not robot.gave("a:4")
    robot.say("b", 1, 2, before=Ended("a", 3))
    robot.known.close()
    killed = msgspec.json.decode((tmp_path / FILE_NAME).read_bytes())
    killed[-1]["last"] = None
    (tmp_path / FILE_NAME).write_bytes(msgspec.json.encode(killed))
    robot.start()
    assert robot.gave("b:99")  # how far it came is not known before the first verdict
    robot.say("c", 1, before=Ended("b", 2))
    assert robot.gave("b:2")
    assert not robot.gave("b:3")
    assert not robot.gave("a:4")
    robot.known.close()


def test_verdicts_of_a_version_that_noted_nothing_are_known_by_the_next_epoch(robot) -> None:
    """Their number is checked; which of them opened findings is not known, so a finding is believed."""
    robot.say("new", 1, before=Ended("old", 40))
    assert robot.gave("old:40")
    assert robot.gave("old:f7")
    assert not robot.gave("old:f41")
    robot.known.close()


def test_an_epoch_that_was_joined_in_its_middle(robot) -> None:
    """Its findings may have been opened before."""
    robot.say("a", 12)
    assert robot.gave("a:f7")
    robot.known.close()


@pytest.mark.parametrize("content", [b"", b"[{", b'{"a": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_begins_anew(robot, tmp_path, content) -> None:
    """The node starts; what was given before is not known any more."""
    robot.say("a", 1)
    robot.known.close()
    (tmp_path / FILE_NAME).write_bytes(content)
    robot.start()
    assert not robot.gave("a:1")
    robot.say("b", 1)
    assert robot.gave("b:1")
    robot.known.close()


def test_the_file_is_bounded(robot, tmp_path, monkeypatch) -> None:
    """The oldest epochs are forgotten, and which findings the oldest of the rest had."""
    monkeypatch.setattr(known_subjects, "MAX_EPOCHS", 3)
    monkeypatch.setattr(known_subjects, "MAX_FINDINGS", 2)
    for epoch in "abcde":
        robot.open_ids = (f"r:{epoch}:f1",)
        robot.say(epoch, 1, 2)
    assert [known["epoch"] for known in _file(robot, tmp_path)] == ["c", "d", "e"]
    assert [known["findings"] for known in _file(robot, tmp_path)] == [None, [1], [1]]
    assert robot.gave("c:f2")
    assert not robot.gave("d:f2")


def _file(robot, folder):
    robot.known.close()
    return msgspec.json.decode((folder / FILE_NAME).read_bytes())


def test_a_disk_that_takes_nothing_costs_the_memory_of_a_restart_alone(robot, tmp_path, caplog) -> None:
    """It is told, and verdicts go on."""
    (tmp_path / f".{FILE_NAME}.new").mkdir()
    robot.say("a", 1)
    robot.known.close()
    assert "older reviews may be refused after a restart" in caplog.text
    assert robot.gave("a:1")
