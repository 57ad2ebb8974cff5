"""The request and the result of the process of the source models, as they travel in files."""

from __future__ import annotations

import msgspec

from converter.source_model.request import (
    DecodedPicture,
    ScalingScore,
    SourceAnswers,
    SourceFlags,
    SourcePicture,
    SourceRequest,
    SourceResult,
    SourceStage,
)


def test_request_and_result_come_out_as_they_went_in():
    """Every field survives JSON."""
    flags = SourceFlags(mean=(104.0, 117.0, 123.0), std=(1.0,), colour_order="BGR", height=96)
    stage = SourceStage(name="steel", graph="g.pb", flags=flags, labels=2, truth=(0, -1, 1))
    request = SourceRequest(stages=(stage,), pictures=(SourcePicture(path="a.png"),), compared=1)
    answers = SourceAnswers(
        probabilities=((0.25, 0.75),),
        scores=(ScalingScore(name="/ 255", right=1, pictures=2, gained=1),),
        variants={"pixels / 255": ((0.5, 0.5),)},
    )
    result = SourceResult(stages={"steel": answers}, pictures=(DecodedPicture(worst_levels=3.0),))
    for value in (request, result):
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
