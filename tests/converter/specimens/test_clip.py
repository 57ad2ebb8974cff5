"""The rendered journey: a video whose frames its truth file counts, and the one that is shipped."""

import functools
import itertools
import json
from pathlib import Path

import cv2
import numpy as np

from converter.specimens.clip import FPS, HEIGHT_PX, JOURNEY, WIDTH_PX, Stretch, main, write_clip
from converter.specimens.spec import Finish, Material, SpecimenSpec

SHIPPED_CLIP = Path(__file__).parents[3] / "edge_node" / "demo" / "inspection.mp4"


def decoded(clip):
    """Return every frame of a video file."""
    capture = cv2.VideoCapture(str(clip))
    pictures = []
    while True:
        more, picture = capture.read()
        if not more:
            return pictures
        pictures.append(picture)


def redness(pictures):
    """Return by how much red exceeds blue on average."""
    stack = np.stack(pictures).astype(int)
    return float((stack[..., 2] - stack[..., 0]).mean())


def sharpness(picture):
    """Return the variance of the Laplacian of the grey picture."""
    return cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()


def test_clip_and_truth_agree(tmp_path):
    """A short journey gives as many frames as the truth counts, and a segment for each plate and fault."""
    steel = functools.partial(SpecimenSpec, material=Material.STEEL)
    rusty = steel(finish=Finish.ROLLED, corrosion_hours=60.0, seed=1)
    clean = steel(finish=Finish.BRUSHED, corrosion_hours=0.0, seed=2)
    journey = (Stretch(clean, 5), Stretch(rusty, 5), Stretch(rusty, 4, fault="dark"))
    clip = tmp_path / "short.mp4"
    document = json.loads(write_clip(clip, journey).read_text(encoding="utf-8"))
    pictures = decoded(clip)
    assert len(pictures) == document["frames"]
    assert pictures[0].shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert [(part["corroded"], part["fault"]) for part in document["segments"]] == [
        (False, "none"),
        (True, "none"),
        (True, "dark"),
    ]
    assert [part["inspectable"] for part in document["segments"]] == [True, True, False]
    for part in document["segments"]:
        assert 0 <= part["first_frame"] <= part["last_frame"] < document["frames"]


def test_clip_cannot_be_written(tmp_path, capsys):
    """A folder that is not there ends the command with 1 and one sentence, no traceback."""
    assert main([str(tmp_path / "missing" / "clip.mp4")]) == 1
    assert "cannot write mp4v video" in capsys.readouterr().err


def test_shipped_clip_is_small_and_whole():
    """The clip in the package decodes to the frames that its truth counts and stays under 3 MB."""
    document = json.loads(SHIPPED_CLIP.with_name("inspection_truth.json").read_text(encoding="utf-8"))
    assert SHIPPED_CLIP.stat().st_size <= 3_000_000
    assert len(decoded(SHIPPED_CLIP)) == document["frames"]
    assert document["fps"] == FPS
    assert [part["fault"] for part in document["segments"]] == [stretch.fault for stretch in JOURNEY]


def test_shipped_clip_shows_what_its_truth_says():
    """In the shipped clip rust is red, dark is dark, blurred is blurred, and segments follow one another."""
    document = json.loads(SHIPPED_CLIP.with_name("inspection_truth.json").read_text(encoding="utf-8"))
    pictures = decoded(SHIPPED_CLIP)
    ends = [(part["first_frame"], part["last_frame"]) for part in document["segments"]]
    assert all(last < first for (_, last), (first, _) in itertools.pairwise(ends))
    clean, mild, heavy, _, _, painted, dark, blurred = (pictures[first : last + 1] for first, last in ends)
    assert redness(clean) + 5 < redness(mild) < redness(heavy) - 5
    assert max(picture.mean() for picture in dark) < 12
    assert max(map(sharpness, blurred)) < 0.2 * min(map(sharpness, painted))
    assert [part["severity"] for part in document["segments"][:5]] == ["none", "mid", "late", "none", "late"]
