"""The control room's record: what robots said last, and whole after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.messages.status import Health, Presence, Status
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_robots_are_as_they_said_last(history: History) -> None:
    """Status, health and by how much a clock is off."""
    then = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    history.set_status(Status(site="quay", robot="crawler-1", since=then), received_at=then)
    offline = Status(site="quay", robot="crawler-1", since=then, presence=Presence.OFFLINE)
    history.set_status(offline, received_at=then)
    history.set_health(Health(site="quay", robot="crawler-1", at=then, uptime_s=3.0), received_at=then)
    late = verdict(1, "U", observed_at=then - timedelta(hours=2))
    history.add_verdict(late, received_at=then)
    (robot,) = history.robots()
    assert robot.status == offline
    assert robot.health.uptime_s == 3.0
    assert robot.clock_ahead_s == -7200
    assert (robot.last_heard_at, robot.last_verdict_at) == (then, then)


_WRITER = """
import sys
from pathlib import Path
from edge_node.control_room.history.history import History
from tests.support.verdicts import verdict
history = History(Path(sys.argv[1]))
for seq in range(1, 1_000_000):
    history.add_verdict(verdict(seq, "U"))
    print(seq, flush=True)
"""


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """Every number that the killed writer reported is there, and the file opens without repair."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    deadline_s = time.monotonic() + 30
    reported = 0
    while reported < 200 and time.monotonic() < deadline_s:
        reported = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    reported = max([reported, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    history = History(tmp_path)
    assert history.count_verdicts() >= reported >= 200
    assert history.gaps() == []
    history.close()
