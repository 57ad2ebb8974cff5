"""``edge-node classify`` as a user calls it: one JSON line a picture, whatever the picture."""

from __future__ import annotations

import argparse
import itertools
import json
import os
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.camera.backends.recording import iter_video
from edge_node.cli.robot import classify
from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.messages.camera_view import Crop
from edge_node.view.framing import Framing
from edge_node.view.recorded_view import embed_view, record_view
from edge_node.view.settings import ViewSettings
from tests.support.clips import ffmpeg
from tests.support.encoded_pictures import encoded
from tests.support.processes import command
from tests.support.subcommands import command_here
from tests.support.tiff_files import tiff

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.runtime


@pytest.fixture
def picture(tmp_path) -> Path:
    """A small picture with some texture."""
    path = tmp_path / "plate.png"
    pixels = np.random.default_rng(5).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.resize(pixels, (400, 300)))
    return path


def verdicts(found) -> list[dict]:
    """Return the lines of stdout as JSON."""
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_a_picture_gives_a_verdict_with_its_path_through_the_cascade(picture):
    """Source as given, an outcome, and per stage a label with probabilities that sum to one."""
    found = command("edge_node.cli", "classify", str(picture))
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    (verdict,) = verdicts(found)
    assert verdict["source"] == str(picture)
    assert verdict["outcome"] in {"corroded", "uncorroded", "uncertain", "not_inspectable"}
    assert {"material", "severity", "stages"} <= verdict.keys()
    for stage in verdict["stages"]:
        assert {"name", "label", "probabilities"} <= stage.keys()
        assert sum(stage["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)


def test_a_scale_adds_areas_in_mm2(picture):
    """At half a millimetre a pixel a picture of 400 x 300 shows 30,000 mm²; without a scale there is none."""
    (bare,) = verdicts(command_here("edge_node.cli", "classify", str(picture)))
    (found,) = verdicts(command_here("edge_node.cli", "classify", "--mm-per-px", "0.5", str(picture)))
    assert (bare["area_mm2"], bare["mm_per_px"], found["mm_per_px"]) == (None, None, 0.5)
    share = found["area_fraction"]
    assert found["area_mm2"] == (None if share is None else pytest.approx(share * 30_000))
    refused = command_here("edge_node.cli", "classify", "--mm-per-px", "0", str(picture))
    assert (refused.returncode, "0.0001 to 1000" in refused.stderr) == (2, True)


def test_a_folder_is_read_in_order_of_names_and_a_video_frame_by_frame(picture, tmp_path):
    """Pictures below a folder in order; each frame of a video under the video's name with its number."""
    for name in ("b", "a"):
        (tmp_path / "folder" / name).mkdir(parents=True)
        (tmp_path / "folder" / name / "x.png").write_bytes(picture.read_bytes())
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (400, 300))
    for _ in range(3):
        writer.write(cv2.imread(str(picture)))
    writer.release()
    found = verdicts(command_here("edge_node.cli", "classify", str(tmp_path / "folder"), str(video)))
    folder = tmp_path / "folder"
    assert [verdict["source"] for verdict in found[:2]] == [str(folder / "a/x.png"), str(folder / "b/x.png")]
    assert [(verdict["source"], verdict["frame_id"]) for verdict in found[2:]] == [
        (str(video), index) for index in range(3)
    ]


def test_videos_are_known_by_their_content_and_a_cut_one_is_told_behind_its_pictures(tmp_path):
    """A Raspberry Pi's .h264 and .mjpeg, a wrong name, a cut video: all frames, then the reason."""
    names = ("a.h264", "b.mjpeg", "c.jpg", "d.avi")
    codecs = ("libx264", "mjpeg", "flv1", "mjpeg")
    formats = ("h264", "mjpeg", "flv", "avi")
    outputs = zip(codecs, formats, names, strict=True)
    options = [("-c:v", codec, "-f", kind, str(tmp_path / name)) for codec, kind, name in outputs]
    picture = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=0.2")
    ffmpeg(*picture, *itertools.chain(*options))
    cut = tmp_path / "d.avi"
    cut.write_bytes(cut.read_bytes()[:-3000])
    found = command("edge_node.cli", "classify", str(tmp_path))
    assert found.returncode == 1
    *rest, told = [json.loads(line) for line in found.stdout.splitlines()]
    frames = [(str(tmp_path / name), frame) for name in names[:3] for frame in range(4)]
    assert [(line["source"], line["frame_id"]) for line in rest[:12]] == frames
    assert 0 < len(rest) - 12 < 4
    assert told["outcome"] == "not_inspectable"
    (reason,) = told["reasons"]
    assert "d.avi: cut off, damaged or still being written" in reason["text"]
    assert f"{len(rest) - 12} of 4 pictures were read" in reason["text"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "empty"),
        (b"no picture at all", "no picture"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "cut off"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "cut off"),
    ],
)
def test_what_cannot_be_read_is_not_inspectable_and_the_rest_is_still_judged(
    picture, tmp_path, content, said
):
    """A verdict line with the reason, a verdict on the good picture after it, and exit code 1."""
    bad = tmp_path / "bad.jpg"
    if content is not None:
        bad.write_bytes(content)
    found = command_here("edge_node.cli", "classify", str(bad), str(picture))
    assert found.returncode == 1
    refused, judged = verdicts(found)
    assert (refused["source"], refused["outcome"]) == (str(bad), "not_inspectable")
    assert said in refused["reasons"][0]["text"]
    assert judged["stages"] or judged["reasons"]
    assert "Traceback" not in found.stderr


def test_an_empty_folder_is_told(tmp_path):
    """A folder without pictures is an error, not silence."""
    found = command_here("edge_node.cli", "classify", str(tmp_path))
    assert found.returncode == 1
    assert "holds no picture" in verdicts(found)[0]["reasons"][0]["text"]


def test_the_table_is_for_people(picture):
    """Columns, without escape codes where stdout is no terminal."""
    found = command_here("edge_node.cli", "classify", "--table", str(picture))
    assert found.stdout.startswith("OUTCOME")
    assert str(picture) in found.stdout
    assert "\x1b" not in found.stdout


def test_overlays_never_overwrite_a_photograph(picture, tmp_path):
    """Drawn into the pictures' own folder they have names of their own, one for each source."""
    other = picture.with_suffix(".bmp")
    cv2.imwrite(str(other), cv2.imread(str(picture)))
    before = {path: path.read_bytes() for path in (picture, other)}
    found = command(
        "edge_node.cli", "classify", "--overlay", ".", picture.name, other.name, cwd=str(tmp_path)
    )
    assert found.returncode == 0, found.stderr
    assert {path: path.read_bytes() for path in (picture, other)} == before
    assert len(list(tmp_path.glob("*.overlay.jpg"))) == 2


def test_a_name_that_is_not_utf8_does_not_end_the_run(picture, tmp_path):
    """The picture is judged under its name with the odd bytes written out, and so are those after it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / os.fsdecode(b"a\xff.png")).write_bytes(picture.read_bytes())
    (folder / "b.png").write_bytes(picture.read_bytes())
    found = command("edge_node.cli", "classify", str(folder))
    assert found.returncode == 0, found.stderr
    assert [verdict["source"] for verdict in verdicts(found)] == [
        f"{folder}/a\\udcff.png",
        f"{folder}/b.png",
    ]


def test_a_fifo_is_no_picture(tmp_path):
    """What would wait for ever for a writer is refused."""
    os.mkfifo(tmp_path / "pipe.jpg")
    found = command_here("edge_node.cli", "classify", str(tmp_path / "pipe.jpg"))
    assert found.returncode == 1
    assert "device" in verdicts(found)[0]["reasons"][0]["text"]


def test_a_material_that_the_bundle_does_not_know_is_refused(picture):
    """It would otherwise be taken for not told."""
    found = command_here("edge_node.cli", "classify", "--material", "steal", str(picture))
    assert found.returncode == 78
    assert "aluminium, steel" in found.stderr


def test_overlays_stay_inside_their_folder(picture, tmp_path):
    """A source above, an absolute one and one with the same end have a place each, below ``--overlay``."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / picture.name).write_bytes(picture.read_bytes())
    sources = [f"../{picture.name}", picture.name, f"../work/./../{picture.name}", str(picture)]
    found = command(
        *("edge_node.cli", "classify", "--overlay", "seen/", *sources), cwd=str(tmp_path / "work")
    )
    assert found.returncode == 0, found.stderr
    seen = tmp_path / "work" / "seen"
    assert not (seen / "up").exists()
    drawn = {str(path.relative_to(seen)) for path in seen.rglob("*.overlay.jpg")}
    assert drawn == {
        f"{picture.name}.overlay.jpg",
        f"{picture.name}~2.overlay.jpg",
        f"{picture.name}~3.overlay.jpg",
        f"{str(picture).lstrip('/')}.overlay.jpg",
    }


def test_every_file_of_a_folder_is_judged_or_named(picture, tmp_path):
    """Pages, low bits, HEIC and grey have a line each; a document is named on stderr and in the summary."""
    pixels = cv2.imread(str(picture)).astype(np.uint16)
    folder = tmp_path / "DCIM" / "100MEDIA"
    folder.mkdir(parents=True)
    files = {
        "1.jfif": encoded(pixels.astype(np.uint8), ".jpg"),
        "2.tif": tiff(pixels[..., ::-1] * 257, pixels[..., ::-1] * 16),
        "10.heic": b"\0\0\0\x14ftypheic\0\0\0\0mif1" + bytes(40),
        "11.png": encoded(pixels[..., 0].astype(np.uint8), ".png"),
        "list.pdf": b"%PDF-1.7\n",
        "list.csv": b"a,b\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = command_here("edge_node.cli", "classify", "--summary", str(tmp_path / "DCIM"))
    *lines, summary = verdicts(found)
    assert found.returncode == 1
    assert [(line["source"].removeprefix(f"{folder}/"), line["frame_id"]) for line in lines] == [
        ("1.jfif", None),
        ("2.tif#1", 0),
        ("2.tif#2", 1),
        ("10.heic", None),
        ("11.png", None),
    ]
    assert [bool(line["stages"]) for line in lines] == [True, True, False, False, False]
    said = [[reason["code"] for reason in line["reasons"]] for line in lines[2:]]
    assert said == [["unreadable"], ["unreadable"], ["colourless"]]
    assert "12-bit values in 16 bits" in lines[2]["reasons"][0]["text"]
    document = f"{folder}/list.pdf: its content is that of no video and no picture"
    assert summary == {"pictures": 5, "unreadable": 2, "left_out": [document], "accompanying": 1}
    assert document in found.stderr


def judge(capsys, *arguments):
    """Return the verdicts of the command, run in this process."""
    parser = argparse.ArgumentParser()
    classify.add_arguments(parser)
    classify.run(parser.parse_args([str(one) for one in arguments]))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_picture_is_judged_by_its_own_view_or_by_that_of_the_configuration(tmp_path, capsys):
    """Evidence needs no configuration, and has the last word; a plain picture gets the robot's view."""
    pixels = list(iter_video(CLIP))[100]
    height, width = pixels.shape[:2]
    crop = Crop(left_px=0, top_px=0, width_px=height, height_px=width // 2, of_px=(height, width))
    settings = ViewSettings(90, crop=crop)
    shown = np.ascontiguousarray(np.rot90(pixels, -1)[: width // 2])
    names = "plain", "shown", "evidence", "other"
    plain, shown_file, evidence, other = (tmp_path / f"{name}.jpg" for name in names)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100]
    content = cv2.imencode(".jpg", pixels, quality)[1].tobytes()
    plain.write_bytes(content)
    shown_file.write_bytes(cv2.imencode(".jpg", shown, quality)[1].tobytes())
    evidence.write_bytes(embed_view(content, record_view(Framing(settings, width, height).numbers, None)))
    other.write_bytes(evidence.read_bytes().replace(b'"rotate_deg":90', b'"rotate_deg":91'))
    config = tmp_path / "node.toml"
    camera = {"rotate": 90, "crop": msgspec.to_builtins(crop)}
    config.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path)},
            camera=camera,
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1"},
        ),
        encoding="utf-8",
    )

    def told(verdict):
        return [verdict["outcome"], *(stage["probabilities"] for stage in verdict["stages"])]

    expected, of_evidence, damaged = judge(capsys, shown_file, evidence, other)
    by_config, again = judge(capsys, "--config", config, plain, evidence)
    assert of_evidence["outcome"] == expected["outcome"]
    assert told(by_config) == told(again) == told(of_evidence)
    assert damaged["reasons"][0]["code"] == "unreadable"
    assert "the view recorded in the picture is damaged" in damaged["reasons"][0]["text"]
