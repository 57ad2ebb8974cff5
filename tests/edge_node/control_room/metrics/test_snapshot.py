"""What Prometheus reads of a real history, and that the dashboard asks for nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_node.control_room.alerts.alert_desk import AlertDesk
from edge_node.control_room.alerts.apprise_sender import AppriseSender
from edge_node.control_room.alerts.channels import Channel
from edge_node.control_room.connections.connection_book import ConnectionBook, ConnectionLimits
from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.batch_store import Arrival
from edge_node.control_room.ingest.ingest import Commit, Link
from edge_node.control_room.long_work.job_queue import JobQueue
from edge_node.control_room.metrics.monitoring_files import ALERTS, DASHBOARD
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from edge_node.control_room.metrics.snapshot import RoomSnapshot, Sources
from edge_node.control_room.sections import RoomConfig
from edge_node.control_room.settings import build_settings
from edge_node.messages.status import LinkState
from edge_node.monitoring import prometheus
from tests.support.dashboard import list_expressions, list_names
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Verdicts 1, 2, 2, 4 of one robot, and another verdict under the number of the first."""
    opened = History(tmp_path)
    for seq in (1, 2, 2, 4):
        opened.add_verdict(verdict(seq, "U"))
    opened.add_verdict(verdict(1, "C"))
    opened.note_refused("rsp: not JSON", "corrosion/v1/a/b/rsp", "")
    yield opened
    opened.close()


def read(history: History, tmp_path: Path) -> dict[str, dict[str, float]]:
    """The samples by name, each by its labels' values."""
    link = Link(LinkState.CONNECTED, since=None)
    ingest = SimpleNamespace(link=link, is_alive=True, count_received=lambda: 3, count_waiting=lambda: 0)
    metrics = RoomMetrics()
    book = ConnectionBook(ConnectionLimits())
    sender = AppriseSender([Channel("duty", ("json://localhost",))])
    desk = AlertDesk(build_settings({"hostname": "127.0.0.1"}), history.database, sender, lambda: None)
    sources = Sources(RoomConfig(max_mb=10), history, ingest, JobQueue(tmp_path), book, lambda: 2, desk)
    metrics.add_snapshot(RoomSnapshot(sources))
    message = verdict(9, "U")
    metrics.note_arrivals([Arrival(message, message.observed_at, is_news=True)])
    metrics.note_commit(Commit(4, 0.003))
    metrics.note_commit(Commit(4, 0.003, "database or disk is full"))
    metrics.note_request("/api/state", "GET", 200, 0.01)
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(metrics.format().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})["/".join(sample.labels.values())] = sample.value
    return found


def test_prometheus_reads_what_the_history_counts(history: History, tmp_path: Path) -> None:
    """Per robot what came, came twice, is missing and contradicts; sizes beside their bounds."""
    found = read(history, tmp_path)
    assert found["corrosion_room_robot_verdicts_total"] == {"crawler-1/quay": 3}
    assert found["corrosion_room_robot_duplicates_total"] == {"crawler-1/quay": 1}
    assert found["corrosion_room_robot_conflicts_total"] == {"crawler-1/quay": 1}
    assert found["corrosion_room_robot_missing_verdicts"] == {"crawler-1/quay": 1}
    assert found["corrosion_room_robots"]["unknown"] == 1
    assert found["corrosion_room_refused_messages_total"]["rsp: not JSON"] == 1
    assert found["corrosion_room_history_bound_bytes"]["messages"] == 10_000_000
    assert 0 < found["corrosion_room_history_bytes"]["messages"] < 10_000_000
    assert found["corrosion_room_commit_failures_total"] == {"": 1}
    assert found["corrosion_room_commit_seconds_count"] == {"": 1}
    assert (found["corrosion_room_ingest_queue_messages"], found["corrosion_room_event_streams"]) == (
        {"": 3},
        {"": 2},
    )


def test_a_history_that_cannot_be_read_leaves_the_rest(history: History, tmp_path: Path) -> None:
    """An alert needs the metrics most when something is broken."""
    history.close()
    found = read(history, tmp_path)
    assert found["corrosion_room_history_readable"] == {"": 0}
    assert found["corrosion_room_link_up"] == {"": 1}
    assert "corrosion_room_history_bytes" not in found


@pytest.mark.parametrize("file", [DASHBOARD, ALERTS])
def test_dashboard_and_alerts_ask_for_metrics_that_exist(history: History, tmp_path: Path, file: str) -> None:
    """Every name in every expression is one of the room's, or one that a robot's page formats."""
    ours = set(read(history, tmp_path))
    robots = Path(prometheus.__file__).read_text(encoding="utf-8")
    expressions = list_expressions(file)
    assert len(expressions) >= 7
    for title, expression in expressions:
        names = list_names(expression)
        assert names, title
        for name in names:
            known = name in ours or f'"{name.removeprefix("corrosion_edge_")}"' in robots
            assert known or name in ("corrosion_edge_info", "corrosion_edge_part_ok"), (title, name)
