"""The control room's ASGI application with its real parts, called without a server, from any address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.alerts.alert_desk import AlertDesk
from edge_node.control_room.alerts.apprise_sender import AppriseSender
from edge_node.control_room.alerts.channels import read_channels
from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.ingest.readiness import Readiness
from edge_node.control_room.long_work.job_queue import JobQueue
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from edge_node.control_room.people.audit import Audit
from edge_node.control_room.people.logins import Logins
from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile
from edge_node.control_room.robots.bundle_shelf import BundleShelf
from edge_node.control_room.robots.command_desk import CommandDesk
from edge_node.control_room.robots.review_sender import ReviewSender
from edge_node.control_room.robots.review_service import ReviewService
from edge_node.control_room.robots.update_desk import UpdateDesk
from edge_node.control_room.settings import build_settings
from edge_node.control_room.web.event_stream import EventBroadcaster
from edge_node.control_room.web.routes.application import build_application
from edge_node.control_room.web.services import Services

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace

# Of "correct horse", with parameters that cost a test nothing.
QUICK_HASH = "$argon2id$v=19$m=8,t=1,p=1$XKQ0S43LsRo5zc/5f/0tnA$0ZtbVbE0/yh2SA/uX+8IDRPFGlF7OEefJHm3ykjXukU"
PASSWORD = "correct horse"  # noqa: S105  of tests


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, headers with names in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON."""
        return msgspec.json.decode(self.body)

    @property
    def cookie(self) -> str:
        """The cookie that was set, as a browser sends it back; without its name and value, empty."""
        return self.headers.get("set-cookie", "").partition(";")[0]


class RoomApp:
    """A control room without its server and its broker; a ``with`` block."""

    def __init__(
        self,
        folder: Path,
        *,
        place: DatabasePlace | None = None,
        alerts: dict[str, Any] | None = None,
        **web: Any,
    ) -> None:
        self.users = UserFile(folder / "users.json")
        self.settings = build_settings(
            {"hostname": "127.0.0.1", "port": 1}, room={"state_dir": str(folder)}, web=web, alerts=alerts
        )
        self.history = History(folder, place=place)
        self.events = EventBroadcaster()
        self.audit = Audit(self.history)
        ingest = Ingest(self.settings, self.history, folder, lambda _arrivals: None, lambda _link: None)
        reviews = ReviewSender(ingest.endpoint(), None, self.history, self.events.send_reviewed)
        reviews.start()
        self.reviews = ReviewService(self.history, self.events.send_reviewed, reviews)
        self.commands = CommandDesk(
            self.settings.commands, ingest.endpoint(), self.history, self.events.send_command
        )
        shelf = BundleShelf(self.settings.commands.bundles_dir, folder / "bundles")
        self.updates = UpdateDesk(self.commands, shelf)
        self.logins = Logins(self.settings, self.audit)
        sender = AppriseSender(read_channels(self.settings.alerts))
        self.alerts = AlertDesk(
            self.settings, self.history.database, sender, lambda: datetime.now(timezone.utc)
        )
        parts = (JobQueue(folder), Readiness(folder, self.history), RoomMetrics(), self.reviews)
        self.services = Services(
            *(self.settings, self.history, self.events, ingest, self.logins, self.audit, *parts),
            commands=self.commands,
            updates=self.updates,
            alerts=self.alerts,
        )
        self.app = build_application(self.services)

    def __enter__(self) -> RoomApp:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.reviews.close()
        self.updates.close()
        self.logins.close()
        self.history.close()

    def add_user(self, name: str, role: str) -> None:
        """Add a user whose password is ``PASSWORD``."""
        self.users.add_user(name, Role(role), QUICK_HASH)

    def log_in(self, name: str, password: str = PASSWORD, **given: Any) -> Answer:
        """Post the login form."""
        form = f"user={name}&password={password.replace(' ', '+')}".encode()
        return self.request("/login", "POST", form, **given)

    def request(
        self, path: str, method: str = "GET", body: bytes = b"", peer: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """Send one request; ``_`` in the names of headers is ``-``."""
        return asyncio.run(self.send(path, method, body, peer, **headers))

    async def send(
        self, path: str, method: str = "GET", body: bytes = b"", peer: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """Send one request in the running event loop."""
        sent: list[dict[str, Any]] = []

        bodies = [body]

        async def receive() -> dict[str, Any]:
            if not bodies:
                await asyncio.Event().wait()  # the client stays
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope_of(path, method, peer, headers), receive, send)
        start = sent[0]
        found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(part.get("body", b"") for part in sent[1:]))


def scope_of(path: str, method: str, peer: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return what an ASGI server makes of a request."""
    named = {
        "host": "localhost",
        **{name.replace("_", "-").lower(): value for name, value in headers.items()},
    }
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("utf-8")) for name, value in named.items()],
        "client": (peer, 40000),
        "server": ("127.0.0.1", 8430),
    }
