"""Checkpoints are kept by the epoch, the trusted ones first, and judged again when the keys change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import func, select

from edge_node.control_room.history.record_proof.checkpoint_store import MAX_OF_EPOCH, judge_again
from edge_node.control_room.history.storage.tables import checkpoint
from edge_node.messages.checkpoint import Checkpoint, seal
from edge_node.record.proof import ProofState
from edge_node.signing import Signer, make_key_pair
from tests.support.records import RobotRecord
from tests.support.signed_records import fed, keys_of, proof_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RobotRecord:
    """One start with 6 verdicts, of which 3 is given up."""
    made = RobotRecord(tmp_path_factory.mktemp("robot"))
    made.run(6, refused=(3,))
    return made


def test_keys_that_come_later_prove_what_is_stored(record: RobotRecord, tmp_path: Path, place) -> None:
    """And keys that go prove it no longer."""
    with fed(tmp_path, [record.lines()], place=place) as history:
        found = proof_of(history)
        assert (found.state, found.sentence) == (
            ProofState.UNPROVED,
            "unbroken, not proved: [robots] names no key for it",
        )
        judge_again(history.database, keys_of(record.public).signed)
        assert proof_of(history).state is ProofState.PROVED
        judge_again(history.database, keys_of().signed)
        assert proof_of(history).state is ProofState.UNPROVED


def test_another_robots_key_signs_nothing(record: RobotRecord, tmp_path: Path, place) -> None:
    """Nor does a signature of other bytes: both are refused and counted, and prove nothing."""
    other = Signer(_key(tmp_path))
    said = msgspec.json.decode(record.checkpoints[-1], type=Checkpoint)
    by_other = seal(
        msgspec.structs.replace(said, signature="", key_id=other.key_id.hex()), other.sign_checkpoint
    )
    changed = record.checkpoints[-1].replace(b'"last_seq":6', b'"last_seq":5')
    lines = [*record.verdicts.values(), by_other, changed]
    with fed(tmp_path / "room", [lines], keys_of(record.public), place=place) as history:
        assert proof_of(history).state is ProofState.UNPROVED
        (refused,) = history.refused()
        assert (refused.reason, refused.count) == (
            "checkpoint: not signed by a key that [robots] names for its robot",
            2,
        )


def test_a_replayed_checkpoint_takes_nothing_back(record: RobotRecord, tmp_path: Path, place) -> None:
    """The newest proves most, however often an older one comes; few are kept."""
    signer, said = record.signer, msgspec.json.decode(record.checkpoints[-1], type=Checkpoint)
    more = [
        seal(msgspec.structs.replace(said, signature="", seq=said.seq + n), signer.sign_checkpoint)
        for n in range(1, 9)
    ]
    batches = [record.lines(), more, [more[0], *record.checkpoints]]
    with fed(tmp_path, batches, keys_of(record.public), place=place) as history:
        assert proof_of(history).proved_to == 6
        ((count,),) = history.database.rows(select(func.count()).select_from(checkpoint))
        assert count <= MAX_OF_EPOCH


def _key(folder: Path) -> Path:
    make_key_pair(folder / "other.pem")
    return folder / "other.pem"
