"""Sightings as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_node.control_room.history.defects import sightings
from edge_node.messages.finding import FindingState
from tests.support.defect_worlds import PassOf, TruePlace, look, store

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_a_finding_is_taken_in_once_for_each_of_its_states(walked: History) -> None:
    """And again when it has grown."""
    assert sightings.take_findings(walked.database, 2) == 2
    assert sightings.take_findings(walked.database, 2) == 1
    assert sightings.take_findings(walked.database, 2) == 0
    assert sightings.select_changed_assets(walked.database) == [("quay", "pipe L-7")]
    seen = look([TruePlace(8.0, 50)], PassOf(1), np.random.default_rng(0))
    finding = seen.findings[0][1]
    walked.add_finding(msgspec.structs.replace(finding, state=FindingState.OPENED, frames=3))
    sightings.take_findings(walked.database, 9)
    walked.add_finding(finding)
    assert sightings.take_findings(walked.database, 9) == 1
    (one,) = sightings.select_sightings(walked.database, finding_id=finding.id)
    assert (one.summary.frames, one.summary.is_open) == (7, False)


def test_verdicts_that_come_later_are_measured_when_they_are_there(walked: History) -> None:
    """Findings overtake verdicts after a broken link; nothing is looked for before more came of the robot."""
    seen = look([TruePlace(8.0, 50)], PassOf(1), np.random.default_rng(0))
    store(walked, seen, verdicts=False)
    sightings.take_findings(walked.database, 9)
    finding_id = seen.findings[0][1].id
    (one,) = sightings.select_sightings(walked.database, finding_id=finding_id)
    assert one.summary.measures == {}
    assert sightings.look_again(walked.database, 9) == 0
    store(walked, seen)
    assert sightings.look_again(walked.database, 9) == 1
    (one,) = sightings.select_sightings(walked.database, finding_id=finding_id)
    assert one.summary.measures["area_mm2"].count >= 3
    assert sightings.look_again(walked.database, 9) == 0
