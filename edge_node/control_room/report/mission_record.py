"""Tell of a mission up to which number its record is proved, and what contradicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.control_room.history.record_proof.robot_proofs import describe, list_problems, read_proofs
from edge_node.record.proof import EpochProof, ProofState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_node.control_room.history.history import History

_MOST = 6  # epochs that are told one by one
_ORDER = tuple(ProofState)  # from the best to the worst


@dataclass(frozen=True, slots=True)
class MissionEpoch:
    """The numbers of a mission in one epoch, and what is proved of that epoch."""

    first: int
    last: int
    proof: EpochProof

    @property
    def is_proved(self) -> bool:
        """Whether a signature reaches all of these numbers that are not named as given up."""
        proof = self.proof
        unnamed = any(first <= self.last and last >= self.first for first, last in proof.unnamed)
        reaches = proof.proved_from <= self.first and self.last <= proof.proved_to
        return proof.state is not ProofState.BROKEN and reaches and not unnamed

    @property
    def state(self) -> ProofState:
        """What these numbers are worth."""
        if self.is_proved:
            return ProofState.PROVED
        if self.proof.state is ProofState.PROVED:
            return ProofState.PARTLY if self.proof.proved_to >= self.first else ProofState.UNPROVED
        return self.proof.state


@dataclass(frozen=True, slots=True)
class MissionRecord:
    """What a mission's record is worth.

    Attributes:
        state: the worst of its epochs.
        epochs: in the order in which they came.
        conflicts: verdicts that came under an id of one of the mission's, with other content.
    """

    state: ProofState = ProofState.NOT_CHAINED
    epochs: tuple[MissionEpoch, ...] = ()
    conflicts: int = 0

    @property
    def proved_up_to(self) -> str:
        """Up to which numbers, by epoch; empty if nothing is proved."""
        reached = [(one, min(one.last, one.proof.proved_to)) for one in self.epochs]
        return "; ".join(f"{one.proof.name}:{to}" for one, to in reached if to >= one.first)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, each in a sentence."""
        return tuple(
            f"epoch {one.proof.name}: {text}" for one in self.epochs for text in list_problems(one.proof)
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a report says of it."""
        if not self.epochs:
            return ("not known: nothing is left of its chain",)
        if self.state is ProofState.PROVED:
            last = self.epochs[-1]
            return (f"proved: signed by the robot up to number {last.last:,} of epoch {last.proof.name}",)
        told = [
            f"numbers {one.first:,} to {one.last:,} of epoch {one.proof.name}: "
            + ("proved" if one.is_proved else describe(one.proof))
            for one in self.epochs[:_MOST]
        ]
        more = len(self.epochs) - _MOST
        return (*told, *([f"and {more} more epochs"] if more > 0 else []))


def collect_record(
    history: History, site: str, robot: str, numbers: Mapping[str, tuple[int, int]]
) -> MissionRecord:
    """Return what is proved of a mission.

    Args:
        history: of the control room.
        site: of the robot.
        robot: that made the mission.
        numbers: the lowest and the highest number of each of its epochs.
    """
    proofs = {
        one.name: one
        for found in read_proofs(history.database, site=site, name=robot)
        for one in found.epochs
    }
    epochs = tuple(
        MissionEpoch(low, high, proofs[name]) for name, (low, high) in numbers.items() if name in proofs
    )
    conflicts = sum(
        (found.site, found.robot) == (site, robot)
        and found.epoch in numbers
        and numbers[found.epoch][0] <= found.seq <= numbers[found.epoch][1]
        for found in history.conflicts(limit=1000)
    )
    state = max((one.state for one in epochs), key=_ORDER.index, default=ProofState.NOT_CHAINED)
    return MissionRecord(state, epochs, conflicts)
