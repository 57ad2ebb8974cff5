"""Up to which number a record is proved, in words, with gaps that nobody names and older versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.record_proof.robot_proofs import describe
from edge_node.record.proof import ProofState
from tests.support.records import RobotRecord
from tests.support.signed_records import fed, keys_of, proof_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RobotRecord:
    """Two starts: 8 verdicts of which 4 is given up, and 5."""
    made = RobotRecord(tmp_path_factory.mktemp("robot"))
    made.run(8, refused=(4,))
    made.run(5)
    return made


def test_a_gap_that_no_checkpoint_names_is_told(record: RobotRecord, tmp_path: Path, place) -> None:
    """What the robot gave up is no gap; what vanished on the way is, and what is before it is not proved."""
    first = record.epochs[0]
    lines = [line for line in record.lines() if line != record.verdicts[first, 6]]
    with fed(tmp_path, [lines], keys_of(record.public), place=place) as history:
        found = proof_of(history)
        old = found.epochs[1]
        assert (found.state, old.proved_from, old.proved_to, old.unnamed) == (
            ProofState.PARTLY,
            7,
            8,
            ((6, 6),),
        )
        assert found.problems == (f"epoch {first}: number 6 is missing, and no checkpoint names that",)
        assert describe(old).startswith("proved: numbers 7 to 8; number 6 is missing")


def test_a_signed_verdict_that_never_came_is_missing(record: RobotRecord, tmp_path: Path, place) -> None:
    """A verdict that a checkpoint signed and that never came is missing."""
    second = record.epochs[1]
    without = [line for line in record.lines() if line != record.verdicts[second, 5]]
    with fed(tmp_path, [without], keys_of(record.public), place=place) as history:
        found = proof_of(history)
        assert (found.epochs[0].signed_to, found.epochs[0].unnamed) == (5, ((5, 5),))
        assert found.epoch == record.epochs[0]


def test_a_chain_that_was_taken_out_is_told(record: RobotRecord, tmp_path: Path, place) -> None:
    """A whole epoch without links behind chained ones: an older version, or somebody's hand."""
    second = record.epochs[1].encode()
    stripped = [_strip(line) if second in line and b'"outcome"' in line else line for line in record.lines()]
    with fed(tmp_path, [stripped[: len(record.verdicts)]], keys_of(record.public), place=place) as history:
        found = proof_of(history)
        assert found.state is ProofState.NOT_CHAINED
        assert "was the chain taken out?" in found.problems[-1]


def _strip(line: bytes) -> bytes:
    at = line.index(b',"previous_sha256":')
    return line[:at] + b"}"
