"""Tell for each robot up to which number its record is proved, and what contradicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, select

from edge_node.control_room.history.record_proof.checkpoint_store import TRUSTED
from edge_node.control_room.history.storage.tables import (
    chain_range,
    checkpoint,
    conflict,
    epoch,
    epoch_before,
    epoch_state,
    given_up,
    robot,
    verdict,
)
from edge_node.messages.checkpoint import Checkpoint
from edge_node.record.chain_ranges import ChainRange, ChainRanges, RangeKind
from edge_node.record.proof import (
    End,
    EpochProof,
    EpochRecord,
    GivenUpRange,
    ProofState,
    SignedEnd,
    prove_epochs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.messages.verdict import EpochEnd

_MOST = 20  # problems of a robot that are told
_ROBOTS = select(robot.c.robot_key, robot.c.site, robot.c.robot).order_by(robot.c.site, robot.c.robot)
_EPOCHS = (
    select(epoch.c.epoch_key, epoch.c.epoch, epoch_state.c.from_start)
    .join(epoch_state, epoch_state.c.epoch_key == epoch.c.epoch_key)
    .where(epoch.c.robot_key == bindparam("robot_key"))
    .order_by(epoch.c.epoch_key.desc())
)
_RANGES = (
    select(
        *(chain_range.c.epoch_key, chain_range.c.first_seq, chain_range.c.last_seq, chain_range.c.kind),
        *(chain_range.c.first_previous, chain_range.c.last_sha256),
    )
    .join(epoch, epoch.c.epoch_key == chain_range.c.epoch_key)
    .where(epoch.c.robot_key == bindparam("robot_key"))
)
_BEFORES = (
    select(
        *(epoch_before.c.epoch_key, epoch_before.c.before_epoch, epoch_before.c.before_seq),
        epoch_before.c.before_sha256,
    )
    .join(epoch, epoch.c.epoch_key == epoch_before.c.epoch_key)
    .where(epoch.c.robot_key == bindparam("robot_key"))
)
_CHECKPOINTS = select(checkpoint.c.payload, checkpoint.c.state).where(
    checkpoint.c.robot_key == bindparam("robot_key")
)
_GIVEN_UP = select(
    *(given_up.c.epoch, given_up.c.first_seq, given_up.c.last_seq, given_up.c.previous_sha256),
    given_up.c.is_trusted,
).where(given_up.c.robot_key == bindparam("robot_key"))
_HASH = select(verdict.c.sha256).where(
    verdict.c.epoch_key == bindparam("epoch_key"), verdict.c.seq == bindparam("seq")
)
_CONFLICTS = select(conflict.c.epoch, conflict.c.seq, conflict.c.sha256).where(
    conflict.c.robot_key == bindparam("robot_key")
)


@dataclass(frozen=True, slots=True)
class RobotProof:
    """What is proved of a robot's record.

    Attributes:
        state: the worst of what is known of its epochs; not chained only if its newest one is not.
        epoch: the newest epoch that a signature reaches; "" if none does.
        proved_to: its highest number that is proved.
        not_yet: numbers of that epoch, and of those behind it, that came and are not signed.
        signed_at: when the newest trusted checkpoint was signed, by the robot's clock, ISO 8601.
        problems: what is wrong, each in a sentence.
        epochs: of which anything is stored, the newest first.
    """

    site: str
    robot: str
    state: ProofState
    sentence: str
    epoch: str
    proved_to: int
    not_yet: int
    signed_at: str
    problems: tuple[str, ...]
    epochs: tuple[EpochProof, ...]


def read_proofs(database: Database, *, site: str | None = None, name: str | None = None) -> list[RobotProof]:
    """Return what is proved of each robot, or of those of a site or name."""
    return [
        _prove_robot(database, *row)
        for row in database.rows(_ROBOTS)
        if site in (None, row[1]) and name in (None, row[2])
    ]


def describe(proof: EpochProof) -> str:
    """Say in a clause up to which number an epoch is proved."""
    if proof.state is ProofState.NOT_CHAINED:
        return "not chained: made by a version whose record cannot be proved"
    if proof.state is ProofState.BROKEN:
        reach = f"; proved: numbers {proof.proved_from:,} to {proof.proved_to:,}" if proof.proved_to else ""
        return f"broken: {'; '.join(list_problems(proof)[:3])}{reach}"
    if not proof.proved_to:
        return "the chain is unbroken, and no signature that this room can check reaches it"
    span = f"numbers {proof.proved_from:,} to {proof.proved_to:,}" if proof.proved_from > 1 else ""
    text = f"proved: {span}" if span else f"proved up to number {proof.proved_to:,}"
    if proof.unnamed:
        text += f"; {_numbers(proof.unnamed)} missing, and no checkpoint names that"
    if proof.last > proof.proved_to:
        text += f"; {proof.last - proof.proved_to:,} newer ones are not signed yet"
    return text


def list_problems(proof: EpochProof, others: Iterable[tuple[int, bytes]] = ()) -> list[str]:
    """Return what is wrong in an epoch, each in a sentence with both values.

    Args:
        proof: of the epoch.
        others: number and hash of verdicts that came under an id that another one had.
    """
    known = set(others)
    found = []
    for one in proof.breaks:
        if one.found is None:
            found.append("number 1 names a verdict before it, though it is the first")
            continue
        wanted = f"names {one.wanted.hex()[:16]}" if one.wanted else "names none"
        text = f"number {one.seq:,} {wanted} as the one before it, which is {one.found.hex()[:16]} here"
        if one.wanted and (one.seq - 1, one.wanted) in known:
            text += "; the named one came too, under the same id"
        found.append(text)
    return [*found, *proof.problems]


def _prove_robot(database: Database, robot_key: int, site: str, name: str) -> RobotProof:
    values = {"robot_key": robot_key}
    checkpoints = [
        (msgspec.json.decode(payload, type=Checkpoint), state == TRUSTED)
        for payload, state in database.rows(_CHECKPOINTS, values)
    ]
    records = _read_records(database, values, checkpoints)
    keys = {row[1]: row[0] for row in database.rows(_EPOCHS, values)}

    def find_hash(epoch_name: str, seq: int) -> bytes | None:
        rows = database.rows(_HASH, {"epoch_key": keys.get(epoch_name, -1), "seq": seq})
        return rows[0][0] if rows else None

    proofs = prove_epochs(records, find_hash)
    here = {one.name for one in records if one.signed or any(one.ranges)}
    epochs = tuple(proof for name, proof in proofs.items() if name in here)
    others: dict[str, list[tuple[int, bytes]]] = {}
    for epoch_name, seq, sha256 in database.rows(_CONFLICTS, values):
        others.setdefault(epoch_name, []).append((seq, sha256))
    return _summarize(site, name, epochs, others, checkpoints)


def _read_records(
    database: Database, values: dict[str, Any], checkpoints: Sequence[tuple[Checkpoint, bool]]
) -> list[EpochRecord]:
    """Return the epochs of a robot, the newest first."""
    ranges: dict[int, list[ChainRange]] = {}
    for key, first, last, kind, previous, sha256 in database.rows(_RANGES, values):
        ranges.setdefault(key, []).append(ChainRange(first, last, RangeKind(kind), previous, sha256))
    befores = {row[0]: End(*row[1:]) for row in database.rows(_BEFORES, values)}
    signed: dict[str, list[SignedEnd]] = {}
    for found, is_trusted in checkpoints:
        end = End(found.epoch, found.last_seq, _bytes(found.last_sha256))
        signed.setdefault(found.epoch, []).append(SignedEnd(end, _end(found.previous_epoch), is_trusted))
    gone: dict[str, list[GivenUpRange]] = {}
    for name, first, last, previous, is_trusted in database.rows(_GIVEN_UP, values):
        gone.setdefault(name, []).append(GivenUpRange(first, last, previous, bool(is_trusted)))
    return [
        EpochRecord(
            name=name,
            ranges=ChainRanges(ranges.get(key, ())),
            from_start=bool(from_start),
            before=befores.get(key),
            signed=signed.get(name, ()),
            given_up=gone.get(name, ()),
        )
        for key, name, from_start in database.rows(_EPOCHS, values)
    ]


def _summarize(
    site: str,
    name: str,
    epochs: tuple[EpochProof, ...],
    others: dict[str, list[tuple[int, bytes]]],
    checkpoints: Sequence[tuple[Checkpoint, bool]],
) -> RobotProof:
    problems = [
        f"epoch {one.name}: {text}" for one in epochs for text in list_problems(one, others.get(one.name, ()))
    ]
    problems += [
        f"epoch {one.name}: {_numbers(one.unnamed)} missing, and no checkpoint names that"
        for one in epochs
        if one.unnamed
    ]
    proved = next((one for one in epochs if one.proved_to), None)
    newer = epochs[: epochs.index(proved)] if proved else epochs
    not_yet = sum(one.last for one in newer) + (proved.last - proved.proved_to if proved else 0)
    if (
        epochs
        and epochs[0].state is ProofState.NOT_CHAINED
        and any(one.state is not ProofState.NOT_CHAINED for one in epochs)
    ):
        problems.append(
            f"epoch {epochs[0].name} is not chained, though an earlier one is: was the robot set back to an"
            " older version, or was the chain taken out?"
        )
    state = _worst(epochs)
    trusted = [found.at for found, is_trusted in checkpoints if is_trusted]
    return RobotProof(
        site=site,
        robot=name,
        state=state,
        sentence=_sentence(state, proved, epochs, has_checkpoints=bool(checkpoints)),
        epoch=proved.name if proved else "",
        proved_to=proved.proved_to if proved else 0,
        not_yet=not_yet,
        signed_at=max(trusted).isoformat() if trusted else "",
        problems=tuple(problems[:_MOST]),
        epochs=epochs,
    )


def _worst(epochs: Sequence[EpochProof]) -> ProofState:
    states = {one.state for one in epochs}
    if ProofState.BROKEN in states:
        return ProofState.BROKEN
    if not epochs or epochs[0].state is ProofState.NOT_CHAINED:
        return ProofState.NOT_CHAINED
    signed = {ProofState.PROVED, ProofState.PARTLY} & states
    if not signed:
        return ProofState.UNPROVED
    is_whole = not states & {ProofState.PARTLY, ProofState.NOT_CHAINED}
    # An epoch that has only begun is signed within a minute.
    is_whole &= all(one.state is ProofState.PROVED for one in epochs[1:])
    return ProofState.PROVED if is_whole else ProofState.PARTLY


def _sentence(
    state: ProofState, proved: EpochProof | None, epochs: Sequence[EpochProof], *, has_checkpoints: bool
) -> str:
    if not epochs:
        return "nothing to prove yet"
    if state is ProofState.BROKEN:
        broken = [one for one in epochs if one.state is ProofState.BROKEN]
        reach = f"; proved up to number {proved.proved_to:,} of epoch {proved.name}" if proved else ""
        return f"broken in {len(broken)} of {len(epochs)} epochs{reach}"
    if state is ProofState.NOT_CHAINED:
        return "not chained: the robot's version makes no chain"
    if proved is None:
        why = "[robots] names no key for it" if has_checkpoints else "no signed checkpoint has come"
        return f"unbroken, not proved: {why}"
    is_whole = state is ProofState.PROVED
    return f"proved{'' if is_whole else ' in part'} up to number {proved.proved_to:,} of epoch {proved.name}"


def _numbers(ranges: Sequence[tuple[int, int]]) -> str:
    shown = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in ranges[:5]]
    more = f" and {len(ranges) - 5} more ranges" if len(ranges) > 5 else ""
    one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"number {shown[0]} is" if one else f"numbers {', '.join(shown)}{more} are"


def _end(end: EpochEnd | None) -> End | None:
    return None if end is None else End(end.epoch, end.seq, _bytes(end.sha256))


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
