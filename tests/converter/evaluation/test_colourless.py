"""What the loss of colour costs a bundle, and what its manifest says of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from converter.data.dataset import CORRODED, UNCORRODED, Sample
from converter.evaluation.colourless import claim_colourless, measure_grey
from converter.evaluation.questions import choose_questions
from edge_node.errors import DatasetError
from edge_node.inference.bundle import DEFAULT_BUNDLE, MANIFEST_NAME, load_bundle
from edge_node.messages.verdict import Decision, Outcome

_SAYS = {
    CORRODED: Decision(outcome=Outcome.CORRODED),
    UNCORRODED: Decision(outcome=Outcome.UNCORRODED),
}


def _cost(pictures, missed_in_grey, found_wrongly_in_grey=0, *, claimed=False):
    """So many corroded and as many uncorroded, all right in colour."""
    pairs = []
    for truth, other, lost in (
        (CORRODED, UNCORRODED, missed_in_grey),
        (UNCORRODED, CORRODED, found_wrongly_in_grey),
    ):
        for number in range(pictures):
            sample = Sample(Path(f"{truth}{number}.png"), "", labels={"corroded": truth})
            pairs.append((sample, _SAYS[truth], _SAYS[other if number < lost else truth]))
    return measure_grey(choose_questions([]), pairs, claimed=claimed)


@pytest.mark.parametrize(
    ("pictures", "missed", "wrongly", "may_be_judged"),
    [
        (100, 3, 0, True),
        (100, 4, 0, False),  # 2 points of all, but 4 of the corroded
        (100, 2, 5, False),  # found nearly all, but called sound metal corroded
        (100, 0, 6, True),
        (49, 0, 0, False),  # too few to tell
    ],
)
def test_grey_may_cost_three_points(pictures, missed, wrongly, may_be_judged):
    """Neither the right answers nor the corroded found may fall by more, on enough pictures."""
    cost = _cost(pictures, missed, wrongly)
    assert cost.may_be_judged is may_be_judged
    assert cost.pictures == 2 * pictures
    assert cost.found_in_grey == pytest.approx(1 - missed / pictures)
    assert cost.fall_points == pytest.approx(max(missed, (missed + wrongly) / 2) / pictures * 100)


def test_the_manifest_says_what_was_measured_and_loses_a_claim_that_does_not_hold(tmp_path):
    """Claim and figures stand in it, once; a worse measurement takes the claim away; too few do nothing."""
    folder = tmp_path / "bundle"
    shutil.copytree(DEFAULT_BUNDLE, folder)
    before = load_bundle(folder).manifest
    claim_colourless(folder, _cost(100, 1))
    claim_colourless(folder, _cost(100, 2))
    manifest = load_bundle(folder).manifest
    assert manifest.colourless == "measured"
    notes = [note for note in manifest.provenance.notes if note.startswith("colourless: ")]
    assert len(notes) == 1
    assert "in grey 99.0 % right, in colour 100.0 %" in notes[0]
    assert "200 pictures, 100 corroded" in notes[0]
    with pytest.raises(DatasetError, match=r"not changed: .*too few to tell"):
        claim_colourless(folder, _cost(20, 1, claimed=True))
    claim_colourless(folder, _cost(100, 9, claimed=True))
    text = (folder / MANIFEST_NAME).read_bytes()
    assert b'"colourless"' not in text
    assert b"must be refused" in text
    assert load_bundle(folder).manifest.cascade == before.cascade
