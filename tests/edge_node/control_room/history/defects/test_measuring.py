"""What a finding and its verdicts say of a place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from edge_node.control_room.history.defects.measuring import measure
from tests.support.defect_worlds import BEGIN, PassOf, TruePlace, look, store

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_mean_and_scatter_are_those_of_its_verdicts(walked: History) -> None:
    """Of the middle of its stretch, with its scale; and how many verdicts there were."""
    finding = next(one.finding for one in walked.findings() if one.finding.id.endswith(":f18"))
    summary, counted = measure(walked.database, finding, BEGIN)
    areas = [record.verdict.area_mm2 for record in walked.verdicts_of(finding)]
    assert counted == len(areas) == 7
    assert summary.distance_m == pytest.approx(1.3, abs=0.1)
    assert summary.measures["area_mm2"].mean == pytest.approx(900, rel=0.2)
    assert summary.measures["area_mm2"].sd > 0
    assert summary.severities == {"mid": summary.measures["area_mm2"].count}
    assert (summary.mm_per_px, summary.source, summary.is_open) == (0.2, "v4l2:0", False)


def test_a_clock_that_nobody_sets_does_not_date_it(walked: History) -> None:
    """Then the arrival does, if the verdicts came at once; without verdicts, unless it is of the future."""
    seen = look([TruePlace(9.0, 100)], PassOf(3), np.random.default_rng(0))
    seen.verdicts[:] = [
        msgspec.structs.replace(one, time_quality="not_synchronized") for one in seen.verdicts
    ]
    came = BEGIN + timedelta(days=1)
    store(walked, seen, came)
    summary, _ = measure(walked.database, seen.findings[0][1], came)
    assert summary.at == came
    alone = look([TruePlace(9.0, 100)], PassOf(9, robot="crawler-9"), np.random.default_rng(0)).findings[0][1]
    summary, counted = measure(walked.database, alone, BEGIN)
    assert (summary.at, counted, summary.measures) == (BEGIN, 0, {})
    assert summary.distance_m == pytest.approx(9.0, abs=0.1)
