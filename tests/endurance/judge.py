"""Judges a run of kills: what was lost, what came twice and why, what came out of order.

A verdict that comes twice has a cause, and the tap on the link knows it: the node sent it over a connection,
that connection ended, and the node sent it again over a later one. So repeats are counted for each end of a
connection, and not by when they arrived: on a busy machine those of one cut arrive after the next. What a
subscriber got more often than the node sent it, the broker repeated.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.support.collector import Received
    from tests.support.mqtt_tap import Sending

WINDOW = 20


@dataclass
class Tally:
    """What the subscriber saw, and what the tap saw of why.

    Attributes:
        verdicts: different ones that arrived.
        lost: given by the node, not received, and never taken by the broker.
        forgotten: given by the node, taken by the broker, and not received.
        duplicates: receptions beyond the first of each verdict.
        repeats: sent again by the node, for each connection whose end was the reason.
        baseless: sent again by the node although the connection had not ended, nor the broker refused it.
        by_broker: receptions beyond what the node sent.
        misplaced: first receptions behind a later verdict of the same kind (live or from the backlog), each
            with what the wire saw of it.
    """

    verdicts: int = 0
    lost: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    duplicates: int = 0
    repeats: Counter[int] = field(default_factory=Counter)
    baseless: list[str] = field(default_factory=list)
    by_broker: int = 0
    misplaced: list[str] = field(default_factory=list)

    @property
    def worst(self) -> int:
        """The most verdicts that one end of a connection made the node send again."""
        return max(self.repeats.values(), default=0)

    @property
    def is_good(self) -> bool:
        """The promise was kept."""
        return not self.lost and not self.misplaced and not self.baseless and self.worst <= WINDOW


def judge(messages: Sequence[Received], given: Iterable[str], sendings: Sequence[Sending]) -> Tally:
    """Return what came of the verdicts whose ids are ``given``.

    Args:
        messages: what the subscriber got, in that order.
        given: the ids of all verdicts that the node has committed.
        sendings: what went over the wire, in that order.
    """
    tally = Tally()
    on_the_wire = _by_verdict(sendings)
    _count_repeats(tally, on_the_wire)
    received = _read_in_order(tally, messages, on_the_wire)
    tally.verdicts = len(received)
    tally.duplicates = received.total() - len(received)
    tally.by_broker = sum(
        max(0, count - len(on_the_wire.get(verdict_id, ()))) for verdict_id, count in received.items()
    )
    missing = [verdict_id for verdict_id in given if verdict_id not in received]
    taken = {sending.verdict_id for sending in sendings if sending.taken}
    tally.forgotten = [verdict_id for verdict_id in missing if verdict_id in taken]
    tally.lost = [verdict_id for verdict_id in missing if verdict_id not in taken]
    return tally


def _by_verdict(sendings: Sequence[Sending]) -> Mapping[str, list[Sending]]:
    found: dict[str, list[Sending]] = defaultdict(list)
    for sending in sendings:
        found[sending.verdict_id].append(sending)
    return found


def _count_repeats(tally: Tally, on_the_wire: Mapping[str, list[Sending]]) -> None:
    """Give each sending that somebody may have got before to the connection that it went over before."""
    for verdict_id, sendings in on_the_wire.items():
        before: Sending | None = None
        for sending in sendings:
            if before is not None and before.connection == sending.connection:
                tally.baseless.append(verdict_id)
            elif before is not None:
                tally.repeats[before.connection] += 1
            before = before if sending.refused else sending


def _read_in_order(
    tally: Tally, messages: Sequence[Received], on_the_wire: Mapping[str, list[Sending]]
) -> Counter[str]:
    """Count receptions of each verdict; note first ones behind a later verdict of the same kind."""
    received: Counter[str] = Counter()
    newest_ns = {True: 0, False: 0}  # of the backlog and live: live verdicts overtake the backlog
    for message in messages:
        verdict = json.loads(message.payload)
        verdict_id, observed_ns = verdict["id"], verdict["monotonic_ns"]
        received[verdict_id] += 1
        if received[verdict_id] > 1:
            continue
        if observed_ns < newest_ns[message.replayed]:
            way = ", ".join(
                f"connection {sending.connection}: {'no answer' if sending.code is None else sending.code}"
                for sending in on_the_wire.get(verdict_id, ())
            )
            tally.misplaced.append(f"{verdict_id} ({'backlog' if message.replayed else 'live'}; {way})")
        newest_ns[message.replayed] = max(observed_ns, newest_ns[message.replayed])
    return received
