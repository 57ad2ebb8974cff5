"""Read for Prometheus what is known of the control room now: its history, robots, queues and connections."""

from __future__ import annotations

import platform
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from edge_node import __version__
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.record_proof.robot_proofs import read_proofs
from edge_node.control_room.long_work.job_queue import JobState
from edge_node.control_room.metrics.alert_metrics import describe_alerts
from edge_node.control_room.metrics.room_metrics import PREFIX
from edge_node.messages.status import LinkState, OfflineReason, Presence
from edge_node.record.proof import ProofState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from edge_node.control_room.alerts.alert_desk import AlertDesk
    from edge_node.control_room.connections.connection_book import ConnectionBook
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.record_proof.robot_proofs import RobotProof
    from edge_node.control_room.history.records import RobotRecord, Share
    from edge_node.control_room.ingest.ingest import Ingest
    from edge_node.control_room.long_work.job_queue import JobQueue
    from edge_node.control_room.sections import RoomConfig

_MOST_ROBOTS = 200  # with series of their own, the last heard ones: each robot costs six
_SILENT_S = 30.0  # as the page has it
_ROBOT_STATES = ("online", "silent", "stopped", "link_lost", "unknown")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the figures come from.

    Attributes:
        ingest: None in a process that stores nothing.
        jobs: None in a process without a page; so are the connections.
        tells_history: whether this process tells of the history: of several, one should.
        process: its name, where several make up the room.
    """

    room: RoomConfig
    history: History
    ingest: Ingest | None = None
    jobs: JobQueue | None = None
    connections: ConnectionBook | None = None
    count_streams: Callable[[], int] = int
    alerts: AlertDesk | None = None
    tells_history: Callable[[], bool] = lambda: True
    process: str = ""


class RoomSnapshot:
    """Collector of what is known now; Prometheus asks every few seconds."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics; those of the history only if it can be read."""
        sources = self._sources
        yield _info(sources.process)
        if sources.ingest is not None:
            yield from _collect_ingest(sources.ingest)
        if sources.connections is not None:
            yield from self._collect_page(sources.connections)
        if sources.jobs is not None:
            yield from _collect_jobs(sources.jobs)
        if not sources.tells_history():
            return
        try:
            yield from list(self._collect_history())
        except HistoryError:
            yield _gauge("history_readable", "1 while the history can be read.", 0)

    def describe(self) -> Iterable[Metric]:
        """Declare nothing beforehand: a registry would read the history for it."""
        return ()

    def _collect_page(self, book: ConnectionBook) -> Iterator[Metric]:
        yield _gauge("event_streams", "Pages that follow the events.", self._sources.count_streams())
        yield _gauge("connections", "Open connections of the page.", len(book))
        ended = CounterMetricFamily(
            f"{PREFIX}_connections_ended", "Connections refused or ended for others.", labels=["reason"]
        )
        for reason, count in {**dict.fromkeys(("too many", "too slow: request"), 0), **book.ended}.items():
            ended.add_metric([reason], count)
        yield ended

    def _collect_history(self) -> Iterator[Metric]:
        history, room = self._sources.history, self._sources.room
        usage, robots = history.usage(), history.robots()
        yield _gauge("history_readable", "1 while the history can be read.", 1)
        rows = GaugeMetricFamily(f"{PREFIX}_history_rows", "What is stored.", labels=["kind"])
        for kind, count in (
            ("verdict", usage.verdicts),
            ("finding", usage.findings),
            ("picture", usage.pictures),
        ):
            rows.add_metric([kind], count)
        yield rows
        messages_bytes = usage.database_bytes - usage.picture_bytes
        yield _by_kind(
            "history_bytes", "Size.", {"messages": messages_bytes, "pictures": usage.picture_bytes}
        )
        bounds = {"messages": room.max_mb * _MEGABYTE, "pictures": room.pictures_mb * _MEGABYTE}
        yield _by_kind("history_bound_bytes", "Size beyond which the oldest is deleted.", bounds)
        if usage.oldest_received_at is not None:
            oldest_s = usage.oldest_received_at.timestamp()
            yield _gauge("history_oldest_timestamp_seconds", "Arrival of the oldest verdict.", oldest_s)
        refused = CounterMetricFamily(
            f"{PREFIX}_refused_messages", "Messages that could not be read, by reason.", labels=["reason"]
        )
        counts = {found.reason: found.count for found in history.refused()}
        for reason, count in ({"topic of another shape": 0} | counts).items():
            refused.add_metric([reason], count)
        yield refused
        waiting = sum(found.state == "waiting" for found in history.quarantined())
        yield _gauge("robots_waiting", "Robots beyond the bounds that wait to be admitted.", waiting)
        yield from _describe_shares(history.shares(max_bytes=room.max_mb * _MEGABYTE))
        yield _count_robots(robots)
        yield from _describe_robots(robots)
        if self._sources.alerts is not None:
            yield from describe_alerts(self._sources.alerts)
        yield from _describe_records(read_proofs(history.database)[:_MOST_ROBOTS])


def _collect_ingest(ingest: Ingest) -> Iterator[Metric]:
    connected = ingest.link.state is LinkState.CONNECTED
    yield _gauge("link_up", "1 while the control room is connected to the broker.", connected)
    yield _gauge("ingest_alive", "1 while the thread that stores messages runs.", ingest.is_alive)
    yield _gauge("ingest_queue_messages", "Messages received and not stored yet.", ingest.count_received())
    yield _gauge("outbox_messages", "Commands and reviews that wait to be sent.", ingest.count_waiting())


def _collect_jobs(jobs: JobQueue) -> Iterator[Metric]:
    states = Counter(job.state for job in jobs.jobs)
    found = GaugeMetricFamily(f"{PREFIX}_jobs", "Reports and data sets by state.", labels=["state"])
    for state in JobState:
        found.add_metric([state.value], states[state])
    yield found
    ended = CounterMetricFamily(
        f"{PREFIX}_jobs_ended", "Reports and data sets by kind and end.", labels=["kind", "end"]
    )
    for (kind, end), count in ({("pdf", "done"): 0} | jobs.counts).items():
        ended.add_metric([kind, end], count)
    yield ended
    yield CounterMetricFamily(
        f"{PREFIX}_jobs_busy_seconds", "Time in which one was being made.", value=jobs.busy_s
    )


def _describe_records(proofs: list[RobotProof]) -> Iterator[Metric]:
    gauges: dict[str, tuple[str, Callable[[RobotProof], float]]] = {
        "robot_record_broken": (
            "1 where a robot's chain is broken, or two histories of it are known.",
            lambda proof: proof.state is ProofState.BROKEN,
        ),
        "robot_record_problems": (
            "What contradicts a robot's record, or is missing without a name.",
            lambda proof: len(proof.problems),
        ),
        "robot_record_unsigned_verdicts": (
            "Verdicts behind the newest that is proved.",
            lambda proof: proof.not_yet,
        ),
    }
    for name, (about, read) in gauges.items():
        gauge = GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["site", "robot"])
        for proof in proofs:
            gauge.add_metric([proof.site, proof.robot], float(read(proof)))
        yield gauge


def _info(process: str) -> Metric:
    about = {"version": __version__, "python": platform.python_version()}
    about |= {"process": process} if process else {}
    return InfoMetricFamily(f"{PREFIX}_build", "Which control room this is.", value=about)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", about, value=float(value))


def _by_kind(name: str, about: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["kind"])
    for kind, value in values.items():
        family.add_metric([kind], value)
    return family


def _count_robots(robots: list[RobotRecord]) -> Metric:
    states = Counter(_find_state(record) for record in robots)
    family = GaugeMetricFamily(f"{PREFIX}_robots", "Robots by state.", labels=["state"])
    for state in _ROBOT_STATES:
        family.add_metric([state], states[state])
    return family


def _describe_shares(shares: list[Share]) -> Iterator[Metric]:
    largest = sorted(shares, key=lambda share: share.bytes, reverse=True)[:_MOST_ROBOTS]
    family = GaugeMetricFamily(
        f"{PREFIX}_robot_share_bytes", "What a robot takes of the bound.", labels=["site", "robot"]
    )
    for share in largest:
        family.add_metric([share.site, share.robot], share.bytes)
    yield family
    if shares:
        about = "What each robot keeps whatever others send."
        yield _gauge("share_bound_bytes", about, shares[0].bound_bytes)


def _find_state(record: RobotRecord) -> str:
    status = record.status
    if status is None:
        return "unknown"
    if status.presence is not Presence.ONLINE:
        return "link_lost" if status.offline_reason is OfflineReason.LINK_LOST else "stopped"
    return "silent" if time.time() - record.last_heard_at.timestamp() > _SILENT_S else "online"


def _describe_robots(robots: list[RobotRecord]) -> Iterator[Metric]:
    shown = sorted(robots, key=lambda record: record.last_heard_at, reverse=True)[:_MOST_ROBOTS]
    counters: dict[str, tuple[str, Callable[[RobotRecord], float]]] = {
        "robot_verdicts": ("Verdicts that arrived.", lambda record: record.verdicts),
        "robot_duplicates": ("Verdicts that arrived again.", lambda record: record.duplicates),
        "robot_conflicts": (
            "Verdicts under an id that another one had.",
            lambda record: record.conflicts,
        ),
    }
    gauges: dict[str, tuple[str, Callable[[RobotRecord], float | None]]] = {
        "robot_missing_verdicts": ("Verdicts that have not arrived so far.", lambda record: record.missing),
        "robot_last_heard_timestamp_seconds": (
            "When it was heard last.",
            lambda record: record.last_heard_at.timestamp(),
        ),
        "robot_clock_ahead_seconds": ("Its clock minus ours.", lambda record: record.clock_ahead_s),
    }
    for name, (about, read) in counters.items():
        counter = CounterMetricFamily(f"{PREFIX}_{name}", about, labels=["site", "robot"])
        for record in shown:
            counter.add_metric([record.site, record.robot], read(record))
        yield counter
    for name, (about, look) in gauges.items():
        gauge = GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=["site", "robot"])
        for record in shown:
            if (value := look(record)) is not None:
                gauge.add_metric([record.site, record.robot], value)
        yield gauge
