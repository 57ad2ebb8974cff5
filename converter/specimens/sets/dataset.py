"""Write a folder of rendered pictures in the layout in which the converter reads photographs.

Figures measured on them must be called figures on rendered pictures.
"""

import csv
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from converter.specimens.corrosion import find_kinetics
from converter.specimens.rendering import render
from converter.specimens.spec import Finish, Light, Material, Picture, Specimen, SpecimenSpec
from converter.specimens.things.not_metal import Other, OtherSpec, render_other
from converter.specimens.worlds.world import PICTURES_PER_WORLD, World, WorldSpec, plan_worlds, render_world
from edge_node.errors import DatasetError
from edge_node.labels_csv import COLUMNS, LABELS_NAME

# More than for photographs: the corroded share of the picture, the lamp, and the hours in the bath.
LABEL_COLUMNS = (*COLUMNS, "metal", "area_fraction", "light", "corrosion_hours")

# Pictures of one specimen: two before the bath, one early in it, one late. Half of every group is clean, so
# that neither metal nor finish gives the condition away.
PICTURES_PER_SPECIMEN = 4
# Pictures of one subject that is no metal.
PICTURES_PER_OTHER = 2
# Covered share of the plate at the early and at the late picture, as shares of what that metal can reach.
_EARLY_SHARE = (0.02, 0.35)
_LATE_SHARE = (0.55, 0.98)

# High, because the rendered camera has compressed the picture already.
_WRITTEN_JPEG_QUALITY = 95

# Random streams of the plans, beside those of a specimen.
_PLAN, _PLAN_OTHER = 4, 5


@dataclass(frozen=True, slots=True)
class PlannedPicture:
    """One picture of a data set: its file stem, its specimen or other subject, and how it is rendered."""

    stem: str
    group: str
    spec: SpecimenSpec | OtherSpec | WorldSpec


def write_dataset(  # noqa: PLR0913 - the command's options, and its progress
    out: Path,
    count: int,
    seed: int = 0,
    *,
    size: tuple[int, int] = (480, 360),
    other: int = 0,
    worlds: int = 0,
    force: bool = False,
    on_written: Callable[[int], None] | None = None,
) -> Path:
    """Write ``count`` pictures, their masks and ``labels.csv`` under ``out``; return the path of the labels.

    Every ``PICTURES_PER_SPECIMEN`` pictures show one specimen and share its ``group``. The labels are written
    last: a folder without them is unfinished.

    Args:
        out: made where missing.
        count: pictures, at least 1.
        seed: of the whole set, at least 0.
        size: (width, height) in px.
        other: pictures of what is no metal beside them, at least 0; every ``PICTURES_PER_OTHER`` show one
            subject.
        worlds: pictures of parts at sites beside them, at least 0; every ``PICTURES_PER_WORLD`` show one
            part.
        force: write into a folder that is not empty; files of other names stay.
        on_written: called with the number of pictures written so far.

    Raises:
        DatasetError: ``out`` is a file, is not empty, or cannot be written.
        ValueError: ``count`` or ``size`` is out of range.
    """
    if count < 1 or min(other, worlds) < 0:
        raise ValueError(
            f"count is {count}, other {other}, worlds {worlds}; wanted 1 or more, 0 or more twice"
        )
    refuse_occupied(out, force=force)
    rows, is_new = [], not out.exists()
    try:
        for folder in ("pictures", "masks"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        planned = chain(_plan_specimens(count, seed), _plan_worlds(worlds, seed), _plan_others(other, seed))
        for number, picture in enumerate(planned, start=1):
            rows.append(_write_picture(out, picture, size))
            if on_written is not None:
                on_written(number)
        labels = out / LABELS_NAME
        with labels.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(LABEL_COLUMNS)
            writer.writerows(rows)
    except BaseException as err:  # Ctrl-C too
        if (
            is_new
        ):  # pictures without a table: nothing reads them, and the next attempt would refuse the folder
            shutil.rmtree(out, ignore_errors=True)
        if isinstance(err, OSError):
            raise DatasetError(f"{out}: cannot write specimens: {err.strerror or err}") from err
        raise
    return labels


def refuse_occupied(out: Path, *, force: bool) -> None:
    """Refuse to write into a file or a folder that is not empty.

    Raises:
        DatasetError: it is one of these.
    """
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out}: is a file, expected a folder to write specimens into")
    if not force and out.is_dir() and any(out.iterdir()):
        raise DatasetError(f"{out}: folder is not empty; name another, or add --force to write into it")


def _plan_specimens(count: int, seed: int) -> Iterator[PlannedPicture]:
    """Yield the pictures of a data set: metals in turn, finishes and lights at random."""
    rng = np.random.default_rng((seed, _PLAN))
    materials, finishes, lights = list(Material), list(Finish), list(Light)
    for first in range(0, count, PICTURES_PER_SPECIMEN):
        number = first // PICTURES_PER_SPECIMEN
        material = materials[number % len(materials)]
        finish = finishes[int(rng.integers(len(finishes)))]
        specimen_seed = int(rng.integers(2**31))
        final = find_kinetics(material, finish)
        shares = (0.0, 0.0, float(rng.uniform(*_EARLY_SHARE)), float(rng.uniform(*_LATE_SHARE)))
        group = f"rendered:{seed}:{number:05d}"
        for view, share in enumerate(shares[: count - first]):
            spec = SpecimenSpec(
                material=material,
                finish=finish,
                corrosion_hours=final.hours(share * final.final),
                light=lights[int(rng.integers(len(lights)))],
                seed=specimen_seed,
                view=view,
            )
            yield PlannedPicture(stem=f"{seed}_{number:05d}_{view}", group=group, spec=spec)


def _plan_worlds(count: int, seed: int) -> Iterator[PlannedPicture]:
    """Yield pictures of parts at sites."""
    for number, spec in enumerate(plan_worlds(count, seed)):
        part = number // PICTURES_PER_WORLD
        stem = f"{seed}_world_{part:05d}_{spec.view}"
        yield PlannedPicture(stem=stem, group=f"rendered-world:{seed}:{part:05d}", spec=spec)


def _plan_others(count: int, seed: int) -> Iterator[PlannedPicture]:
    """Yield pictures of no metal: kinds in turn, lights at random."""
    rng = np.random.default_rng((seed, _PLAN_OTHER))
    kinds, lights = list(Other), list(Light)
    for first in range(0, count, PICTURES_PER_OTHER):
        number = first // PICTURES_PER_OTHER
        subject = int(rng.integers(2**31))
        for view in range(min(PICTURES_PER_OTHER, count - first)):
            light = lights[int(rng.integers(len(lights)))]
            kind = kinds[number % len(kinds)]
            spec = OtherSpec(kind, light=light, seed=subject, view=view, wide=view % 2 == 1)
            stem = f"{seed}_other_{number:05d}_{view}"
            yield PlannedPicture(stem=stem, group=f"rendered-other:{seed}:{number:05d}", spec=spec)


def _write_picture(out: Path, planned: PlannedPicture, size: tuple[int, int]) -> tuple[str, ...]:
    """Render and write a picture; return the row of ``labels.csv``, in the order of ``LABEL_COLUMNS``."""
    picture, mask = f"pictures/{planned.stem}.jpg", f"masks/{planned.stem}.png"
    quality = [cv2.IMWRITE_JPEG_QUALITY, _WRITTEN_JPEG_QUALITY]
    if isinstance(planned.spec, OtherSpec):
        (out / picture).write_bytes(_encode(".jpg", render_other(planned.spec, *size), quality))
        origin = ("other", "rendered", "Apache-2.0", planned.group)
        kind, light = planned.spec.kind.value, planned.spec.light.value
        return (picture, *origin, "", kind, "", "", "", "", "other", "", light, "")
    specimen: Specimen | World
    if isinstance(planned.spec, WorldSpec):
        specimen = render_world(planned.spec, *size)
        finish, light, hours = specimen.finish, specimen.light, ""
    else:
        specimen = render(planned.spec, *size)
        finish, light = planned.spec.finish.value, planned.spec.light.value
        hours = f"{planned.spec.corrosion_hours:.1f}"
    (out / picture).write_bytes(_encode(".jpg", specimen.pixels, quality))
    (out / mask).write_bytes(_encode(".png", specimen.mask, []))
    return (
        picture,
        "specimens",
        "rendered",
        "Apache-2.0",
        planned.group,
        planned.spec.material.value,
        finish,
        "1" if specimen.corroded else "0",
        specimen.severity,
        specimen.form,
        mask,
        "metal",
        f"{specimen.area_fraction:.4f}",
        light,
        hours,
    )


def _encode(suffix: str, pixels: Picture, parameters: list[int]) -> bytes:
    # imencode and write_bytes, because imwrite reports a full disk as a bare False.
    _, stream = cv2.imencode(suffix, pixels, parameters)
    return stream.tobytes()
