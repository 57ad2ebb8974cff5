"""The watchdog is fed while the whole way is walked, and only then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge_node.camera.capture.capture_thread import CameraCondition
from edge_node.monitoring.systemd import Notifier
from edge_node.monitoring.watchdog import Vitals, Watchdog, find_hung_part
from tests.support.notify_socket import NotifySocket

STREAMING = Vitals(camera=CameraCondition.STREAMING, frames=0, verdicts=0, capture_beat_s=0.0)


@pytest.fixture
def manager(tmp_path):
    """Return a service manager that listens."""
    with NotifySocket(tmp_path / "notify") as listening:
        yield listening


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def watchdog(manager, clock, interval_s=15.0):
    """Return a watchdog whose manager wants to hear of it every ``interval_s``."""
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(interval_s * 2e6))}
    return Watchdog(Notifier(environment), clock=clock)


def test_ready_waits_for_the_first_verdict(manager):
    """A camera that streams makes no node ready: its first verdict does, once."""
    clock = Clock()
    dog = watchdog(manager, clock)
    dog.look(replace(STREAMING, frames=3, capture_beat_s=clock.now_s))
    assert "READY=1" not in manager.received()
    for verdicts in (1, 2):
        dog.look(replace(STREAMING, frames=4, verdicts=verdicts, capture_beat_s=clock.now_s))
    assert manager.received().count("READY=1") == 1


@pytest.mark.parametrize("camera", [CameraCondition.ABSENT, CameraCondition.SILENT, CameraCondition.ENDED])
def test_ready_does_not_wait_for_a_camera_that_is_not_there(manager, camera):
    """Without a camera the node is up all the same: systemd must not kill it for that."""
    watchdog(manager, Clock()).look(replace(STREAMING, camera=camera, capture_beat_s=1000.0))
    assert "READY=1" in manager.received()


def feedings(manager, clock, steps):
    """Return on which of the steps, 20 s apart, the watchdog was fed."""
    dog = watchdog(manager, clock)
    fed = []
    for step in steps:
        dog.look(step(clock.now_s))
        fed.append("WATCHDOG=1" in manager.received())
        clock.now_s += 20
    return fed


def test_it_is_fed_while_frames_become_verdicts(manager):
    """Progress at both ends of the way, and beats of both threads, feed it at each interval."""

    def step(count):
        return lambda now_s: replace(
            STREAMING,
            frames=10 * count,
            verdicts=count,
            capture_beat_s=now_s - 0.1,
            publisher_beat_s=now_s - 0.1,
        )

    assert feedings(manager, Clock(), [step(count) for count in range(1, 6)]) == [True] * 5


@pytest.mark.parametrize(
    "hang",
    [
        {"verdicts": 5},  # inference: frames arrive, none is decided
        {"capture_beat_s": 1000.0},
        {"publisher_beat_s": 1000.0},
        {"spool_beat_s": 1000.0},
    ],
)
def test_it_is_not_fed_while_a_part_hangs(manager, hang):
    """From the moment a part stops, no feeding; once it turns again, feeding goes on."""

    def step(count, *, hung):
        def vitals(now_s):
            good = replace(
                STREAMING,
                frames=100 * count,
                verdicts=5 + count,
                capture_beat_s=now_s,
                publisher_beat_s=now_s,
                spool_beat_s=now_s,
            )
            return replace(good, **hang) if hung else good

        return vitals

    steps = [step(0, hung=False), step(1, hung=True), step(2, hung=True), step(3, hung=False)]
    assert feedings(manager, Clock(), steps) == [True, False, False, True]


@pytest.mark.parametrize(
    "vitals",
    [
        {"camera": CameraCondition.ABSENT},  # no frames: not the node's fault
        {"paused": True, "frames": 500},  # frames arrive and are not wanted
        {"frames": 1},  # one picture in a minute, not decided yet
    ],
)
def test_what_is_no_hang_is_fed(manager, vitals):
    """An absent camera, a pause and a slow camera do not restart the node."""
    steps = [lambda now_s: replace(STREAMING, capture_beat_s=now_s)] * 2
    steps.append(lambda now_s: replace(STREAMING, capture_beat_s=now_s, **vitals))
    assert feedings(manager, Clock(), steps) == [True] * 3


def test_what_hangs_is_named():
    """The log says which part, and for how long."""
    now_s = 100.0
    alive = replace(STREAMING, capture_beat_s=now_s)
    assert find_hung_part(alive, alive, now_s) == ""
    assert "capture" in find_hung_part(replace(alive, capture_beat_s=80.0), alive, now_s)
    assert "publisher" in find_hung_part(replace(alive, publisher_beat_s=80.0), alive, now_s)
    assert "spool" in find_hung_part(replace(alive, spool_beat_s=80.0), alive, now_s)
    assert "none was judged" in find_hung_part(replace(alive, frames=90), alive, now_s)
