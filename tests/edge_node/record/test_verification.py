"""A record is proved or it is not: every way to change it, cut it or add to it is told."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.messages.checkpoint import GivenUp
from edge_node.messages.verdict import encode
from edge_node.record.report import format_report
from edge_node.record.verification import verify
from edge_node.signing import load_trusted_key, make_key_pair
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.losses import one_given_up
from tests.support.records import RobotRecord, forged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edge_node.record.report import RecordReport


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RobotRecord:
    """Three starts: 12 verdicts of which 4, 5 and 9 are given up, 8 and a kill, 5."""
    made = RobotRecord(tmp_path_factory.mktemp("robot"))
    made.run(12, refused=(4, 5, 9))
    made.run(8, killed=True)
    made.run(5)
    return made


def check(
    record: RobotRecord, lines: Iterable[bytes], *, signed: bool = True, is_part: bool = False
) -> RecordReport:
    """Verify lines of a record."""
    keys = [load_trusted_key(str(record.public), "--key")] if signed else []
    return verify([(f"line {n}", line) for n, line in enumerate(lines, 1)], keys, is_part=is_part)


def problems(report: RecordReport) -> str:
    """All that is wrong, as text."""
    return "\n".join([*report.problems, *(text for robot in report.robots for text in robot.problems)])


@pytest.mark.parametrize("signed", [True, False], ids=["with the key", "without a key"])
def test_a_whole_record_is_proved_in_any_order_and_with_repetitions(
    record: RobotRecord, signed: bool
) -> None:
    """Over a kill and what the robot gave up; repetitions are counted."""
    lines = record.lines() + record.lines()[3:7]
    random.Random(1).shuffle(lines)  # noqa: S311  an order, no secret
    report = check(record, lines, signed=signed)
    assert problems(report) == ""
    assert report.is_proved
    (robot,) = report.robots
    assert [epoch.epoch for epoch in robot.epochs] == record.epochs
    counts = [(epoch.first, epoch.last, epoch.verdicts, epoch.given_up, epoch.end) for epoch in robot.epochs]
    assert counts == [(1, 12, 9, 3, "followed"), (1, 8, 8, 0, "followed"), (1, 5, 5, 0, "stopped")]
    assert sum(epoch.repeated for epoch in robot.epochs) == 4
    assert not any(epoch.gaps for epoch in robot.epochs)
    assert ("signed to the last" in report.conclusion) == signed
    assert robot.signed_up_to == (f"number 5 of epoch {record.epochs[2]}" if signed else "")
    assert list(format_report(report))[-1] == report.conclusion


@pytest.mark.parametrize("signed", [True, False], ids=["with the key", "without a key"])
def test_each_verdict_that_is_missing_is_an_alarm(record: RobotRecord, signed: bool) -> None:
    """The first, the last, one before what was given up, one before a kill: whichever it is."""
    for (epoch, seq), payload in record.verdicts.items():
        report = check(record, [line for line in record.lines() if line != payload], signed=signed)
        assert f"{epoch}: number {seq} is missing, and no checkpoint names it" in problems(report)
        assert not report.is_proved
        assert report.conclusion.startswith("NOT PROVED")


@pytest.mark.parametrize("signed", [True, False], ids=["with the key", "without a key"])
def test_each_verdict_that_was_changed_is_an_alarm(record: RobotRecord, signed: bool) -> None:
    """One letter is enough, also in the last verdict and beside a gap that a checkpoint names."""
    for (epoch, seq), payload in record.verdicts.items():
        changed = payload.replace(b'"uncorroded"', b'"corroded"')
        report = check(
            record, [changed if line == payload else line for line in record.lines()], signed=signed
        )
        assert not report.is_proved, (epoch, seq)
        assert epoch in problems(report)


def test_a_second_content_under_one_number_is_a_conflict(record: RobotRecord) -> None:
    """The one that the chain names is the true one, in whichever order they come."""
    payload = record.verdicts[record.epochs[1], 3]
    for lines in ([forged(payload, outcome="corroded"), *record.lines()], [*record.lines(), payload + b" "]):
        report = check(record, lines)
        assert problems(report) == f"{record.epochs[1]}: number 3 came with 2 different contents"
        assert report.robots[0].epochs[1].conflicts == 1


def test_an_epoch_that_is_missing_is_an_alarm(record: RobotRecord) -> None:
    """The next one names it, and so do its own checkpoints."""
    for gone in record.epochs[:2]:
        lines = [line for (epoch, _), line in record.verdicts.items() if epoch != gone]
        assert f"the epoch before it, {gone}" in problems(check(record, lines, signed=False))
        everything = check(record, [*lines, *record.checkpoints])
        assert f"{gone}: numbers 1 to" in problems(everything)


def test_what_was_given_up_is_an_alarm_where_no_signed_checkpoint_names_it(
    record: RobotRecord, tmp_path: Path
) -> None:
    """A checkpoint that was changed, or that another key signed, does not count."""
    first = record.epochs[0]
    without = check(record, record.verdicts.values(), signed=False)
    assert f"{first}: numbers 4 to 5 are missing" in problems(without)
    changed = [line.replace(b'"first":4,"last":5', b'"first":2,"last":5') for line in record.checkpoints]
    report = check(record, [*record.verdicts.values(), *changed])
    assert "its signature does not hold" in problems(report)
    assert f"{first}: numbers 4 to 5 are missing" in problems(report)
    other = load_trusted_key(str(make_key_pair(tmp_path / "other.pem")), "--key")
    report = verify([("line", line) for line in record.lines()], [other])
    assert "another key signed it" in problems(report)
    assert "no signature reaches it" in problems(report)
    spaced = record.checkpoints[0].replace(b',"signature":', b', "signature":')
    assert "its bytes were changed" in problems(check(record, [*record.lines(), spaced]))


def test_verdicts_that_no_signature_reaches_are_told(record: RobotRecord) -> None:
    """A tail that was forged with a chain of its own is not proved by the checkpoints before it."""
    epoch = record.epochs[1]
    lines = [line for (name, _), line in record.verdicts.items() if name != record.epochs[2]]
    killed = [line for line in record.checkpoints if record.epochs[2].encode() not in line]
    assert check(record, [*lines, *killed]).is_proved
    report = check(record, [*lines, *(line for line in killed if epoch.encode() not in line)])
    assert problems(report) == f"{epoch}: numbers 1 to 8: no signature reaches it"


def test_a_chain_that_was_taken_out_is_an_alarm(record: RobotRecord) -> None:
    """Also if every verdict lacks it, as those of an older version do."""
    bare = []
    for line in record.verdicts.values():
        fields = msgspec.json.decode(line, type=dict)
        del fields["previous_sha256"], fields["previous_epoch"]
        bare.append(msgspec.json.encode(fields))
    report = check(record, bare, signed=False)
    assert "numbers 1 to 8: made by a version without the chain" in problems(report)
    assert not any("encoded again" in note for robot in report.robots for note in robot.notes)
    nulls = [forged(line, previous_sha256=None, previous_epoch=None) for line in record.verdicts.values()]
    found = problems(check(record, nulls, signed=False))
    assert "numbers 2 to 8: it names no verdict before it" in found
    assert "it says that nothing came before it" in found


def test_payloads_that_were_encoded_again_are_guessed(record: RobotRecord) -> None:
    """Spaces in each line: nothing is proved, and a note says what may have happened."""
    spaced = [msgspec.json.format(line, indent=0) for line in record.verdicts.values()]
    report = check(record, spaced, signed=False)
    assert not report.is_proved
    assert sum("encoded again" in note for note in report.robots[0].notes) == 3
    assert not any("encoded again" in note for note in check(record, record.lines()).robots[0].notes)


def test_a_copy_of_the_state_folder_shows_as_a_fork(tmp_path: Path) -> None:
    """All ids are different, and two epochs follow one."""
    robot = RobotRecord(tmp_path)
    first = robot.run(3)
    shutil.copytree(robot.folder, tmp_path / "copy")
    second = robot.run(4)
    shutil.rmtree(robot.folder)
    (tmp_path / "copy").rename(robot.folder)
    third = robot.run(5)
    assert len(robot.verdicts) == 12
    report = check(robot, robot.lines())
    assert f"{first}: 2 epochs follow it ({', '.join(sorted((second, third)))})" in problems(report)
    assert len(report.robots[0].problems) == 1


def test_a_run_without_a_verdict_is_no_epoch(tmp_path: Path) -> None:
    """It names what was given up before it, and the next run follows the one before it."""
    robot = RobotRecord(tmp_path)
    first = robot.run(5, killed=True)
    database = SpoolDatabase(robot.folder / "spool.sqlite")
    database.set_meta({}, lost=[one_given_up(first, 2, robot.verdicts[first, 2])])
    database.close()
    robot.run(0)
    assert len(robot.checkpoints) == 2
    assert b'"last_seq":0' in robot.checkpoints[1]
    third = robot.run(3)
    report = check(robot, [line for line in robot.lines() if line != robot.verdicts[first, 2]])
    assert report.is_proved, problems(report)
    assert [epoch.epoch for epoch in report.robots[0].epochs] == [first, third]
    assert report.robots[0].epochs[0].given_up == 1


def test_a_first_epoch_whose_first_verdict_was_given_up_is_proved(tmp_path: Path) -> None:
    """Its checkpoint says that nothing came before it, and is believed only where nothing did."""
    robot = RobotRecord(tmp_path)
    robot.run(3, refused=(1,))
    own = robot.lines()
    robot.run(2)
    assert check(robot, robot.lines()).is_proved
    (tmp_path / "other").mkdir()
    other = RobotRecord(tmp_path / "other")
    other.signer = robot.signer
    other.run(3, refused=(1,))
    assert "nothing came before it, though other epochs" in problems(check(robot, own + other.lines()))


def test_a_robot_that_was_renamed_goes_on_with_its_chain(tmp_path: Path) -> None:
    """The epoch before is another name's; in a record without that it is missing."""
    robot = RobotRecord(tmp_path)
    robot.run(3)
    second = robot.run(1)
    name = {"robot": "crawler-2", "id": f"crawler-2:{second}:1"}
    renamed = forged(robot.verdicts.pop((second, 1)), **name)
    report = check(robot, [*robot.verdicts.values(), renamed], signed=False)
    assert problems(report) == ""
    assert "is one of quay/crawler-1: another name" in report.robots[1].notes[0]
    assert "is not here" in problems(check(robot, [renamed], signed=False))


def test_an_epoch_that_goes_on_after_its_end_is_an_alarm(record: RobotRecord) -> None:
    """After the end that the next epoch names, or that the last checkpoint names."""
    for at, who in ((1, "the next epoch names"), (2, "the last checkpoint names")):
        epoch = record.epochs[at]
        last = max(seq for name, seq in record.verdicts if name == epoch)
        payload = record.verdicts[epoch, last]
        more = forged(payload, seq=last + 1, id=f"crawler-1:{epoch}:{last + 1}")
        assert f"{epoch}: numbers after {last}, which {who}" in problems(
            check(record, [*record.lines(), more])
        )


def test_a_part_of_a_record_need_not_have_what_came_before(record: RobotRecord) -> None:
    """But nothing may be missing within it."""
    later = [line for line in record.lines() if record.epochs[0].encode() not in line[:400]]
    part = [line for line in later if line != record.verdicts[record.epochs[1], 1]]
    part = [line for line in part if line != record.verdicts[record.epochs[1], 2]]
    assert not check(record, part).is_proved
    report = check(record, part, is_part=True)
    assert problems(report) == ""
    assert any("before this part of the record" in note for note in report.robots[0].notes)
    older = GivenUp(epoch="older", first=5, last=9)
    named = record.checkpoints[-1].replace(b'"given_up":[]', b'"given_up":[%s]' % encode(older))
    assert "older: " in problems(check(record, [*record.lines(), named], signed=False))
    assert problems(check(record, [*part, named], signed=False, is_part=True)) == ""
    holed = [line for line in part if line != record.verdicts[record.epochs[1], 5]]
    assert "number 5 is missing" in problems(check(record, holed, is_part=True))


def test_lines_that_are_no_message_are_told_and_others_left_out(record: RobotRecord) -> None:
    """A line that was cut, or that contradicts itself, is told with its place."""
    cut = record.lines()[0][:-9]
    status = b'{"schema":"corrosion/v1","site":"quay","robot":"crawler-1","presence":"online"}'
    other = forged(record.lines()[1], id="crawler-2:x:2")
    report = check(record, [*record.lines(), cut, b"", status, other, b"\xff\xfe"])
    assert len(report.problems) == 3
    assert report.problems[0].startswith(f"line {len(record.lines()) + 1}: no message of a robot")
    assert "is not ROBOT:EPOCH:SEQ" in report.problems[1]
    assert report.left_out == 1
    assert check(record, []).conclusion == "NOT PROVED: no verdict is in it"


def test_absurd_numbers_do_not_hang_the_check(record: RobotRecord) -> None:
    """A forged range or end of billions is told like any other."""
    payload = record.verdicts[record.epochs[1], 1]
    before = {"epoch": record.epochs[0], "seq": 2**53, "sha256": None}
    forgery = forged(record.checkpoints[0], given_up=[{"epoch": "x", "first": 1, "last": 2**53}])
    report = check(record, [*record.lines(), forged(payload, previous_epoch=before), forgery], signed=False)
    assert "numbers 13 to 9007199254740992 are missing" in problems(report)
