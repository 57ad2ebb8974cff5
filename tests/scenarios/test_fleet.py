"""A small fleet of real spools and publishers against one broker: nothing is lost, nothing comes twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.benchmarks.fleet.__main__ import bottleneck, row
from tests.benchmarks.fleet.measure import measure


@pytest.mark.skipif(
    not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()),
    reason="mosquitto is not installed (Debian package mosquitto)",
)
@pytest.mark.parametrize("room", ["counter", "control-room"])
def test_of_twenty_robots_every_verdict_arrives_once(room):
    """Twenty robots say fifteen verdicts each; the room has 300, and the table says so."""
    if room == "control-room":
        pytest.importorskip("starlette", reason="needs the extra control-room")
    fleet = measure(20, 5, 3.0, room_kind=room)
    assert (fleet.said, fleet.lost, fleet.twice) == (300, 0, 0)
    assert 0 < fleet.age_p50_ms <= fleet.age_p99_ms < 60_000
    assert min(fleet.cpu_ms_room, fleet.cpu_ms_robots, fleet.mb_broker, fleet.mb_room) > 0
    assert row(fleet).split()[:2] == ["20", "5"]
    assert "full first: the " in bottleneck(fleet)
