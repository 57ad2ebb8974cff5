"""What is proved from ranges is what a check of the whole record proves, verdict by verdict."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from edge_node.record.chain_ranges import ChainRanges, range_of
from edge_node.record.lines import VerdictLine, parse_line
from edge_node.record.proof import (
    End,
    EpochProof,
    EpochRecord,
    GivenUpRange,
    ProofState,
    SignedEnd,
    prove_epochs,
)
from edge_node.record.verification import verify
from edge_node.signing import load_trusted_key
from tests.support.records import RobotRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.messages.checkpoint import Checkpoint
    from edge_node.messages.verdict import EpochEnd


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RobotRecord:
    """Three starts: 12 verdicts of which 4, 5 and 9 are given up, 8 and a kill, 5."""
    made = RobotRecord(tmp_path_factory.mktemp("robot"))
    made.run(12, refused=(4, 5, 9))
    made.run(8, killed=True)
    made.run(5)
    return made


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _end(end: EpochEnd | None) -> End | None:
    return None if end is None else End(end.epoch, end.seq, _bytes(end.sha256))


def prove(lines: Sequence[bytes]) -> dict[str, EpochProof]:
    """What a room knows that got these lines, all of them signed by a key that it trusts."""
    ranges: dict[str, ChainRanges] = {}
    befores: dict[str, End | None] = {}
    hashes: dict[tuple[str, int], bytes] = {}
    signed: dict[str, list[SignedEnd]] = {}
    given_up: dict[str, list[GivenUpRange]] = {}
    for line in lines:
        found = parse_line(line)
        if isinstance(found, VerdictLine):
            sha256 = bytes.fromhex(found.sha256)
            one = range_of(found.seq, sha256, _bytes(found.previous_sha256), is_chained=found.is_chained)
            if ranges.setdefault(found.epoch, ChainRanges()).add(one):
                hashes[found.epoch, found.seq] = sha256
                befores[found.epoch] = befores.get(found.epoch) or _end(found.before)
        elif found is not None:
            said: Checkpoint = found.checkpoint
            end = End(said.epoch, said.last_seq, _bytes(said.last_sha256))
            signed.setdefault(said.epoch, []).append(SignedEnd(end, _end(said.previous_epoch), True))
            for gone in said.given_up:
                part = GivenUpRange(gone.first, gone.last, _bytes(gone.previous_sha256), True)
                given_up.setdefault(gone.epoch, []).append(part)
    records = [
        EpochRecord(
            name=name,
            ranges=ranges.get(name, ChainRanges()),
            before=befores.get(name),
            signed=signed.get(name, ()),
            given_up=given_up.get(name, ()),
        )
        for name in {*ranges, *signed}
    ]
    return prove_epochs(records, lambda epoch, seq: hashes.get((epoch, seq)))


def test_a_whole_record_is_proved_to_its_end(record: RobotRecord) -> None:
    """Across what was given up, and an epoch that was killed is proved by the one behind it."""
    proofs = prove(record.lines())
    reach = [(proofs[name].state, proofs[name].proved_from, proofs[name].proved_to) for name in record.epochs]
    assert reach == [(ProofState.PROVED, 1, last) for last in (12, 8, 5)]


@pytest.mark.parametrize("seed", range(40))
def test_ranges_prove_what_the_check_of_all_lines_proves(record: RobotRecord, seed: int) -> None:
    """Verdicts lost, changed and come twice, in any order: proved exactly where every verdict is proved."""
    chance = random.Random(seed)  # noqa: S311  no secret
    lines = record.lines()
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(record.verdicts))
        if chance.random() < 0.5:
            lines[at] = b""
        elif lines[at]:
            lines[at] = lines[at].replace(b'"outcome":"uncorroded"', b'"outcome":"corroded"')
    lines = [line for line in lines if line]
    chance.shuffle(lines)
    report = verify(
        [(str(at), line) for at, line in enumerate(lines)],
        [load_trusted_key(str(record.public), "key")],
    )
    states = {proof.state for proof in prove([*lines, *lines[:3]]).values()}
    assert report.is_proved == (states == {ProofState.PROVED}), report


def test_what_no_signature_reaches_is_unproved_not_broken(record: RobotRecord) -> None:
    """Without its checkpoints a record holds together, and that is all that is said."""
    proofs = prove(list(record.verdicts.values()))
    assert {proof.state for proof in proofs.values()} == {ProofState.UNPROVED}
    assert all(not proof.breaks and not proof.proved_to for proof in proofs.values())


def test_two_epochs_behind_one_are_two_histories(record: RobotRecord) -> None:
    """A state folder that was copied back, or a forged start: told, at the epoch that both follow."""
    third, second = record.epochs[2], record.epochs[1]
    copy = [line.replace(third.encode(), b"f" * 36) for line in record.lines() if third.encode() in line]
    proofs = prove([*record.lines(), *[line for line in copy if b'"outcome"' in line]])
    assert proofs[second].state is ProofState.BROKEN
    assert "two histories" in proofs[second].problems[0]
