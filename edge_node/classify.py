"""``edge-node classify``: judge pictures, folders and videos as the daemon would, one verdict a line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.bundle import bundle_path, load_bundle
from edge_node.camera.picture import PICTURE_SUFFIXES, read_picture
from edge_node.camera.recording import iter_video
from edge_node.cascade import Told, unreadable
from edge_node.describe import coloured, path_text
from edge_node.engine import Engine
from edge_node.errors import CameraError
from edge_node.verdict import Decision, PictureVerdict, encode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node classify``."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="picture, folder (searched through, in order of names) or video",
    )
    parser.add_argument("--bundle", default="default", help="bundle folder (default: the one in the package)")
    parser.add_argument(
        "--material",
        default="auto",
        help='"steel", "aluminium", ...: known beforehand, that stage is skipped',
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of the TFLite runtime (default: 1)")
    parser.add_argument("--table", action="store_true", help="for people: columns instead of JSON lines")
    parser.epilog = (
        "Exit code 1 if a picture could not be read; its line says why (outcome not_inspectable).\n"
        "Example: edge-node classify --table photographs/"
    )


def run(args: argparse.Namespace) -> int:
    """Print a verdict for every picture; return 1 if one could not be read."""
    engine = Engine(load_bundle(bundle_path(args.bundle)), threads=max(args.threads, 1))
    told = None if args.material == "auto" else Told(material=args.material)
    all_read = True
    if args.table:
        print(_ROW.format("OUTCOME", "MATERIAL", "SEVERITY", "PATH THROUGH THE CASCADE", "SOURCE"))
    for path in args.paths:
        for verdict, read in _verdicts(path, engine, told):
            all_read = all_read and read
            print(_row(verdict) if args.table else encode(verdict).decode(), flush=True)
    return 0 if all_read else 1


# What is not a video by its name is tried as a picture, whose reader says what is wrong with it.
_VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm", ".wmv"})


def _verdicts(given: str, engine: Engine, told: Told | None) -> Iterator[tuple[PictureVerdict, bool]]:
    """Yield the verdict on each picture that ``given`` stands for, and whether it could be read."""
    path = Path(given)
    if path.is_dir():
        pictures = sorted(entry for entry in path.rglob("*") if _is_picture(entry))
        if not pictures:
            yield (
                _unreadable(
                    given, f"{given}: the folder holds no picture ({' '.join(sorted(PICTURE_SUFFIXES))})"
                ),
                False,
            )
        for picture in pictures:
            yield _of_picture(str(picture), engine, told)
    elif path.suffix.lower() in _VIDEO_SUFFIXES:
        yield from _of_video(given, engine, told)
    else:
        yield _of_picture(given, engine, told)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def _of_picture(source: str, engine: Engine, told: Told | None) -> tuple[PictureVerdict, bool]:
    try:
        pixels = read_picture(Path(source))
    except CameraError as err:
        return _unreadable(source, str(err)), False
    return _judged(source, None, pixels, engine, told), True


def _of_video(source: str, engine: Engine, told: Told | None) -> Iterator[tuple[PictureVerdict, bool]]:
    try:
        for frame_id, pixels in enumerate(iter_video(Path(source))):
            yield _judged(source, frame_id, pixels, engine, told), True
    except CameraError as err:
        yield _unreadable(source, str(err)), False


def _judged(
    source: str, frame_id: int | None, pixels: NDArray[np.uint8], engine: Engine, told: Told | None
) -> PictureVerdict:
    judgement = engine.judge(pixels, told)
    manifest = engine.bundle.manifest
    return _with_source(
        judgement.decision,
        source,
        frame_id=frame_id,
        bundle=f"{manifest.name}-{manifest.version}",
        inference_ms=round(judgement.inference_ms, 3),
    )


def _unreadable(source: str, text: str) -> PictureVerdict:
    return _with_source(unreadable(text), source)


def _with_source(
    decision: Decision,
    source: str,
    *,
    frame_id: int | None = None,
    bundle: str | None = None,
    inference_ms: float | None = None,
) -> PictureVerdict:
    fields = {name: getattr(decision, name) for name in decision.__struct_fields__}
    return PictureVerdict(
        **fields, source=source, frame_id=frame_id, bundle=bundle, inference_ms=inference_ms
    )


_ROW = "{:<15} {:<10} {:<8} {:<76} {}"


def _row(verdict: PictureVerdict) -> str:
    source = verdict.source if verdict.frame_id is None else f"{verdict.source} #{verdict.frame_id}"
    row = _ROW.format(
        verdict.outcome.value, verdict.material or "-", verdict.severity or "-", path_text(verdict), source
    )
    return coloured(row, verdict.outcome)
