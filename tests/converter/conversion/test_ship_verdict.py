"""May it be shipped: each reason against it, alone and in words; yes only where nothing speaks against it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from converter.conversion.report import ProofReport, ReadingReport, ScoreFigures
from converter.conversion.ship_verdict import judge_shipping

PROVED = ProofReport(proved=True, sentence="proved at the source: 32 of 32 pictures, worst 0.003")


@pytest.fixture(scope="module")
def sound(report):
    """A report against which nothing speaks."""
    (stage,) = report.stages
    right = ScoreFigures(right=57, pictures=60, accuracy=0.95, low=0.86, high=0.98)
    stage = replace(
        stage, agreement=0.99, float_accuracy=right, quantized_accuracy=right, confusion=((29, 1), (2, 28))
    )
    (source,) = report.sources
    sources = (replace(source, licences=("CC BY 4.0",), not_known=()),)
    return replace(report, proof=PROVED, stages=(stage,), sources=sources, licence="MIT")


def with_stage(report, **changes):
    """Return the report with a changed stage."""
    return replace(report, stages=(replace(report.stages[0], **changes),))


def with_source(report, **changes):
    """Return the report with a changed graph."""
    return replace(report, sources=(replace(report.sources[0], **changes),))


def test_yes_says_what_was_shown(sound):
    """The first line is an answer with its figures."""
    verdict = judge_shipping(sound)
    assert verdict.line == (
        "May I ship it? Yes: (1) proved at the source: 32 of 32 pictures, worst 0.003;"
        " (2) int8 keeps float's label on 99.0% of 60 pictures;"
        " (3) right on 95.0% of 60 labelled pictures."
    )
    assert any("no stage abstains" in text for text in verdict.mind)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: replace(r, proof=None), "not proved at the source"),
        (lambda r: replace(r, draft=True, proof=None), "it is a draft"),
        (
            lambda r: replace(r, proof=ProofReport(proved=False, sentence="not proved at the source: off")),
            "not proved at the source: off",
        ),
        (lambda r: replace(r, doubts=("a: nothing is known of what 'b' should mean",)), "nothing is known"),
        (lambda r: replace(r, calibration_pictures=12), "calibrated on 12 pictures, wanted 50 or more"),
        (lambda r: replace(r, calibration_pictures=1), "calibrated on 1 picture, wanted"),
        (lambda r: replace(r, calibration_misses=("steel rust",)), "no calibration picture shows steel rust"),
        (lambda r: replace(r, judged_pictures=8), "compared on 8 pictures, wanted 50 or more"),
        (lambda r: replace(r, is_judged_on_photographs=False), "compared on rendered pictures alone"),
        (lambda r: with_stage(r, agreement=0.9), "another label than float on 10.0% of pictures"),
        (
            lambda r: with_stage(r, confusion=((57, 0), (3, 0))),
            "no better than 'corroded' for every picture",
        ),
        (lambda r: with_stage(r, held_out_coverage=0.3), "abstains on 70% of pictures"),
        (
            lambda r: with_stage(
                r,
                quantized_accuracy=replace(r.stages[0].quantized_accuracy, right=54, accuracy=0.90),
            ),
            "int8 loses 5.0 points of accuracy",
        ),
        (
            lambda r: with_source(r, licences=("CC BY-NC 4.0", "CC0")),
            "pictures that may not be used commercially (CC BY-NC 4.0)",
        ),
        (lambda r: with_source(r, licences=("none stated",)), "pictures of no stated licence"),
    ],
)
def test_each_reason_alone_is_no(sound, change, told):
    """One thing that speaks against it is enough, and it is the only one that is named."""
    verdict = judge_shipping(change(sound))
    assert not verdict.ship
    assert len(verdict.against) == 1, verdict.line
    assert told in verdict.line
    assert verdict.line.startswith("May I ship it? No: ")


def test_too_few_pictures_are_asked_for_where_they_were_given(sound):
    """More calibration pictures would not help where those of --evaluate are compared."""
    few = replace(sound, judged_pictures=8, is_judged_on_calibration=False)
    assert "give --evaluate more labelled pictures" in judge_shipping(few).line
    assert "a larger --calibration" in judge_shipping(replace(few, is_judged_on_calibration=True)).line


def test_what_is_not_known_of_the_input_is_no_unless_other_readings_were_tried(sound):
    """Without truth nobody can say if red came first; with it the others were tried and were no better."""
    asked = with_source(sound, not_known=("colour order: red first is taken",))
    untested = judge_shipping(asked)
    assert "not known: colour order: red first is taken" in untested.line
    (name,) = {source.stage for source in asked.sources}
    readings = tuple(
        ReadingReport(stage=name, reading=reading, right=50, pictures=60, gained=0, lost=0)
        for reading in ("RGB", "BGR")
    )
    tested = judge_shipping(replace(asked, proof=replace(PROVED, readings=readings)))
    assert tested.ship
    assert any("not known: colour order" in text for text in tested.mind)


def test_a_budget_that_the_user_set_is_the_measure(sound):
    """Who allows less agreement, or a larger loss, is not told again."""
    assert judge_shipping(replace(with_stage(sound, agreement=0.9), min_agreement=0.85)).ship
    assert judge_shipping(
        replace(
            with_stage(
                sound, quantized_accuracy=replace(sound.stages[0].quantized_accuracy, right=54, accuracy=0.9)
            ),
            max_drop_points=6.0,
        )
    ).ship


def test_float_models_need_no_calibration(sound):
    """Few calibration pictures matter to the modes that measure ranges on them."""
    assert judge_shipping(replace(sound, mode="float32", calibration_pictures=3)).ship


def test_stages_with_one_reason_share_a_line(sound):
    """Four graphs of one kind do not say the same four times."""
    (source,) = with_source(sound, licences=("none stated",)).sources
    report = replace(sound, sources=tuple(replace(source, stage=name) for name in ("a", "b", "c")))
    assert judge_shipping(report).against == ("a, b, c: trained on pictures of no stated licence",)
