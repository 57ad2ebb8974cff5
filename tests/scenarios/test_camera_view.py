"""A robot that carries its camera sideways and sees its own wheel: what it judges, says and keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.camera.backends.recording import iter_video
from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.evidence.marked_jpeg import read_marking
from edge_node.messages.camera_view import CameraView
from edge_node.messages.verdict import Verdict
from edge_node.view.recorded_view import read_view
from tests.support.collector import Collector
from tests.support.processes import command, daemon

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.runtime
WIDTH, HEIGHT = 640, 480


def write_calibration(path: Path) -> str:
    """Write a wide lens, as OpenCV's calibration does."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", WIDTH)
    storage.write("image_height", HEIGHT)
    storage.write("camera_matrix", np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]]))
    storage.write("distortion_coefficients", np.array([-0.2, 0.05, 0.0, 0.0, 0.0]))
    storage.release()
    return str(path)


def make_robot(folder: Path, port: int) -> Path:
    """Write sideways pictures with a wheel in them, one of another size last, and their configuration."""
    pictures, mask = folder / "pictures", np.full((HEIGHT, WIDTH), 255, np.uint8)
    cv2.circle(mask, (WIDTH, HEIGHT // 2), 150, 0, -1)
    pictures.mkdir()
    for number, pixels in enumerate(list(iter_video(CLIP))[::40]):
        upright = cv2.resize(pixels, (HEIGHT, WIDTH), interpolation=cv2.INTER_AREA)
        sideways = np.ascontiguousarray(np.rot90(upright))  # a clockwise turn brings it upright
        sideways[mask == 0] = 0
        cv2.imwrite(str(pictures / f"{number:02}.png"), sideways)
    cv2.imwrite(str(pictures / "99.png"), cv2.resize(sideways, (320, 240)))
    cv2.imwrite(str(folder / "mask.png"), mask)
    text = example_config(
        node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
        camera={
            "source": str(pictures),
            "fps": 5.0,
            "rotate": 90,
            "crop": {
                "left_px": 20,
                "top_px": 30,
                "width_px": 440,
                "height_px": 600,
                "of_px": [HEIGHT, WIDTH],
            },
            "mask": str(folder / "mask.png"),
            "undistort": write_calibration(folder / "camera.yml"),
        },
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1", "port": port},
        evidence={"min_interval_s": 0.0, "sample_every": 1},
    )
    (folder / "state").mkdir()
    (folder / "node.toml").write_text(text, encoding="utf-8")
    return folder / "node.toml"


def test_what_is_judged_is_said_and_kept_and_judged_again_alike(tmp_path, mosquitto):
    """Status tells both sizes; evidence holds the camera's pixels and the view, by which classify agrees."""
    config = make_robot(tmp_path, mosquitto.port)
    with Collector(mosquitto.port) as room:
        with daemon(config) as process:
            assert process.wait(timeout=60) == 0
        topic = "corrosion/v1/quay/crawler-1"
        verdicts = [msgspec.json.decode(found.payload, type=Verdict) for found in room.of(f"{topic}/verdict")]
        states = [json.loads(found.payload) for found in room.of(f"{topic}/status")]
    told = [msgspec.convert(state["camera_view"], CameraView) for state in states if state["camera_view"]]
    assert {
        (view.camera_width_px, view.camera_height_px, view.width_px, view.height_px) for view in told
    } == {(WIDTH, HEIGHT, 440, 600)}
    assert told[0].lens.coefficients == (-0.2, 0.05, 0.0, 0.0, 0.0)
    assert 0 < told[0].counted_px < 440 * 600
    # The last picture has another size.
    assert [reason.code for reason in verdicts[-1].reasons] == ["view"]
    assert "has 320 x 240 pixels, but the mask has 640 x 480 pixels" in verdicts[-1].reasons[0].text
    kept = {path.stem: path for path in (tmp_path / "state").rglob("*.jpg")}
    judged = [verdict for verdict in verdicts[:-1] if verdict.evidence_sha256 in kept]
    assert len(judged) >= 3
    assert any(verdict.area_fraction for verdict in judged)
    for verdict in judged:
        content = kept[verdict.evidence_sha256].read_bytes()
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        assert pixels[HEIGHT // 2, WIDTH - 30 :].max() < 30  # the wheel is there, as the camera saw it
        assert read_view(content) is not None
        assert (read_marking(content).corroded is not None) == (verdict.area_fraction is not None)
    again = command(
        "edge_node.cli", "classify", "--gate", *(str(kept[one.evidence_sha256]) for one in judged)
    )
    assert again.returncode == 0, again.stderr
    for verdict, line in zip(judged, again.stdout.splitlines(), strict=True):
        found = json.loads(line)
        assert (found["outcome"], found["material"], found["severity"]) == (
            verdict.outcome.value,
            verdict.material,
            verdict.severity,
        )
