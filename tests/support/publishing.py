"""Rows to publish, and what a collector and the publisher's alarms say of them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.messages.status import Part, PartState, Status
from edge_node.messages.topics import Kind, Topics
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from edge_node.delivery.publisher import Publisher
    from edge_node.spool.spool import Spool
    from tests.support.collector import Collector

TOPICS = Topics("site", "robot")


def append(spool: Spool, count: int, kind: Kind = Kind.VERDICT) -> None:
    """Append rows whose payload is their number, and wait for the disk."""
    for _ in range(count):
        spool.append(kind, lambda seq: json.dumps({"seq": seq}).encode(), keep=Keep.NORMAL)
    assert spool.flush(10)


def seqs(collector: Collector, topic: str = TOPICS.verdict) -> list[int]:
    """The numbers that came on ``topic``."""
    return [json.loads(message.payload)["seq"] for message in collector.of(topic)]


def status() -> Status:
    """A status as the daemon sets it."""
    return Status(
        site="site", robot="robot", since=datetime.now(timezone.utc), camera=Part(state=PartState.OK)
    )


def alarms(publisher: Publisher) -> set[str]:
    """The codes of the publisher's alarms."""
    return {alarm.code for alarm in publisher.alarms}
