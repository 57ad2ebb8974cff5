"""A model card that is made of what was measured."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from converter.data.dataset import CORRODED, UNCORRODED, Sample
from converter.evaluation.colourless import measure_grey
from converter.evaluation.evaluation import evaluate
from converter.evaluation.judge import JudgedSample
from converter.evaluation.questions import choose_questions
from converter.evaluation.stress import StressFigures, StressRow, StressTable
from converter.runs.model_card import (
    CARD_NAME,
    RISK_NAME,
    STRESS_NAME,
    CardParts,
    make_card,
    read_evaluation,
)
from converter.runs.run_record import RunRecord
from edge_node.errors import DatasetError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.messages.verdict import Decision, Outcome
from tests.converter.runs.test_left_out_tables import LEFT_OUT

_ATTRIBUTION = "# Attribution\n\n## Licences\n\n| CC0 | 40 |\n\n## Pictures\n\n- Ada\n"


def _judged(name, truth, said, confidence, source="plates"):
    sample = Sample(Path(f"/home/ada/{name}.png"), "", source, licence="CC0", labels={"corroded": truth})
    outcome = {CORRODED: Outcome.CORRODED, UNCORRODED: Outcome.UNCORRODED}.get(said, Outcome.UNCERTAIN)
    return JudgedSample(sample, Decision(outcome=outcome, condition_confidence=confidence), 1.0)


@pytest.fixture
def evaluation():
    """Four pictures: right, surely wrong, unsure, right; a source of its own of which nothing is decided."""
    judged = [
        _judged("a", CORRODED, CORRODED, 0.9),
        _judged("rusty|plate", UNCORRODED, CORRODED, 0.95),
        _judged("c", UNCORRODED, None, 0.5, "dark"),
        _judged("d", UNCORRODED, UNCORRODED, 0.8),
    ]
    row = StressRow(
        condition="grey",
        right=0.25,
        fall_points=50.0,
        abstained=0.0,
        not_metal=0.0,
        refused=0.75,
        reasons={"dark": 3},
        wrong_of_decided=0.0,
        found=float("nan"),
    )
    table = StressTable(question="any metal corroded?", pictures=4, positive=CORRODED, rows=(row,))
    stress = StressFigures(
        pictures=4, of=9, seed=0, tables=(table,), grey=measure_grey(choose_questions([]), [], claimed=False)
    )
    found = evaluate("m", "d", judged, choose_questions([]))
    return msgspec.structs.replace(found, stress=stress)


def test_risk_and_mistakes_are_those_of_the_answers(evaluation):
    """The surest answer is the wrong one; the curve ends at what was decided; an abstention is no mistake."""
    whole = evaluation.figures[0]
    coverage, risk = zip(*whole.risk_coverage, strict=True)
    assert coverage == (0.25, 0.5, 0.75)
    assert risk == pytest.approx((1, 1 / 2, 1 / 3))
    assert [(one.file, one.truth, one.predicted) for one in evaluation.mistakes] == [
        ("rusty|plate.png", UNCORRODED, CORRODED)
    ]
    assert [(part.source, part.pictures, part.abstained) for part in whole.sources] == [
        ("dark", 1, 1.0),
        ("plates", 3, 0.0),
    ]
    assert [(part.source, part.pictures) for part in whole.licences] == [("CC0", 4)]


def test_a_card_holds_what_was_measured_and_nothing_of_the_machine(evaluation, tmp_path):
    """From the JSON of `evaluate`: tables, plots, mistakes by name; a folder of the machine is not told."""
    path = tmp_path / "e.json"
    path.write_bytes(msgspec.json.encode(evaluation))
    run = RunRecord(
        name="steel-1",
        state="finished",
        started_at="",
        command=("retrain", "--image_dir", "/home/ada/plates"),
        pictures=40,
    )
    parts = CardParts(
        manifest=load_bundle(DEFAULT_BUNDLE).manifest,
        attribution=_ATTRIBUTION,
        evaluations=(("sources left out", read_evaluation(path)),),
        runs=(run,),
        left_out=LEFT_OUT,
        words="## Not for\n\nWhole objects.",
    )
    files = make_card(parts)
    assert set(files) == {CARD_NAME, RISK_NAME, STRESS_NAME}
    card = files[CARD_NAME].decode()
    assert "### sources left out" in card
    assert "| any metal corroded? | 4 | 4 | 50.00 % |" in card
    assert "| dark | 1 | 0.00 % | 100.00 % | - |" in card
    assert "| rusty\\|plate.png | plates | any metal corroded? | uncorroded | corroded | 95.00 % |" in card
    assert "| grey | 25.00 % | 50.0 | 0.00 % | - | 75.00 % | 0.00 % | - |" in card
    assert "### Licences\n\n| CC0 | 40 |" in card
    assert "Ada" not in card.replace("[ATTRIBUTION.md]", "")
    assert "`converter retrain --image_dir plates`" in card
    assert "/home" not in card
    assert "- at most 2.0% of the decided pictures are to be wrong; measured 1.0%" in card
    assert "| tanks (training 2) | 9 |" in card
    assert "sources left out in training" in files[RISK_NAME].decode()
    assert "## Not for\n\nWhole objects." in card
    assert files == make_card(parts)


def test_what_is_no_evaluation_is_refused(tmp_path):
    """One sentence names the file and the command that writes such ones."""
    path = tmp_path / "report.json"
    path.write_text('{"name": "x"}', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"report\.json: not what `converter evaluate --json` writes"):
        read_evaluation(path)
