"""One fleet against one broker and one room: what was said, what arrived, how late, what it cost."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.fleet.control_room import ControlRoom
from tests.benchmarks.fleet.processes import Talker, resident_mb
from tests.benchmarks.fleet.profile import Profile
from tests.support.processes import Mosquitto, cpu_s

ROBOTS_A_PROCESS = 50
SETTLE_S = 60.0  # how long the rest may take to arrive


@dataclass(frozen=True, slots=True)
class Fleet:
    """One measurement.

    Attributes:
        wanted_per_s: verdicts that cameras would have had.
        said_per_s: verdicts that were spooled.
        delivered_per_s: verdicts that the room had, over the time in which they came.
        lost: spooled, and not in the room a minute later.
        twice: came more than once.
        age_p50_ms: from the capture of a frame to the room, over all verdicts.
        cpu_ms_broker: processor time per verdict.
        busy_broker: share of one core.
        room_shares: of the room's time, by step; empty without ``profile``.
    """

    robots: int
    rate_hz: float
    wanted_per_s: float
    said_per_s: float
    delivered_per_s: float
    said: int
    lost: int
    twice: int
    age_p50_ms: float
    age_p95_ms: float
    age_p99_ms: float
    busy_broker: float
    busy_room: float
    busy_robots: float
    cpu_ms_broker: float
    cpu_ms_room: float
    cpu_ms_robots: float
    mb_broker: float
    mb_room: float
    mb_robots: float
    room_shares: tuple[tuple[str, float], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def measure(
    robots: int, rate_hz: float, seconds: float, *, room_kind: str = "counter", profile: bool = False
) -> Fleet:
    """Run ``robots`` at ``rate_hz`` for ``seconds`` and return what happened.

    Args:
        robots: how many.
        rate_hz: verdicts a second of each.
        seconds: how long they speak.
        room_kind: "counter" or "control-room".
        profile: look where the room's time goes, which costs a little of it.
    """
    with ExitStack() as closing:
        # Spools in memory: two hundred robots have two hundred disks, this machine has one.
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a folder of our own in it
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(dir=memory)))
        broker = Mosquitto(folder)
        broker.start()
        closing.callback(broker.kill)
        room = _room(room_kind, broker.port, folder)
        closing.callback(room.end)
        room.wait_ready()
        crews = _crews(robots, rate_hz, broker.port, folder, closing)
        parts = {"broker": [broker.pid], "room": [room.pid], "robots": [crew.pid for crew in crews]}
        before = {name: _cpu_s(pids) for name, pids in parts.items()}
        began_s = time.monotonic()
        looking = Profile(room.pid) if profile else None
        for crew in crews:
            crew.tell(f"go {seconds}")
        numbers: dict[str, int] = {}
        for crew in crews:
            numbers |= crew.answer()
        said_s = time.monotonic() - began_s
        shares = tuple(looking.shares()) if looking else ()
        report = _settled(room, numbers)
        used = {name: _cpu_s(pids) - before[name] for name, pids in parts.items()}
        took_s = time.monotonic() - began_s
        memory_mb = {name: resident_mb(pids) for name, pids in parts.items()}
    said = sum(numbers.values())
    return Fleet(
        robots=robots,
        rate_hz=rate_hz,
        wanted_per_s=robots * rate_hz,
        said_per_s=said / said_s,
        delivered_per_s=report["delivered_per_s"],
        said=said,
        lost=_missing(numbers, report),
        twice=report["twice"],
        **{key: report[key] for key in ("age_p50_ms", "age_p95_ms", "age_p99_ms")},
        **{f"busy_{name}": used[name] / took_s for name in parts},
        **{f"cpu_ms_{name}": used[name] / said * 1000 for name in parts},
        **{f"mb_{name}": memory_mb[name] for name in parts},
        room_shares=shares,
    )


def _crews(robots: int, rate_hz: float, port: int, folder: Path, closing: ExitStack) -> list[Talker]:
    crews = []
    for first in range(0, robots, ROBOTS_A_PROCESS):
        count = min(ROBOTS_A_PROCESS, robots - first)
        arguments = (str(port), str(folder), str(first), str(count), str(rate_hz))
        crews.append(Talker("tests.benchmarks.fleet.robots", *arguments))
        closing.callback(crews[-1].end)
    for crew in crews:
        crew.wait_ready()
    return crews


def _room(kind: str, port: int, folder: Path) -> Counting | ControlRoom:
    if kind == "control-room":
        return ControlRoom(port, folder / "room")
    return Counting("tests.benchmarks.fleet.room", str(port))


class Counting(Talker):
    """The room that counts."""

    def report(self) -> dict[str, Any]:
        """Return what came so far."""
        self.tell("report")
        answer: dict[str, Any] = self.answer()
        return answer


def _missing(numbers: dict[str, int], report: dict[str, Any]) -> int:
    """Return how many of the numbers that were given out the room has not."""
    behind = sum(max(0, number - report["last"].get(epoch, 0)) for epoch, number in numbers.items())
    return int(behind + report["missing"])


def _settled(room: Counting | ControlRoom, numbers: dict[str, int]) -> dict[str, Any]:
    """Return the room's report once it has everything, or a minute has passed."""
    deadline_s = time.monotonic() + SETTLE_S
    report = room.report()
    while _missing(numbers, report) and time.monotonic() < deadline_s:
        time.sleep(0.2)
        report = room.report()
    return report


def _cpu_s(pids: list[int]) -> float:
    return sum(cpu_s(Path(f"/proc/{pid}")) for pid in pids)
