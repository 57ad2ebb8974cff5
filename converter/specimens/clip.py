"""Render the demonstration clip: a crawler's camera travels along plates; the truth is written beside it.

``python -m converter.specimens.clip OUT.mp4`` writes the clip and, beside it, ``OUT_truth.json``. The lamp
and the reflections move with the robot. Towards the end the lamp fails and then the focus: on these frames
no verdict may be given.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from converter.specimens.light import LAMPS, Lighting, VirtualCamera, photograph, project_mask, shade
from converter.specimens.noise import step
from converter.specimens.plate import Plate
from converter.specimens.rendering import render_plate
from converter.specimens.spec import Finish, Light, Material, Picture, Specimen, SpecimenSpec
from edge_node.errors import CorrosionError, DatasetError

WIDTH_PX, HEIGHT_PX = 640, 480
FPS = 10
# MPEG-4 part 2: every OpenCV wheel decodes it without a codec of the system.
_FOURCC = "mp4v"
_UNIT_PX = HEIGHT_PX / 360.0
# Margin around the picture for the vibration of the tracks.
_SHAKE_PX = 12
_SLOW_PX_PER_FRAME = 9.0
# Frames in which the joint between two plates crosses the picture.
_JOINT_FRAMES = 15
_JOINT_PX = 10
# Low, because noise makes the file larger.
_NOISE = 0.003


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the journey, over one plate.

    Attributes:
        spec: of the plate.
        frames: number of frames on it.
        fault: ``none``, ``dark`` or ``blurred``.
    """

    spec: SpecimenSpec
    frames: int
    fault: str = "none"


@dataclass(frozen=True, slots=True)
class Segment:
    """The truth about consecutive frames that show one plate only; frames count from 0.

    ``area_fraction`` is the mean over the frames. ``inspectable`` is false where the picture is too dark or
    too blurred; material and condition then describe the plate, not what can be seen.
    """

    first_frame: int
    last_frame: int
    material: str
    finish: str
    corroded: bool
    severity: str
    form: str
    area_fraction: float
    inspectable: bool
    fault: str


JOURNEY = (
    Stretch(SpecimenSpec(Material.STEEL, Finish.ROLLED, 0.0, Light.WINDOW, seed=83), 30),
    Stretch(SpecimenSpec(Material.STEEL, Finish.ROLLED, 22.0, Light.WINDOW, seed=22), 32),
    Stretch(SpecimenSpec(Material.STEEL, Finish.ROLLED, 190.0, Light.WINDOW, seed=53), 30),
    Stretch(SpecimenSpec(Material.ALUMINIUM, Finish.ROLLED, 0.0, Light.WINDOW, seed=74), 30),
    Stretch(SpecimenSpec(Material.ALUMINIUM, Finish.ROLLED, 300.0, Light.WINDOW, seed=55), 32),
    Stretch(SpecimenSpec(Material.STEEL, Finish.PAINTED, 0.0, Light.WINDOW, seed=56), 30),
    Stretch(SpecimenSpec(Material.STEEL, Finish.PAINTED, 0.0, Light.WINDOW, seed=56), 14, fault="dark"),
    Stretch(SpecimenSpec(Material.STEEL, Finish.PAINTED, 0.0, Light.WINDOW, seed=56), 12, fault="blurred"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """One rendered frame: its stretch, or None while a joint crosses the picture."""

    pixels: Picture
    mask: Picture
    stretch: Stretch | None


def render_frames(journey: Sequence[Stretch] = JOURNEY, seed: int = 1) -> Iterator[_Frame]:
    """Yield the frames of ``journey`` in order; ``seed`` is that of vibration and noise."""
    rng = np.random.default_rng(seed)
    plates, edges = _lay_plates(journey)
    positions, owners = _plan_travel(journey, edges)
    lighting = robot_lamp()
    shake = _draw_shaking(len(positions), rng)
    for position, owner, (dx, dy, roll) in zip(positions, owners, shake, strict=True):
        left = int(position)
        window = _cut_window(plates, edges, left)
        fault = journey[owner].fault
        radiance = shade(window, lighting, HEIGHT_PX)
        if fault == "dark":
            radiance = radiance * np.float32(0.012)
        camera = VirtualCamera(
            view=_project_view(position - left + dx, dy, roll),
            blur_px=11.0 if fault == "blurred" else 0.5,
            motion_px=(0.0, 0.0),
            noise=_NOISE,
            jpeg_quality=95,
        )
        pixels = photograph(radiance, camera, (HEIGHT_PX, WIDTH_PX), rng)
        alone = edges[owner][0] + _JOINT_PX <= left and left + WIDTH_PX <= edges[owner][1] - _JOINT_PX
        mask = project_mask(window.coverage, camera, (HEIGHT_PX, WIDTH_PX))
        yield _Frame(pixels=pixels, mask=mask, stretch=journey[owner] if alone else None)


def write_clip(out: Path, journey: Sequence[Stretch] = JOURNEY) -> Path:
    """Write the clip to ``out`` and its truth beside it; return the path of the truth.

    Raises:
        DatasetError: the video or the truth cannot be written.
    """
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*_FOURCC), FPS, (WIDTH_PX, HEIGHT_PX))
    if not writer.isOpened():
        raise DatasetError(
            f"{out}: cannot write {_FOURCC} video; does the folder exist, and may it be written?"
        )
    shown: list[tuple[Stretch | None, Picture]] = []
    try:
        for frame in render_frames(journey):
            writer.write(frame.pixels)
            shown.append((frame.stretch, frame.mask))
    finally:
        writer.release()
    truth = out.with_name(f"{out.stem}_truth.json")
    document = {
        "video": out.name,
        "rendered": True,
        "fps": FPS,
        "frames": len(shown),
        "segments": [asdict(segment) for segment in _find_segments(shown)],
    }
    try:
        truth.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as err:
        raise DatasetError(f"{truth}: cannot write: {err.strerror or err}") from err
    return truth


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the clip from the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m converter.specimens.clip", description="Render the demo clip."
    )
    parser.add_argument("out", type=Path, metavar="OUT.mp4", help="video to write; the truth goes beside it")
    out = parser.parse_args(arguments).out
    try:
        truth = write_clip(out)
    except CorrosionError as err:
        print(err, file=sys.stderr)
        return err.exit_code
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, truth in {truth}")
    return 0


def _find_segments(shown: Sequence[tuple[Stretch | None, Picture]]) -> Iterator[Segment]:
    """Yield the truth of each run of frames that show one stretch."""
    first = 0
    for index in range(1, len(shown) + 1):
        if index < len(shown) and shown[index][0] is shown[first][0]:
            continue
        stretch = shown[first][0]
        if stretch is not None:
            yield _describe_segment(stretch, first, [mask for _, mask in shown[first:index]])
        first = index


def _describe_segment(stretch: Stretch, first: int, masks: list[Picture]) -> Segment:
    blank = np.zeros((HEIGHT_PX * len(masks), WIDTH_PX, 3), dtype=np.uint8)
    # All frames stacked into one picture have one truth.
    whole = Specimen(stretch.spec, blank, np.concatenate(masks))
    return Segment(
        first_frame=first,
        last_frame=first + len(masks) - 1,
        material=stretch.spec.material.value,
        finish=stretch.spec.finish.value,
        corroded=whole.corroded,
        severity=whole.severity,
        form=whole.form,
        area_fraction=round(whole.area_fraction, 4),
        inspectable=stretch.fault == "none",
        fault=stretch.fault,
    )


def _lay_plates(journey: Sequence[Stretch]) -> tuple[list[Plate], list[tuple[int, int]]]:
    """Return the plates side by side, and the left and right edge of each stretch's plate in px.

    Stretches that follow one another with equal specs share one plate.
    """
    lengths: list[tuple[SpecimenSpec, int]] = []
    for stretch in journey:
        travel = round(stretch.frames * _SLOW_PX_PER_FRAME)
        if lengths and lengths[-1][0] == stretch.spec:
            lengths[-1] = (stretch.spec, lengths[-1][1] + travel)
        else:
            lengths.append((stretch.spec, WIDTH_PX + 4 * _SHAKE_PX + travel))
    plates = []
    bounds: dict[SpecimenSpec, tuple[int, int]] = {}
    left = 0
    for spec, length in lengths:
        plates.append(_add_joint_edges(render_plate(spec, (HEIGHT_PX + 4 * _SHAKE_PX, length), _UNIT_PX)))
        bounds[spec] = (left, left + length)
        left += length
    return plates, [bounds[stretch.spec] for stretch in journey]


def _add_joint_edges(plate: Plate) -> Plate:
    """Return the plate with a rounded, dark edge left and right: half of a joint."""
    width = plate.relief.shape[1]
    x = np.arange(width, dtype=np.float32)
    gap = 1.0 - step(np.minimum(x, width - 1.0 - x), 0.3 * _JOINT_PX, 1.0 * _JOINT_PX)[None, :]
    return replace(
        plate,
        reflectance=np.asarray(plate.reflectance * (1.0 - 0.93 * gap[:, :, None]), dtype=np.float32),
        relief=np.asarray(plate.relief - 7.0 * gap, dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - 0.8 * gap), dtype=np.float32),
    )


def _plan_travel(
    journey: Sequence[Stretch], edges: list[tuple[int, int]]
) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Return the left edge of the picture in px, and the number of the stretch, frame by frame."""
    knots: list[float] = []
    owners: list[int] = []
    position = float(2 * _SHAKE_PX)
    for number, stretch in enumerate(journey):
        start = edges[number][0] + 2.0 * _SHAKE_PX
        if start > position + WIDTH_PX / 2:
            hurry = np.linspace(position, start, _JOINT_FRAMES, endpoint=False)[1:]
            knots.extend(float(x) for x in hurry)
            owners.extend(number - 1 if x + WIDTH_PX / 2 < edges[number][0] else number for x in hurry)
            position = start
        for _ in range(stretch.frames):
            knots.append(position)
            owners.append(number)
            position += _SLOW_PX_PER_FRAME
    # Tracks have inertia: speed changes over half a second.
    kernel = np.hanning(9)[1:-1]
    padded = np.pad(np.array(knots), 3, mode="reflect", reflect_type="odd")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid"), owners


def _cut_window(plates: list[Plate], edges: list[tuple[int, int]], left: int) -> Plate:
    """Return the part of the plates below the camera, with the margin, for a left edge at ``left``."""
    bounds = list(dict.fromkeys(edges))
    low, high = left - 2 * _SHAKE_PX, left + WIDTH_PX + 2 * _SHAKE_PX
    parts, shares = [], []
    for plate, (start, end) in zip(plates, bounds, strict=True):
        if start < high and low < end:
            parts.append((plate, slice(max(0, low - start), min(end, high) - start)))
            shares.append(min(end, high) - max(start, low))
    spread = np.average([plate.spread for plate, _ in parts], axis=0, weights=shares)

    def joined(name: str) -> npt.NDArray[np.float32]:
        return np.concatenate([getattr(plate, name)[:, columns] for plate, columns in parts], axis=1)

    return Plate(
        reflectance=joined("reflectance"),
        relief=joined("relief"),
        metal=joined("metal"),
        gloss=joined("gloss"),
        weakness=joined("weakness"),
        coverage=joined("coverage"),
        spread=(float(spread[0]), float(spread[1])),
        unit_px=_UNIT_PX,
    )


def robot_lamp() -> Lighting:
    """Return the lighting on the robot: a lamp beside the lens, and daylight from the hatch."""
    lamp = replace(LAMPS[Light.WINDOW], ambient=0.42, falloff=0.5, glare=0.55)
    return Lighting(
        lamp=lamp,
        direction=(-0.45, -0.42, 0.788),
        glare_at=(0.22, -0.30),
        tint=(1.01, 1.0, 0.985),
        exposure=0.24,
        seed=7,
        shadow=False,
    )


def _draw_shaking(count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw x and y in px and roll in degrees of every frame, ``(count, 3)``: slow sway and fast vibration."""
    time_s = np.arange(count) / FPS
    sway = np.stack(
        [
            1.2 * np.sin(2.0 * np.pi * 0.31 * time_s),
            2.6 * np.sin(2.0 * np.pi * 0.23 * time_s + 1.0),
            0.35 * np.sin(2.0 * np.pi * 0.17 * time_s + 2.0),
        ],
        axis=1,
    )
    return np.asarray(sway + rng.normal(0.0, (0.35, 0.6, 0.05), (count, 3)))


def _project_view(across_px: float, down_px: float, roll_deg: float) -> npt.NDArray[np.float64]:
    """Return the projection from a window of the plates to the picture; the camera leans forward a little."""
    margin = 2.0 * _SHAKE_PX
    centre = np.array([margin + WIDTH_PX / 2.0 + across_px, margin + HEIGHT_PX / 2.0 + down_px])
    half = np.array([WIDTH_PX, HEIGHT_PX]) / 2.0
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * half
    # The far edge, above, is three hundredths smaller than the near one.
    corners[:2, 0] *= 1.015
    corners[2:, 0] *= 0.985
    angle = np.deg2rad(roll_deg)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    source = (corners @ turn.T + centre).astype(np.float32)
    target = np.array([(0, 0), (WIDTH_PX, 0), (WIDTH_PX, HEIGHT_PX), (0, HEIGHT_PX)], dtype=np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source, target), dtype=np.float64)


if __name__ == "__main__":
    sys.exit(main())
