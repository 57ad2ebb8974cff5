"""Append a signed checkpoint to the spool every minute in which the record grew, and one at the end.

A checkpoint is a row of the spool: it waits for a link as verdicts do, is exported with them, and the ranges
that it names are forgotten in the transaction that writes it. While one waits for the link the next comes an
hour later, because the newest says all that the older ones do.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.clock import boot_id, time_quality
from edge_node.messages.checkpoint import MAX_RANGES, Checkpoint, seal
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.topics import Topics
    from edge_node.signing import Signer
    from edge_node.spool.spool import Spool

INTERVAL_S = 60.0
_UNDELIVERED_S = 3600.0
_LAST_S = 1.0  # wait so long for the last one to be delivered before the link is closed


class CheckpointWriter:
    """Write checkpoints in the main thread."""

    interval_s = 1.0

    def __init__(self, spool: Spool, topics: Topics, signer: Signer) -> None:
        """Prepare; the first checkpoint comes with the first verdict."""
        self._spool = spool
        self._topics = topics
        self._signer = signer
        self._due_s = self._written_s = float("-inf")
        self._named_seq = 0

    def look(self, now_s: float) -> None:
        """Write a checkpoint if one is due and there is something new to say."""
        end = self._spool.chain.end
        if now_s < self._due_s or end is None:
            return
        self._due_s = now_s + INTERVAL_S
        given_up = self._spool.given_up()
        if end.seq == self._named_seq and not given_up:
            return
        if now_s - self._written_s < _UNDELIVERED_S and self._spool.rows(Kind.CHECKPOINT, limit=1):
            return
        self._written_s = now_s
        self._write(given_up, final=False)

    def finish(self, is_connected: Callable[[], bool]) -> None:
        """Write the last checkpoint of this epoch, and wait a moment for its delivery if there is a link."""
        given_up = self._spool.given_up()
        if self._spool.chain.end is None and not given_up:
            return
        self._write(given_up, final=True)
        self._spool.flush(2.0)
        by_s = time.monotonic() + _LAST_S
        while is_connected() and time.monotonic() < by_s and self._spool.rows(Kind.CHECKPOINT, limit=1):
            time.sleep(0.02)

    def _write(self, given_up: Sequence[GivenUp], *, final: bool) -> None:
        """Append as many checkpoints as the ranges need; the last one is the final one."""
        while len(given_up) > MAX_RANGES:
            self._append(given_up[:MAX_RANGES], final=False)
            given_up = given_up[MAX_RANGES:]
        self._append(given_up, final=final)

    def _append(self, given_up: Sequence[GivenUp], *, final: bool) -> None:
        chain, epoch = self._spool.chain, self._spool.epoch

        def make(seq: int) -> bytes:
            end = chain.end
            checkpoint = Checkpoint(
                id=f"{self._topics.robot}:{epoch}:{Kind.CHECKPOINT.value}:{seq}",
                seq=seq,
                site=self._topics.site,
                robot=self._topics.robot,
                epoch=epoch,
                last_seq=end.seq if end else 0,
                last_sha256=end.sha256 if end else None,
                previous_epoch=chain.before,
                given_up=tuple(given_up),
                final=final,
                at=datetime.now(timezone.utc),
                monotonic_ns=time.monotonic_ns(),
                boot_id=boot_id(),
                time_quality=time_quality(),
                key_id=self._signer.key_id.hex(),
            )
            self._named_seq = checkpoint.last_seq
            return seal(checkpoint, self._signer.sign_checkpoint)

        self._spool.append(Kind.CHECKPOINT, make, keep=Keep.ALWAYS, names=given_up)
