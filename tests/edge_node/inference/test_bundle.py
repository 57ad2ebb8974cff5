"""The bundle: what was promised is checked, and each breach is one sentence that names file and mismatch."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from edge_node.errors import BundleError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import MAX_STEPS_OF_MEAN, SMALL_MODEL_FACTOR, run_probe
from edge_node.inference.manifest import Manifest, decode_manifest, encode_manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.runtime


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the default bundle to break."""
    return shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle")


def edit(bundle: Path, change) -> None:
    """Apply ``change`` to the manifest as plain JSON."""
    path = bundle / "bundle.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def replace_model(bundle: Path, content: bytes) -> None:
    """Put ``content`` in the place of the first model, with a manifest that agrees."""

    def change(manifest) -> None:
        model = manifest["models"][0]
        (bundle / model["file"]).write_bytes(content)
        model["sha256"], model["size_bytes"] = hashlib.sha256(content).hexdigest(), len(content)

    edit(bundle, change)


def refusal(bundle: Path) -> str:
    """Return the sentence with which the bundle is refused, by whoever is first to notice."""
    with pytest.raises(BundleError) as caught:
        run_probe(Engine(load_bundle(bundle)))
    message = str(caught.value)
    assert "\n" not in message
    assert str(bundle) in message
    return message


def first_model(bundle: Path) -> Path:
    """Return the first model's file."""
    return bundle / json.loads((bundle / "bundle.json").read_bytes())["models"][0]["file"]


def test_the_default_bundle_is_good_and_small():
    """It loads, its golden probe holds in this runtime, and it is at most 6 MB."""
    results = run_probe(Engine(load_bundle(DEFAULT_BUNDLE)))
    assert results
    assert max(result.share_of_tolerance for result in results) <= 1.0
    assert sum(path.stat().st_size for path in DEFAULT_BUNDLE.rglob("*")) <= 6_000_000


def test_the_manifest_round_trips():
    """What is encoded is what is decoded."""
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    assert decode_manifest(encode_manifest(manifest), "again") == manifest
    assert isinstance(manifest, Manifest)


def test_one_byte_changed_is_refused(bundle):
    """A flipped bit in the middle of the model shows in its hash."""
    path = first_model(bundle)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert f"{path.name}: its sha256 is not the one in bundle.json" in refusal(bundle)


def test_a_truncated_model_is_refused(bundle):
    """The size differs before any hash is computed."""
    path = first_model(bundle)
    path.write_bytes(path.read_bytes()[:-100])
    assert "bytes, bundle.json says" in refusal(bundle)


def test_a_model_that_is_no_model_is_refused(bundle):
    """Rubbish with a manifest that agrees is refused by the runtime, in one line."""
    replace_model(bundle, b"\0\0\0\0TFL3" + bytes(2000))
    assert "does not load it" in refusal(bundle)


def test_a_changed_golden_probe_is_refused(bundle):
    """The probe is hashed like the models."""
    with (bundle / "golden.npz").open("ab") as file:
        file.write(b"x")
    assert "golden.npz: its sha256" in refusal(bundle)


@pytest.mark.parametrize("name", ["bundle.json", "golden.npz"])
def test_a_missing_file_is_refused(bundle, name):
    """Each part is named."""
    (bundle / name).unlink()
    assert f"{name}: No such file or directory" in refusal(bundle)


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
        (unknown_key, "unknown field `surprise`"),
        (later_format, "format"),
        (path_as_name, "matching regex"),
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


def test_a_runtime_that_computes_wrongly_is_noticed(bundle):
    """Golden outputs that are off by more than their tolerance fail the probe."""
    loaded = load_bundle(bundle)
    for outputs in loaded.golden.outputs.values():
        for name in outputs:
            outputs[name] = outputs[name] + 10.0
    with pytest.raises(BundleError, match="further from the golden probe than allowed"):
        run_probe(Engine(loaded))


@pytest.mark.parametrize(("labels", "holds"), [(slice(None), True), (slice(0, 1), False)])
def test_eight_bits_may_be_further_off_where_probabilities_stay(labels, holds):
    """All labels of a map shifted alike say the same; one label shifted as far says something else."""
    loaded = load_bundle(DEFAULT_BUNDLE)
    (model,) = loaded.manifest.models
    output = next(out for out in model.outputs if out.name == "steel/map")
    shift = np.zeros_like(loaded.golden.outputs[model.file][output.name])
    shift[..., labels] = 0.9 * SMALL_MODEL_FACTOR * MAX_STEPS_OF_MEAN * output.scale
    loaded.golden.outputs[model.file][output.name] += shift
    if holds:
        assert max(result.share_of_tolerance for result in run_probe(Engine(loaded))) <= 1.0
    else:
        with pytest.raises(BundleError, match=r"steel/map.*further"):
            run_probe(Engine(loaded))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    """The message says what was wanted and what was found."""
    with pytest.raises(BundleError, match=r"absent: wanted a bundle folder with bundle\.json, found nothing"):
        load_bundle(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="found a file"):
        load_bundle(tmp_path / "file")


def test_every_field_of_the_manifest_is_spelled_out():
    """A reader of bundle.json sees defaults too: nothing is left to know by heart."""
    written = json.loads((DEFAULT_BUNDLE / "bundle.json").read_bytes())
    for field in msgspec.structs.fields(Manifest):
        assert field.name in written
