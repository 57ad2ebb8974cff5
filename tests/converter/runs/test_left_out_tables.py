"""What a card says of sources that a training had left out."""

from __future__ import annotations

import msgspec
import pytest

from converter.risk.record import LeftOutRecord, SourceOutcomes
from converter.runs.left_out_tables import describe_left_out, read_left_out
from edge_node.errors import DatasetError
from edge_node.inference.stated_risk import StatedRisk

LEFT_OUT = LeftOutRecord(
    seed=0,
    variations=({},),
    risk=StatedRisk(
        wrong_share=0.02, wrong=0.01, wrong_interval=(0.0, 0.02), coverage=0.9, pictures=9, sources=("tanks",)
    ),
    curve=((0.0, 0.5), (0.01, 0.9)),
    stages=(),
    left_out_stages=("steel_severity",),
    sources=(
        SourceOutcomes(
            source="tanks",
            member=2,
            pictures=9,
            outcomes={
                "corroded": {"corroded": 5, "uncertain": 1},
                "not_inspectable": {"not_inspectable": 2, "uncertain": 1},
            },
            stages={},
        ),
    ),
    licences=(),
    seconds={},
)


def test_each_source_is_told_by_the_training_that_had_not_seen_it(tmp_path):
    """From the file that retrain writes: found, refused as no metal, without an answer; stages not in it."""
    path = tmp_path / "left_out.json"
    path.write_bytes(msgspec.json.encode(LEFT_OUT))
    text = "\n".join(describe_left_out(read_left_out(path)))
    assert "| tanks (training 2) | 9 | 5 of 6 |  | 2 of 3 | 2 |" in text
    assert "Not in the bundle, because too few pictures get an answer at this risk: `steel_severity`." in text
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"left_out\.json: not the left_out\.json of"):
        read_left_out(path)
