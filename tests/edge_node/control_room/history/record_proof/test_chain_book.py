"""A room checks each verdict's link once, whatever the order, over batches, restarts and deletions."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from edge_node.control_room.history.history import History
from edge_node.control_room.history.record_proof.chain_book import catch_up, load_ranges, tangle_fragmented
from edge_node.control_room.history.storage.tables import chain_range, epoch_before
from edge_node.messages.verdict import encode
from edge_node.record.proof import ProofState
from tests.support.records import RobotRecord, forged
from tests.support.signed_records import fed, keys_of, proof_of
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RobotRecord:
    """Two starts: 12 verdicts of which 4, 5 and 9 are given up, and 5."""
    made = RobotRecord(tmp_path_factory.mktemp("robot"))
    made.run(12, refused=(4, 5, 9))
    made.run(5)
    return made


@pytest.mark.parametrize("seed", range(3))
def test_a_record_is_proved_in_any_order(record: RobotRecord, tmp_path: Path, place, seed: int) -> None:
    """In batches of any size, some of it twice."""
    lines = record.lines()
    random.Random(seed).shuffle(lines)  # noqa: S311  no secret
    batches = [lines[:7], lines[7:8], lines[5:]]
    with fed(tmp_path, batches, keys_of(record.public), place=place) as history:
        found = proof_of(history)
        assert (found.state, found.epoch, found.proved_to) == (ProofState.PROVED, record.epochs[1], 5)
        assert (found.not_yet, found.problems) == (0, ())


def test_a_changed_verdict_is_told_with_both_hashes(record: RobotRecord, tmp_path: Path, place) -> None:
    """Where it is, what the next one names, and what came; the true one, which came too late, is told."""
    first = record.epochs[0]
    true = record.verdicts[first, 2]
    lines = [forged(true, outcome="corroded") if line == true else line for line in record.lines()]
    with fed(tmp_path, [lines, [true]], keys_of(record.public), place=place) as history:
        found = proof_of(history)
        assert found.state is ProofState.BROKEN
        assert found.problems[0].startswith(f"epoch {first}: number 3 names ")
        assert found.problems[0].endswith("the named one came too, under the same id")
        assert found.epochs[1].breaks[0].seq == 3


def test_a_robot_of_a_version_without_the_chain_is_not_chained(tmp_path: Path, place) -> None:
    """Its verdicts name none: never broken, whatever is missing."""

    def old(seq: int) -> bytes:
        fields = b',"previous_sha256":null,"previous_epoch":null'
        payload = encode(verdict(seq, "U"))
        assert fields in payload
        return payload.replace(fields, b"")

    with fed(tmp_path, [[old(1), old(2), old(5)], [old(3)]], place=place) as history:
        found = proof_of(history)
        assert (found.state, found.problems) == (ProofState.NOT_CHAINED, ())
    with closing(History(tmp_path, place=place)) as history:
        history.database.write(delete(chain_range))
        assert catch_up(history.database) == 4
        assert proof_of(history).state is ProofState.NOT_CHAINED


def test_what_another_version_stored_is_checked_at_the_start(
    record: RobotRecord, tmp_path: Path, place
) -> None:
    """All of an upgraded file, and after the way back what came meanwhile; a second start finds nothing."""
    with fed(tmp_path, [record.lines()], keys_of(record.public), place=place) as history:
        before = proof_of(history)
        history.database.write(delete(chain_range))
        history.database.write(delete(epoch_before))
        assert proof_of(history).state is not ProofState.PROVED
        assert catch_up(history.database) == len(record.verdicts)
        assert proof_of(history) == before
        assert catch_up(history.database) == 0


def test_a_chain_that_is_broken_everywhere_stays_small(tmp_path: Path, place, monkeypatch) -> None:
    """The lowest ranges are told apart no longer."""
    monkeypatch.setattr("edge_node.control_room.history.record_proof.chain_book.MAX_RANGES", 10)
    lines = [encode(verdict(seq, "U", previous_sha256=f"{seq:064x}")) for seq in range(2, 40)]
    with fed(tmp_path, [lines], place=place) as history:
        tangle_fragmented(history.database)
        assert len(load_ranges(history.database, 1)) <= 10
        assert proof_of(history).state is ProofState.BROKEN
