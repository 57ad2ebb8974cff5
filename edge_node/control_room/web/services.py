"""Hold the parts of a control room that HTTP handlers use, and hand them to a handler."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge_node.control_room.alerts.alert_desk import AlertDesk
    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.ingest import Link
    from edge_node.control_room.ingest.readiness import Readiness
    from edge_node.control_room.long_work.job_queue import JobQueue
    from edge_node.control_room.metrics.room_metrics import RoomMetrics
    from edge_node.control_room.people.audit import Audit
    from edge_node.control_room.people.logins import Logins
    from edge_node.control_room.robots.command_desk import CommandDesk
    from edge_node.control_room.robots.review_service import ReviewService
    from edge_node.control_room.robots.update_desk import UpdateDesk
    from edge_node.control_room.settings import RoomSettings
    from edge_node.control_room.web.event_stream import EventBroadcaster


class RoomLink(Protocol):
    """The room's connection to the broker: the ingest's own, or that of other processes as they note it."""

    @property
    def link(self) -> Link:
        """Its state."""

    @property
    def is_alive(self) -> bool:
        """Whoever keeps it, or follows it, runs."""

    def count_received(self) -> int:
        """Return how many messages were received and are not stored yet."""

    def count_waiting(self) -> int:
        """Return how many messages wait to be sent."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What probes and Prometheus ask a process of a room for that serves no page."""

    ingest: RoomLink
    readiness: Readiness
    metrics: RoomMetrics
    metrics_turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one control room.

    Attributes:
        reviews: None where ``[commands] enabled = false``, as are commands and updates.
        alerts: None in tests that need none.
        metrics_turn: whoever asks for the metrics waits for those who do.
    """

    settings: RoomSettings
    history: History
    events: EventBroadcaster
    ingest: RoomLink
    logins: Logins
    audit: Audit
    jobs: JobQueue
    readiness: Readiness
    metrics: RoomMetrics
    reviews: ReviewService | None = None
    commands: CommandDesk | None = None
    updates: UpdateDesk | None = None
    alerts: AlertDesk | None = None
    metrics_turn: asyncio.Lock = field(default_factory=asyncio.Lock)


def get_services(request: Request) -> Services:
    """Return the services of the application that received a request."""
    services: Services = request.app.state.services
    return services


def get_probed(request: Request) -> Probed | Services:
    """Return what probes look at of the application that received a request."""
    services: Probed | Services = request.app.state.services
    return services
