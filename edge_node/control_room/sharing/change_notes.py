"""Note what a batch changed in the transaction that stores it, for pages and receipts of other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.processes.changes import Changes, insert_changes
from edge_node.control_room.history.records import StoredPicture
from edge_node.messages.finding import Finding
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.response import Response
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.ingest.batch_store import Arrival


def note_arrivals(database: Database, arrivals: Sequence[Arrival]) -> None:
    """Note what is stored; in the open transaction."""
    if arrivals:
        insert_changes(database, describe(arrivals))


def describe(arrivals: Sequence[Arrival]) -> Changes:
    """Name what messages changed, each once."""
    verdicts = [(one, one.message) for one in arrivals if isinstance(one.message, Verdict)]
    epochs = {
        (found.site, found.robot, split_verdict_id(found.id).epoch, not arrival.is_news): None
        for arrival, found in verdicts
    }
    news = [arrival.message for arrival in arrivals if arrival.is_news]
    return Changes(
        robots=tuple(dict.fromkeys((one.message.site, one.message.robot) for one in arrivals)),
        epochs=tuple(epochs),
        verdicts=sum(arrival.is_news for arrival, _ in verdicts),
        findings=tuple(dict.fromkeys((one.site, one.id) for one in news if isinstance(one, Finding))),
        pictures=tuple((one.site, one.robot, one.sha256) for one in news if isinstance(one, StoredPicture)),
        responses=tuple((one.site, one.robot, one.id) for one in news if isinstance(one, Response)),
    )
