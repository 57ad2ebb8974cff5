"""The mission report: what was covered and what not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_node.control_room.report.mission import Selection, collect_mission
from edge_node.errors import CorrosionError
from tests.support.missions import WHO
from tests.support.verdicts import START


def test_a_mission_says_what_was_covered_and_what_not(history):
    """Counted by hand: 30 came of 40, 25 judged, 5 in the dark, 10 missing, a metre not judged."""
    mission = collect_mission(history, WHO)
    assert (mission.frames, mission.judged, mission.missing) == (30, 25, 10)
    assert mission.outcomes == {"uncorroded": 22, "corroded": 3, "not_inspectable": 5}
    assert mission.reasons == (("dark", "too dark", 5),)
    assert mission.replayed == 10
    assert mission.time_quality == {"synchronized": 30}
    assert mission.assets == ("pipe 7",)
    assert [(gap.first_seq, gap.last_seq) for gap in mission.gaps] == [(20, 29)]
    assert mission.hole_m == pytest.approx(0.5)  # five times the usual tenth of a metre
    stretches = [(stretch.from_m, stretch.to_m) for stretch in mission.unjudged]
    assert stretches == [(1.9, 3.0)]
    assert [found.finding.id for found in mission.findings] == ["crawler-1:epoch:f5"]


def test_a_mission_can_be_part_of_a_history(history):
    """A time window counts its own frames and findings, and no gap outside it."""
    late = Selection("quay", "crawler-1", since=START + timedelta(seconds=31))
    mission = collect_mission(history, late)
    assert (mission.frames, mission.missing, mission.findings) == (10, 0, ())
    early = Selection("quay", "crawler-1", until=START + timedelta(seconds=10))
    assert (collect_mission(history, early).frames, len(collect_mission(history, early).findings)) == (10, 1)


def test_without_anything_to_report_it_says_what_there_is(history):
    """An unknown robot and an empty time: one sentence that helps."""
    with pytest.raises(CorrosionError, match="never heard of it; known are quay/crawler-1"):
        collect_mission(history, Selection("quay", "crawler-2"))
    with pytest.raises(CorrosionError, match="no verdict in that time; the last one came at"):
        collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(days=9)))
