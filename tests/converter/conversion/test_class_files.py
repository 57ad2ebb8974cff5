"""Files of stages for other tools are checked against the node before they are written."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import cv2
import msgspec
import pytest

from converter.conversion import class_files
from converter.conversion.class_files import make_class_file, node_probabilities, read_script
from edge_node.errors import ConversionError
from edge_node.inference.bundle import with_manifest
from edge_node.inference.engine import Engine
from tests.support.stage_bundles import default_bundle, pictures, with_root


def test_a_file_says_what_the_node_says_and_tells_what_is_not_plain():
    """Threshold and abstention are told in words; probabilities kept are equal to the node's."""
    bundle = with_root(default_bundle(), decision_threshold=0.7)
    (stage,) = bundle.manifest.cascade.stages
    engine = Engine(bundle)
    moved = make_class_file(bundle, engine, stage, keep_probabilities=False)
    assert "says aluminium from 0.7 on; probabilities are moved" in moved.notes[0]
    assert "below 0.6 the node abstains" in moved.notes[1]
    kept = make_class_file(bundle, engine, stage, keep_probabilities=True)
    assert "largest probability is not always its label" in kept.notes[0]
    assert kept.worst_difference < 1e-5
    assert len(kept.content) < len(moved.content)


def test_a_file_that_says_something_else_is_refused():
    """Made of one model and compared with another: the sentence has both answers."""
    bundle = with_root(default_bundle())
    (stage,) = bundle.manifest.cascade.stages
    colder = msgspec.structs.replace(stage, temperature=0.2)
    cascade = msgspec.structs.replace(bundle.manifest.cascade, stages=(colder,))
    other = with_manifest(bundle, msgspec.structs.replace(bundle.manifest, cascade=cascade))
    content = make_class_file(other, Engine(other), colder, keep_probabilities=False).content
    compare = partial(class_files._compare, bundle, Engine(bundle), stage, content)
    with pytest.raises(ConversionError, match=r"the file says aluminium .* where the node says aluminium"):
        compare(is_exact=True)


def test_the_script_gives_the_nodes_labels(tmp_path):
    """Twenty lines with the interpreter alone, on pictures of another size than the input's."""
    bundle = default_bundle()
    stage = bundle.manifest.cascade.stage("steel")
    engine = Engine(bundle)
    file = tmp_path / "steel.tflite"
    file.write_bytes(make_class_file(bundle, engine, stage, keep_probabilities=True).content)
    wanted = []
    for at, pixels in enumerate(pictures()):
        larger = cv2.resize(pixels, (500, 300))
        name = str(tmp_path / f"{at}.png")
        cv2.imwrite(name, larger)
        corroded, uncorroded = node_probabilities(bundle, engine, stage, larger)
        label, most = max(("corroded", corroded), ("uncorroded", uncorroded), key=lambda pair: pair[1])
        wanted.append(f"{name}: {label} {most:.3f}")
    (tmp_path / "classify.py").write_text(read_script(), encoding="utf-8")
    command = [sys.executable, "classify.py", "steel.tflite", *(line.split(":")[0] for line in wanted)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == wanted
    assert len(read_script().splitlines()) <= 25


def test_the_script_says_in_a_sentence_what_is_missing(tmp_path):
    """Without arguments it says how it is called; a picture that is not there is named."""
    bundle = default_bundle()
    stage = bundle.manifest.cascade.stage("steel")
    file = make_class_file(bundle, Engine(bundle), stage, keep_probabilities=True)
    (tmp_path / "steel.tflite").write_bytes(file.content)
    (tmp_path / "classify.py").write_text(read_script(), encoding="utf-8")
    for arguments, told in (
        ((), "python classify.py STAGE.tflite PICTURE"),
        (("no.png",), "no.png: not there"),
    ):
        command = [sys.executable, "classify.py", *(("steel.tflite", *arguments) if arguments else ())]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 1
        assert told in ran.stderr
        assert "Traceback" not in ran.stderr
