"""Records of a robot, as a real spool makes them over several starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.daemon.checkpoint_writer import CheckpointWriter
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import encode
from edge_node.signing import Signer, make_key_pair
from edge_node.spool.rows import Keep, Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from edge_node.messages.verdict import Verdict

TOPICS = Topics("quay", "crawler-1")


class RobotRecord:
    """The lines that a subscriber of a robot got.

    Attributes:
        epochs: in order.
        verdicts: by epoch and number.
        checkpoints: in order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.folder.mkdir()
        self.public = make_key_pair(folder / "robot.pem")
        self.signer = Signer(folder / "robot.pem")
        self.epochs: list[str] = []
        self.verdicts: dict[tuple[str, int], bytes] = {}
        self.checkpoints: list[bytes] = []

    def run(self, count: int, *, refused: Collection[int] = (), killed: bool = False) -> str:
        """Start, say ``count`` verdicts, stop; return the epoch.

        Args:
            count: of verdicts.
            refused: numbers that go into quarantine.
            killed: without the last checkpoint.
        """
        with Spool.open(self.folder / "spool.sqlite", SpoolConfig()) as spool:
            self.epochs.append(spool.epoch)
            for _ in range(count):
                append_verdict(spool)
            assert spool.flush(10)
            rows = spool.rows(Kind.VERDICT, limit=10_000)
            refusals = [Refusal(row.position, 0x95, "too large") for row in rows if row.seq in refused]
            tickets = [spool.refuse(one) for one in refusals]
            wait_for(lambda: spool.settled >= max(tickets, default=0), what="quarantine")
            checkpoints = CheckpointWriter(spool, TOPICS, self.signer)
            checkpoints.look(0.0)
            if not killed:
                checkpoints.finish(lambda: False)
            assert spool.flush(10)
            self.checkpoints += [row.payload for row in spool.rows(Kind.CHECKPOINT)]
            rows = spool.rows(Kind.VERDICT, limit=10_000)
            self.verdicts |= {(row.epoch, row.seq): row.payload for row in rows}
            kept = [*rows, *spool.rows(Kind.CHECKPOINT)]
            ticket = spool.settle(*(row.position for row in kept), urgent=True)
            wait_for(lambda: spool.settled >= ticket, what="deletion")
            return spool.epoch

    def lines(self) -> list[bytes]:
        """Everything, in order."""
        return [*self.verdicts.values(), *self.checkpoints]


def append_verdict(spool: Spool, keep: Keep = Keep.NORMAL) -> Verdict:
    """Append a verdict that carries the chain."""

    def make(seq: int) -> Verdict:
        link = spool.chain.link
        said = verdict(seq, "U", previous_sha256=link.previous_sha256, previous_epoch=link.previous_epoch)
        return msgspec.structs.replace(said, id=f"crawler-1:{spool.epoch}:{seq}")

    return spool.append(Kind.VERDICT, make, keep=keep)


def forged(payload: bytes, **fields: object) -> bytes:
    """Return a verdict's payload with other fields."""
    return encode(msgspec.json.decode(payload, type=dict) | fields)
