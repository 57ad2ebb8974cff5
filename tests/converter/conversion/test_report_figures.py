"""The figures of a report: what it takes over from graphs, pictures, proof and budget."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from converter.conversion.report import encode_report
from converter.conversion.report_figures import collect_report
from converter.data.dataset import load_dataset
from converter.evaluation.accuracy_budget import AccuracyBudget
from converter.proof.source_proof import Agreement, SourceProof, StageProof
from converter.source_model.request import ScalingScore
from converter.specimens.sets.dataset import write_dataset
from edge_node.inference.probabilities import softmax
from tests.support.conversions import with_changes


def test_the_verdict_stands_in_the_json(report):
    """Programs read the answer and every reason where people do."""
    found = json.loads(encode_report(report))["verdict"]
    assert found["ship"] is False
    assert any("not proved at the source" in text for text in found["against"])
    assert report.is_judged_on_calibration


def test_the_source_has_its_own_columns(outcome):
    """Agreement with the original graph and the worst difference are of the pictures it was asked."""
    (comparison,) = outcome.comparisons
    said = softmax(comparison.reference)[[0, 5]]
    scores = (ScalingScore(name="RGB", right=50, pictures=60), ScalingScore(name="BGR", right=9, pictures=60))
    stages = (StageProof(comparison.stage.name, Agreement(2, 1, 2, 1, 0.9, "a.png"), scores=scores),)
    proof = SourceProof(proved=True, stages=stages, indices=(0, 5), answers={comparison.stage.name: said})
    report = collect_report(with_changes(outcome, proof=proof))
    (stage,) = report.stages
    assert stage.source_agreement == 0.5  # picture 5 was turned round
    assert stage.worst_source_difference == pytest.approx(
        abs(softmax(comparison.candidate)[5] - said[1]).max()
    )
    assert report.proof is not None
    assert report.proof.proved
    assert [(one.reading, one.right) for one in report.proof.readings] == [("RGB", 50), ("BGR", 9)]


def test_budget_and_draft_are_told(outcome):
    """What the user allowed, and that it is a first look, is judged by."""
    report = collect_report(with_changes(outcome, draft=True, budget=AccuracyBudget(1.0, 0.9)))
    assert (report.draft, report.max_drop_points, report.min_agreement) == (True, 1.0, 0.9)
    assert "it is a draft" in report.verdict.line


def test_rendered_specimens_are_told_from_photographs(outcome, tmp_path):
    """Figures on plates of ``converter specimens`` alone say nothing of photographs; the verdict says so."""
    written = load_dataset(write_dataset(tmp_path / "out", 4, 0, size=(64, 64)))
    (source,) = {sample.source for sample in written}
    rendered = tuple(replace(sample, source=source) for sample in outcome.labelled.samples)
    for samples, told in ((rendered, True), ((*rendered[1:], outcome.labelled.samples[0]), False)):
        labelled = replace(outcome.labelled, samples=samples)
        report = collect_report(replace(outcome, labelled=labelled))
        assert any("rendered specimens alone" in text for text in report.verdict.mind) is told


def test_facts_of_the_input_have_their_origin(report):
    """Each fact says where it comes from, and what nothing tells is named."""
    (source,) = report.sources
    assert ("layout", "NHWC [the graph's own ops], float32") in source.facts
    assert [text for fact, text in source.facts if fact == "not known"] == list(source.not_known)
    assert "--input-colour-order" in source.not_known[0]
