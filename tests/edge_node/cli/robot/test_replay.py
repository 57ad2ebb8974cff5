"""Replaying a recording says which verdicts another bundle changes, and no others."""

from __future__ import annotations

import argparse
import json
import shutil

import cv2
import pytest

from edge_node.camera.backends.recording import iter_video
from edge_node.cli.robot import replay as replay_command
from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE
from edge_node.view.framing import Framing
from edge_node.view.recorded_view import embed_view, record_view
from edge_node.view.settings import ViewSettings
from tests.support.processes import command


def replay(*arguments):
    """Run the command."""
    return command("edge_node.cli", "replay", *arguments)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Every eighth frame of the demo's clip: all of its plates, in an eighth of the time."""
    path = tmp_path_factory.mktemp("replay") / "clip.avi"
    frames = list(iter_video(CLIP))[::8]
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def test_the_same_bundle_changes_nothing(clip):
    """Against itself no verdict changes, and the exit code says so."""
    found = replay(str(clip), "--bundle", "default", "--json")
    assert found.returncode == 0, found.stderr
    (summary,) = [json.loads(line) for line in found.stdout.splitlines()]
    assert summary["changed"] == 0
    assert summary["frames"] > 30
    assert sum(summary["outcomes"].values()) == summary["frames"]


def test_a_recording_that_is_cut_off_is_compared_as_far_as_it_goes(clip, tmp_path):
    """The comparison is printed, the sentence goes to stderr, and the exit code is that of the comparison."""
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    found = replay(str(cut), "--bundle", "default", "--json")
    assert found.returncode == 0, found.stderr
    (summary,) = [json.loads(line) for line in found.stdout.splitlines()]
    assert summary["frames"] > 5
    told, *_ = found.stderr.splitlines()
    assert told.startswith(f"edge-node: {cut}: cut off")
    assert f"{summary['frames']} of " in told


@pytest.mark.runtime
def test_a_bundle_that_decides_otherwise_is_listed(clip, tmp_path):
    """A bundle that abstains below certainty changes verdicts; each is listed once, with both paths."""
    bundle = shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle")
    manifest = json.loads((bundle / "bundle.json").read_text())
    for stage in manifest["cascade"]["stages"]:
        stage["abstain_below"] = 0.97
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    found = replay(str(clip), "--bundle", str(bundle), "--json")
    assert found.returncode == 1, found.stderr
    *changes, summary = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(changes) == summary["changed"] > 0
    assert len({change["frame_id"] for change in changes}) == len(changes)
    assert all(change["differs"] and change["old"] != change["new"] for change in changes)
    assert all(change["stages"].values() for change in changes)
    told = [pair for change in changes for pair in change["stages"].items()]
    for stage, pairs in summary["stages"].items():  # also pictures whose verdict stays the same
        assert sum(pairs.values()) >= sum(stage == name for name, _ in told) > 0
        assert all("unsure" in pair or "not asked" in pair for pair in pairs)
    table = replay(str(clip), "--bundle", str(bundle))
    assert f"{len(changes)} of {summary['frames']} verdicts change" in table.stdout
    assert "stage material" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rtsp://cam/live", "--bundle", "default"], "cannot be replayed"),
        (["/no/such.mp4", "--bundle", "default"], "no such file"),
        ([str(CLIP), "--bundle", "/no/such"], "bundle"),
        ([str(CLIP), "--bundle", "default", "--material", "cheese"], "material 'cheese'"),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(arguments, words):
    """A camera, a missing file, a missing bundle: one line each."""
    found = replay(*arguments)
    assert found.returncode == 2
    assert words in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_robots_settings_judge_and_are_named(clip, tmp_path):
    """A gate that lets nothing pass, tiles and material come from ``--config``, and the bundle in use."""
    node = {"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path)}
    config = tmp_path / "node.toml"
    steel = {"material": "steel", "surface": "painted_steel"}
    inspect = {"dark_below": 255, "tiles_across": 2, "tile_budget_ms": 9, **steel}
    config.write_text(
        example_config(node=node, bundle={"path": "default"}, mqtt={"hostname": "h"}, inspect=inspect)
    )
    by_default = replay(str(clip), "--bundle", "default", "--json")
    assert 'judged with [inspect] material = "auto"' in by_default.stderr
    assert "of the package (--config FILE judges with a robot's)" in by_default.stderr
    found = replay(str(clip), "--bundle", "default", "--config", str(config), "--json")
    assert found.returncode == 0, found.stderr
    summary = json.loads(found.stdout.splitlines()[-1])
    assert summary["outcomes"] == {"not_inspectable -> not_inspectable": summary["frames"]}
    assert summary["outcomes"] != json.loads(by_default.stdout.splitlines()[-1])["outcomes"]
    (line,) = found.stderr.splitlines()
    assert line.startswith('judged with [inspect] material = "steel", ')
    assert 'surface = "painted_steel"' in line
    assert "tile_budget_ms = null" in line
    assert "dark_below = 255" in line
    assert line.endswith(f" of {config}")
    refused = replay(str(clip), "--bundle", "default", "--config", str(config), "--material", "aluminium")
    assert refused.returncode == 2
    assert "--material aluminium: surface = " in refused.stderr


@pytest.mark.runtime
def test_pictures_are_compared_in_the_robots_view_and_evidence_in_its_own(tmp_path, capsys):
    """A crop of another size judges no plain picture; a picture with a view in it is judged by that."""
    pixels = next(iter_video(CLIP))
    height, width = pixels.shape[:2]
    content = cv2.imencode(".jpg", pixels)[1].tobytes()
    view = record_view(Framing(ViewSettings(180), width, height).numbers, None)
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "plain.jpg").write_bytes(content)
    (folder / "evidence.jpg").write_bytes(embed_view(content, view))
    crop = {"left_px": 0, "top_px": 0, "width_px": 99, "height_px": 99, "of_px": [100, 100]}
    config = tmp_path / "node.toml"
    node = {"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path)}
    config.write_text(
        example_config(
            node=node, bundle={"path": "default"}, mqtt={"hostname": "h"}, camera={"rotate": 90, "crop": crop}
        ),
        encoding="utf-8",
    )
    parser = argparse.ArgumentParser()
    replay_command.add_arguments(parser)
    arguments = [str(folder), "--bundle", "default", "--config", str(config), "--json"]
    assert replay_command.run(parser.parse_args(arguments)) == 0
    outcomes = json.loads(capsys.readouterr().out)["outcomes"]
    assert sum(count for outcome, count in outcomes.items() if "not_inspectable" in outcome) == 1
    assert sum(outcomes.values()) == 2
