"""The manifest: every way in which it contradicts itself or the model is told."""

from __future__ import annotations

import json

import msgspec
import pytest

from edge_node.errors import BundleError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.manifest import Manifest, decode_manifest, encode_manifest
from tests.support.bundles import edit, refusal

pytestmark = pytest.mark.runtime


def test_the_manifest_round_trips():
    """What is encoded is what is decoded."""
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    assert decode_manifest(encode_manifest(manifest), "again") == manifest
    assert isinstance(manifest, Manifest)


def drop_label(manifest) -> None:
    """Take the last label of the root stage away."""
    stage = manifest["cascade"]["stages"][0]
    for part in ("meanings", "routes"):
        stage[part].pop(stage["labels"][-1], None)
    stage["labels"] = (
        [*stage["labels"][:-1], "another"][:1] if len(stage["labels"]) == 2 else stage["labels"][:-1]
    )


def other_dtype(manifest) -> None:
    """Claim another input type than the file has."""
    manifest["models"][0]["input"]["dtype"] = "int8"


def other_scale(manifest) -> None:
    """Claim twice the input scale."""
    manifest["models"][0]["input"]["scale"] *= 2


def other_shape(manifest) -> None:
    """Claim a larger input than the file has."""
    manifest["models"][0]["input"]["shape"] = [1, 512, 512, 3]


def other_output(manifest) -> None:
    """Claim an output that the file does not have."""
    manifest["models"][0]["outputs"][0]["name"] = "absent"
    for stage in manifest["cascade"]["stages"]:
        stage["output"] = "absent"
        stage["map"] = None


def circle(manifest) -> None:
    """Route a label back to its own stage."""
    stage = manifest["cascade"]["stages"][0]
    stage["routes"] = {stage["labels"][0]: stage["name"]}


def unknown_route(manifest) -> None:
    """Route a label to a stage that is not there."""
    stage = manifest["cascade"]["stages"][0]
    stage["routes"] = {stage["labels"][0]: "nowhere"}


def unknown_key(manifest) -> None:
    """Add a key of which this version knows nothing."""
    manifest["surprise"] = 1


def later_format(manifest) -> None:
    """Claim a later format."""
    manifest["format"] = 2


def path_as_name(manifest) -> None:
    """Point outside the folder."""
    manifest["models"][0]["file"] = "../../etc/passwd"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop_label, "labels"),
        (other_dtype, "bundle.json says int8"),
        (other_scale, "has scale"),
        (other_shape, "bundle.json says uint8 (1, 512, 512, 3)"),
        (other_output, "absent"),
        (circle, "the routes run in a circle"),
        (unknown_route, "route to 'nowhere', which is no stage"),
        (unknown_key, "unknown key surprise"),
        (later_format, "format"),
        (path_as_name, "models[0].file: wanted a file name of 1 to 128 letters"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(bundle, change, said):
    """Each way in which the manifest contradicts itself or the file is told."""
    edit(bundle, change)
    assert said in refusal(bundle)


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff", b'{"format": 1e999}', b"null"])
def test_rubbish_is_no_manifest(text):
    """Hostile JSON ends in the one error, never in a traceback."""
    with pytest.raises(BundleError, match="rubbish"):
        decode_manifest(text, "rubbish")


def test_every_field_of_the_manifest_is_spelled_out():
    """A reader of bundle.json sees defaults too: nothing is left to know by heart."""
    written = json.loads((DEFAULT_BUNDLE / "bundle.json").read_bytes())
    for field in msgspec.structs.fields(Manifest):
        assert (field.name in written) is (field.name != "colourless")


def test_the_claim_of_pictures_without_colour_is_kept_and_checked():
    """Older nodes refuse unknown keys: without the claim the key is absent, and no other word is taken."""
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    assert b"colourless" not in encode_manifest(manifest)
    claims = msgspec.structs.replace(manifest, colourless="measured")
    assert decode_manifest(encode_manifest(claims), "again").colourless == "measured"
    guessed = encode_manifest(claims).replace(b'"colourless": "measured"', b'"colourless": "guessed"')
    with pytest.raises(BundleError, match="colourless"):
        decode_manifest(guessed, "again")


def test_a_bundle_that_is_not_proved_says_why_in_a_note():
    """Notes are free text, which older nodes take; what is proved or older than proofs says nothing."""
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    assert manifest.why_not_proved == ""
    for text, wanted in (
        ("proved at the source: 32 pictures", ""),
        ("not proved at the source: left out by --draft", "not proved at the source: left out by --draft"),
    ):
        notes = ("target: litert", f"proof: {text}", "another note")
        provenance = msgspec.structs.replace(manifest.provenance, notes=notes)
        written = encode_manifest(msgspec.structs.replace(manifest, provenance=provenance))
        assert decode_manifest(written, "again").why_not_proved == wanted


def test_thresholds_per_label_are_kept_and_checked():
    """Without them the key is absent, so that older nodes take the stage; with them those refuse it."""
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    assert b"label_thresholds" not in encode_manifest(manifest)
    first, *others = manifest.cascade.stages

    def with_thresholds(**thresholds: float) -> Manifest:
        changed = msgspec.structs.replace(first, label_thresholds=thresholds)
        cascade = msgspec.structs.replace(manifest.cascade, stages=(changed, *others))
        return msgspec.structs.replace(manifest, cascade=cascade)

    kept = decode_manifest(encode_manifest(with_thresholds(**{first.labels[0]: 0.3})), "again")
    assert kept.cascade.stages[0].is_independent
    assert [kept.cascade.stages[0].threshold(label) for label in first.labels[:2]] == [0.3, 0.5]
    assert not kept.cascade.stages[1].is_independent
    with pytest.raises(BundleError, match="'absent' is none of its labels"):
        decode_manifest(encode_manifest(with_thresholds(absent=0.3)), "again")


def test_the_backbone_is_told_by_a_note_that_older_nodes_take():
    """Where the weights came from, with their licence; of several each; nothing of older bundles."""
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    notes = ("target: litert", "backbone: lite1, Apache-2.0", "backbone: v2, MIT")
    told = msgspec.structs.replace(manifest.provenance, notes=notes)
    assert msgspec.structs.replace(manifest, provenance=told).backbone == "lite1, Apache-2.0; v2, MIT"
    silent = msgspec.structs.replace(manifest.provenance, notes=("target: litert",))
    assert msgspec.structs.replace(manifest, provenance=silent).backbone == ""
