"""The installed bundle at the start of the node."""

from __future__ import annotations

import pytest

from edge_node.update.installed_bundle import note_start
from edge_node.update.state import Step
from tests.support.releases import Maker, Robot


@pytest.mark.runtime
def test_a_crash_loop_ends_the_trial_at_the_next_start(tmp_path):
    """Three ends without a clean stop: the old bundle decides, and the version does not come back."""
    robot = Robot(tmp_path / "robot", maker := Maker(tmp_path))
    robot.install(maker.bundle("2"))
    for _ in range(3):
        note_start(robot.store, robot.config)
        assert robot.store.state().current is not None
    note_start(robot.store, robot.config)
    state = robot.store.state()
    assert state.current is None
    assert state.trial is None
    assert state.events[-1].step is Step.ROLLED_BACK
    assert "ended 3 times during the trial" in state.rejected[0].reason
