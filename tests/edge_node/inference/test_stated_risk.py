"""What a manifest says of the risk that its thresholds were chosen for."""

from __future__ import annotations

import msgspec

from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.manifest import decode_manifest, encode_manifest
from edge_node.inference.stated_risk import StageRisk, StatedRisk, describe_risk, format_risk, read_risk

_RISK = StatedRisk(
    wrong_share=0.02,
    wrong=0.018,
    wrong_interval=(0.009, 0.031),
    coverage=0.86,
    pictures=1200,
    sources=("a", "b"),
    stages=(
        StageRisk(stage="steel", wrong=0.01, coverage=0.9, pictures=800, is_held=True),
        StageRisk(stage="severity", wrong=0.3, coverage=0.2, pictures=90, is_held=False, is_left_out=True),
    ),
)


def _with_notes(*notes):
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    kept = tuple(note for note in manifest.provenance.notes if not note.startswith("risk: "))
    provenance = msgspec.structs.replace(manifest.provenance, notes=(*kept, *notes))
    return msgspec.structs.replace(manifest, provenance=provenance)


def test_it_is_a_note_that_is_read_again():
    """The manifest keeps its keys, so that older nodes take it; the note gives back every figure."""
    manifest = _with_notes("target: litert", format_risk(_RISK))
    again = decode_manifest(encode_manifest(manifest), "here")
    assert read_risk(again) == _RISK
    assert encode_manifest(manifest).count(b'"notes"') == 1
    assert read_risk(_with_notes()) is None
    assert read_risk(_with_notes("risk: of slipping")) is None  # somebody's own note


def test_it_is_told_in_sentences():
    """A person reads what was wanted, what was measured, on what, and what is left out."""
    first, steel, severity = describe_risk(_RISK)
    assert first == (
        "at most 2.0% of the decided pictures are to be wrong; measured 1.8% (0.9% to 3.1%), with 86% decided"
        " of 1200 pictures of 2 sources that the network had not seen"
    )
    assert steel == "stage steel: 1.0% wrong, 90% answered of 800 pictures"
    assert severity.endswith("30.0% wrong, 20% answered of 90 pictures; left out of the bundle")
    worse = msgspec.structs.replace(_RISK, wrong=0.03)
    assert "measured 3.0% (0.9% to 3.1%), which is more, with" in next(describe_risk(worse))
