"""Bad input, kind by kind, as a user would type it: one sentence, the right exit code, no traceback."""

from __future__ import annotations

import json
import shutil
import socket
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_node.config.sections import example_config
from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support.processes import command
from tests.support.subcommands import command_here

if TYPE_CHECKING:
    from pathlib import Path


def sentence(found) -> str:
    """Return what was said on stderr, after checking that it is what a user should get."""
    assert found.returncode not in {0, 2}, found.stdout
    assert "Traceback" not in found.stderr
    lines = [line for line in found.stderr.splitlines() if line.startswith(("convert: ", "edge-node: "))]
    assert lines, found.stderr
    return "\n".join(lines)


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder with three pictures to calibrate on."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(3):
        noise = np.random.default_rng(index).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), noise)
    return folder


@pytest.fixture
def graph(shared, tmp_path) -> Path:
    """A real graph with its labels, in a folder of its own."""
    folder = tmp_path / "graph"
    folder.mkdir()
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(shared / "graphs" / "steel" / name, folder / name)
        (folder / name).chmod(0o644)
    return folder / "retrained_graph.pb"


def convert(*arguments, out: Path) -> str:
    """Run ``convert --quantize`` and return its sentence; nothing may be left where the bundle would be."""
    found = command_here("converter.cli", "convert", *map(str, arguments), "--out", str(out))
    assert not out.exists()
    assert not [entry for entry in out.parent.iterdir() if out.name in entry.name]
    return sentence(found)


def test_graph_missing(tmp_path, pictures):
    """A path that leads nowhere."""
    said = convert(
        "--quantize", tmp_path / "absent.pb", "--calibration", pictures, out=tmp_path / "new-bundle"
    )
    assert "absent.pb: no such file" in said


def test_graph_truncated(tmp_path, graph, pictures):
    """The first half of a real graph."""
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])
    assert "retrained_graph.pb" in convert(
        "--quantize", graph, "--calibration", pictures, out=tmp_path / "new-bundle"
    )


def test_graph_of_the_wrong_kind(tmp_path, graph, pictures):
    """A picture under the name of a graph."""
    graph.write_bytes((pictures / "0.png").read_bytes())
    assert "retrained_graph.pb" in convert(
        "--quantize", graph, "--calibration", pictures, out=tmp_path / "new-bundle"
    )


def test_labels_missing(tmp_path, graph, pictures):
    """No retrained_labels.txt beside the graph."""
    (graph.parent / "retrained_labels.txt").unlink()
    said = convert("--quantize", graph, "--calibration", pictures, out=tmp_path / "new-bundle")
    assert "retrained_labels.txt" in said


def test_labels_that_do_not_fit(tmp_path, graph, pictures):
    """Three labels for a graph with two outputs."""
    (graph.parent / "retrained_labels.txt").write_text("a\nb\nc\n", encoding="utf-8")
    said = convert("--quantize", graph, "--calibration", pictures, out=tmp_path / "new-bundle")
    assert "3" in said
    assert "2" in said


def test_no_calibration_pictures(tmp_path, graph):
    """Int8 without pictures is refused: never random calibration."""
    assert "--calibration" in convert("--quantize", graph, out=tmp_path / "new-bundle")


def test_calibration_folder_missing(tmp_path, graph):
    """A folder that is not there."""
    said = convert("--quantize", graph, "--calibration", tmp_path / "absent", out=tmp_path / "new-bundle")
    assert "absent" in said


def test_calibration_folder_without_a_readable_picture(tmp_path, graph):
    """Files that are called pictures and are none."""
    folder = tmp_path / "rubbish"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"no picture")
    assert "rubbish" in convert("--quantize", graph, "--calibration", folder, out=tmp_path / "new-bundle")


def test_unknown_mode(tmp_path, graph, pictures):
    """A mode that does not exist is told with those that do."""
    found = command_here(
        "converter.cli",
        "convert",
        "--quantize=int4",
        str(graph),
        "--calibration",
        str(pictures),
        "--out",
        "b",
    )
    assert found.returncode != 0
    assert "int4" in found.stderr
    assert "int8" in found.stderr
    assert "Traceback" not in found.stderr


def test_cascade_with_an_unknown_key(tmp_path, graph, pictures):
    """A misspelt key of CASCADE.toml, with the nearest one."""
    cascade = tmp_path / "cascade.toml"
    cascade.write_text(f'[[stage]]\nname = "steel"\ngrpah = "{graph}"\n', encoding="utf-8")
    said = convert("--quantize", cascade, "--calibration", pictures, out=tmp_path / "new-bundle")
    assert "grpah" in said
    assert "graph" in said


def test_cascade_that_routes_in_a_circle(tmp_path, graph, pictures):
    """A stage whose label leads back to it."""
    cascade = tmp_path / "cascade.toml"
    cascade.write_text(
        f'[[stage]]\nname = "steel"\ngraph = "{graph}"\nroutes = {{ corroded = "steel" }}\n', encoding="utf-8"
    )
    assert "circle" in convert("--quantize", cascade, "--calibration", pictures, out=tmp_path / "new-bundle")


def test_output_folder_that_exists(tmp_path, graph, pictures):
    """What is there is not touched without --force."""
    out = tmp_path / "precious"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", encoding="utf-8")
    found = command_here(
        "converter.cli",
        "convert",
        "--quantize",
        str(graph),
        "--calibration",
        str(pictures),
        "--out",
        str(out),
    )
    assert "--force" in sentence(found)
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def broken_bundle(tmp_path, change) -> str:
    """Classify with a default bundle that ``change`` has broken; return the sentence."""
    bundle = shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle")
    change(bundle)
    said = sentence(command_here("edge_node.cli", "classify", "--bundle", str(bundle), "x.jpg"))
    assert "bundle" in said
    return said


def test_bundle_with_one_byte_changed(tmp_path):
    """One changed byte in a model is found by its SHA-256."""

    def change(bundle):
        model = next(bundle.glob("*.tflite"))
        content = bytearray(model.read_bytes())
        content[1000] ^= 1
        model.write_bytes(content)

    assert "sha256" in broken_bundle(tmp_path, change)


def edit_manifest(change):
    """Return a breaker that applies ``change`` to the manifest as JSON."""

    def edit(bundle):
        path = bundle / "bundle.json"
        manifest = json.loads(path.read_bytes())
        change(manifest)
        path.write_text(json.dumps(manifest), encoding="utf-8")

    return edit


def test_bundle_with_a_label_missing(tmp_path):
    """Fewer labels than the model has outputs."""

    def change(manifest):
        manifest["cascade"]["stages"][-1]["labels"].pop()

    assert "labels" in broken_bundle(tmp_path, edit_manifest(change))


def test_bundle_with_another_dtype(tmp_path):
    """The file says uint8, the manifest int8."""

    def change(manifest):
        manifest["models"][0]["input"]["dtype"] = "int8"

    assert "bundle.json says int8" in broken_bundle(tmp_path, edit_manifest(change))


def test_bundle_that_is_an_empty_folder(tmp_path):
    """A folder without a manifest is refused with the name of the missing file."""
    (tmp_path / "empty").mkdir()
    found = command_here("edge_node.cli", "classify", "--bundle", str(tmp_path / "empty"), "x.jpg")
    assert "bundle.json" in sentence(found)


def node(tmp_path, *, source="/dev/video99", **mqtt) -> Path:
    """Write a configuration for ``edge-node run``."""
    path = tmp_path / "node.toml"
    text = example_config(
        node={"site": "quay", "robot": "r-1", "state_dir": str(tmp_path / "state")},
        camera={"source": str(source)},
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1", **mqtt},
    )
    path.write_text(text, encoding="utf-8")
    return path


def test_configuration_with_unknown_keys(tmp_path):
    """Both at once, each with the nearest name, exit code 78."""
    path = node(tmp_path)
    text = path.read_text(encoding="utf-8").replace("hostname =", "hostnam =") + "[sppol]\n"
    path.write_text(text, encoding="utf-8")
    for name in ("check-config", "run"):
        arguments = (str(path),) if name == "check-config" else ("--config", str(path))
        found = command("edge_node.cli", name, *arguments)
        assert found.returncode == 78
        said = sentence(found)
        assert 'did you mean "hostname"?' in said
        assert 'did you mean "spool"?' in said


def test_configuration_that_is_no_toml(tmp_path):
    """A picture under the name of a configuration."""
    path = tmp_path / "node.toml"
    path.write_bytes(b"\x89PNG\r\n")
    found = command_here("edge_node.cli", "check-config", str(path))
    assert found.returncode == 78
    assert "not TOML" in sentence(found)


def test_configuration_whose_bundle_is_not_there(tmp_path):
    """check-config looks at the bundle too."""
    path = node(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace('"default"', '"absent"'), encoding="utf-8")
    found = command_here("edge_node.cli", "check-config", str(path))
    assert found.returncode == 78
    assert "[bundle] path" in sentence(found)


@pytest.mark.parametrize("source", ["absent/", "absent.mp4", "exec:reboot", "gst:"])
def test_camera_that_can_never_work(tmp_path, source):
    """Exit code 78: starting again would not help."""
    found = command("edge_node.cli", "run", "--config", str(node(tmp_path, source=source)))
    assert found.returncode == 78
    assert "[camera] source" in sentence(found)


def test_state_folder_that_cannot_be_made(tmp_path):
    """A file where the folder should be."""
    (tmp_path / "state").touch()
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    found = command("edge_node.cli", "run", "--config", str(node(tmp_path, source=tmp_path / "clip")))
    assert found.returncode == 78
    assert "state_dir" in sentence(found)


def test_port_in_use_by_something_that_is_no_broker(tmp_path):
    """Watching a port that nobody listens on, and one whose listener does not speak MQTT."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        found = command("edge_node.cli", "watch", f"127.0.0.1:{port}")
        assert f"127.0.0.1:{port}" in sentence(found)


def test_example_that_exists_already(tmp_path):
    """``init`` does not overwrite what an operator has edited."""
    path = node(tmp_path)
    before = path.read_bytes()
    found = command_here("edge_node.cli", "init", str(path))
    assert "--force" in sentence(found)
    assert path.read_bytes() == before
