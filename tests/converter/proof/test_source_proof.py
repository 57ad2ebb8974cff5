"""The record of a proof: its sentence, and the note in the bundle."""

from __future__ import annotations

from converter.proof.source_proof import Agreement, SourceProof, StageProof, skip_proof, with_proof
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle


def test_the_sentence_has_the_figures_of_float_and_quantized():
    """Labels kept of all that were asked, and the worst probability difference, over all stages."""
    in_float = Agreement(30, 30, 28, 28, 0.0011, "a.jpg")
    quantized = Agreement(30, 29, 28, 28, 0.043, "b.jpg")
    stages = tuple(StageProof(name, in_float, quantized) for name in ("metal", "steel"))
    proof = SourceProof(proved=True, stages=stages, pictures=("a.jpg",) * 30)
    assert proof.sentence == (
        "proved at the source: on 30 pictures float gives TensorFlow's label 60 of 60 times, worst"
        " probability difference 0.0011; quantized gives TensorFlow's label 58 of 60 times, worst"
        " probability difference 0.0430"
    )


def test_a_bundle_says_in_its_notes_whether_it_is_proved():
    """A note more, which nodes of any age take; nothing else changes."""
    bundle = load_bundle(DEFAULT_BUNDLE)
    noted = with_proof(bundle, skip_proof("left out by --no-source-proof"))
    *before, note = noted.manifest.provenance.notes
    assert tuple(before) == bundle.manifest.provenance.notes
    assert note == "proof: not proved at the source: left out by --no-source-proof"
