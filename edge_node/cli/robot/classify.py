"""Run ``edge-node classify``: judge pictures, folders and videos as the daemon does, a verdict per line."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import cv2
import msgspec

from edge_node.camera.backends.recording import iter_video
from edge_node.camera.media_files import list_media
from edge_node.camera.media_kind import MediaKind, media_kind
from edge_node.camera.picture import list_pages, read_content
from edge_node.camera.source import recording_path
from edge_node.cli.bundle_in_use import load_bundle_in_use
from edge_node.cli.number_options import number_between, whole_number_between
from edge_node.config.sections import load_config
from edge_node.config.value_types import MAX_THREADS
from edge_node.errors import CameraError, ConfigError, CorrosionError
from edge_node.inference.bundle import load_bundle, resolve_bundle_path
from edge_node.inference.cascade import decide_unreadable
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspection, Inspector, configured_inspector, draw_inspection
from edge_node.inspection.surface_scale import SurfaceScale, add_area_mm2, configured_scale
from edge_node.messages.plain_text import colour_text, path_text
from edge_node.messages.verdict import Decision, PictureVerdict, Pose, encode
from edge_node.signing import load_trusted_keys
from edge_node.view.view import load_view

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.camera.media_files import MediaFiles
    from edge_node.view.view import View


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node classify``."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a picture, a video, or a folder with all folders below it, in order of names",
    )
    parser.add_argument(
        "--bundle", help="bundle folder (default: that of --config; without it the one in the package)"
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="judge as this robot does: with its bundle, its [inspect] and its view of [camera]; evidence of"
        " a robot is judged by the view that its file names",
    )
    parser.add_argument(
        "--material", help='the material, if it is known, such as "steel": its stage is left out'
    )
    parser.add_argument(
        "--surface",
        choices=("painted_steel", "other"),
        help="painted_steel adds the grades of ISO 4628-3 and ASTM D610, which hold for painted steel only",
    )
    parser.add_argument(
        "--mm-per-px",
        type=number_between(0.0001, 1000),
        metavar="MM",
        help="millimetres of surface in a pixel: adds areas in mm², for surfaces that are seen head-on",
    )
    parser.add_argument(
        "--overlay",
        metavar="DIR",
        help="write each picture with the corrosion outlined, the verdict and its path to this folder",
    )
    parser.add_argument(
        "--gate",
        action="store_true",
        help="do not judge what is too dark, overexposed, hazy or blurred, as on the robot; without it every"
        " readable picture in colour is judged",
    )
    parser.add_argument(
        "--threads",
        type=whole_number_between(1, MAX_THREADS),
        default=1,
        metavar="N",
        help=f"threads of the TFLite runtime, 1 to {MAX_THREADS} (default: 1)",
    )
    parser.add_argument(
        "--summary",
        action="store_true",
        help="print a last JSON line that counts pictures, unreadable ones and files left out",
    )
    parser.add_argument("--table", action="store_true", help="print columns for people instead of JSON lines")
    parser.epilog = (
        "Exit code 1: a picture could not be read; its line says why (outcome not_inspectable).\n"
        "Files of a folder that are neither picture nor video are named on stderr.\n"
        "Example: edge-node classify --table photographs/"
    )


def run(args: argparse.Namespace) -> int:
    """Print a verdict for every picture; return 1 if one could not be read."""
    overlays = Path(args.overlay) if args.overlay else None
    classifier = _Classifier(_make_inspector(args), overlays, *_make_scale(args))
    count = _Count()
    if args.table:
        print(_ROW.format("OUTCOME", "MATERIAL", "SEVERITY", "PATH THROUGH THE CASCADE", "SOURCE"))
    for path in args.paths:
        for verdict in _judge_path(path, classifier, count):
            count.note(verdict)
            print(_format_row(verdict) if args.table else encode(verdict).decode(), flush=True)
    if args.summary:
        print(msgspec.json.encode(count.summary()).decode())
    return 0 if count.is_complete else 1


def _make_inspector(args: argparse.Namespace) -> Inspector:
    """Return the inspector that the options ask for, of a robot's configuration if one is given."""
    if args.config is None:
        return Inspector(
            Engine(load_bundle(resolve_bundle_path(args.bundle or "default")), threads=args.threads),
            material=args.material or "auto",
            thresholds=Thresholds() if args.gate else None,
            is_painted_steel=args.surface == "painted_steel",
        )
    config = load_config(args.config)
    given = {"material": args.material, "surface": args.surface}
    changed = {key: value for key, value in given.items() if value is not None}
    try:  # without the time budget: a verdict must not depend on this machine
        settings = msgspec.structs.replace(config.inspect, tile_budget_ms=None, **changed)
    except ValueError as err:
        raise ConfigError(f"{args.config}: {err}") from err
    if args.bundle is None:
        bundle = load_bundle_in_use(config, load_trusted_keys(config.bundle.trusted_keys))
    else:
        bundle = load_bundle(resolve_bundle_path(args.bundle))
    return configured_inspector(settings, Engine(bundle, threads=args.threads), load_view(config.camera))


def _make_scale(args: argparse.Namespace) -> tuple[SurfaceScale, Pose]:
    """Return the scale that the options ask for, and the range that a robot's configuration has."""
    if args.mm_per_px is not None:
        return SurfaceScale(args.mm_per_px), Pose()
    if args.config is None:
        return SurfaceScale(), Pose()
    config = load_config(args.config)
    return configured_scale(config.camera), Pose(range_mm=config.pose.range_mm)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the files, as the last line of ``edge-node classify --summary``."""

    pictures: int
    unreadable: int
    left_out: tuple[str, ...]
    accompanying: int


class _Count:
    """Count the pictures, and name on stderr the files of folders that are left out."""

    def __init__(self) -> None:
        self._pictures = self._unreadable = self._accompanying = 0
        self._left_out: list[str] = []
        self._unread_folders = False

    @property
    def is_complete(self) -> bool:
        """Whether every picture was read, as far as can be known."""
        return not self._unreadable and not self._unread_folders

    def note(self, verdict: PictureVerdict) -> None:
        self._pictures += 1
        self._unreadable += any(reason.code == "unreadable" for reason in verdict.reasons)

    def note_left_out(self, found: MediaFiles) -> None:
        self._left_out += [_escape_bytes(str(entry)) for entry in (*found.unread, *found.left_out)]
        self._accompanying += found.accompanying
        self._unread_folders = self._unread_folders or bool(found.unread)
        for sentence in found.describe():
            print(f"edge-node: {_escape_bytes(sentence)}", file=sys.stderr)

    def summary(self) -> Summary:
        return Summary(
            pictures=self._pictures,
            unreadable=self._unreadable,
            left_out=tuple(self._left_out),
            accompanying=self._accompanying,
        )


class _Classifier:
    """Judge pictures, and write overlays if a folder is given."""

    def __init__(self, inspector: Inspector, overlays: Path | None, scale: SurfaceScale, pose: Pose) -> None:
        self._inspector = inspector
        self._scale, self._pose = scale, pose
        self._overlays = overlays
        manifest = inspector.engine.bundle.manifest
        self._bundle = f"{manifest.name}-{manifest.version}"
        self._places: dict[PurePath, str] = {}  # of overlays -> the source that has it

    def verdict(
        self, source: str, frame_id: int | None, pixels: NDArray[np.uint8], view: View | None = None
    ) -> PictureVerdict:
        inspection = self._inspector.inspect(pixels, view=view)
        if self._overlays is not None:
            self._draw(self._overlays, source, frame_id, pixels, inspection)
        height, width = pixels.shape[:2]
        numbers = inspection.framing.numbers if inspection.framing is not None else None
        counted_px = width * height if numbers is None else numbers.counted_px
        mm_per_px = self._scale.at(self._pose, (width, height), numbers)
        return _with_source(
            add_area_mm2(inspection.decision, counted_px, mm_per_px),
            source,
            frame_id=frame_id,
            bundle=self._bundle,
            inference_ms=round(inspection.inference_ms, 3),
        )

    def _draw(
        self,
        folder: Path,
        source: str,
        frame_id: int | None,
        pixels: NDArray[np.uint8],
        inspection: Inspection,
    ) -> None:
        """Write the overlay below ``folder``, under the source's path and full name.

        Its name always differs from the picture's, so that no photograph is overwritten.
        """
        number = "" if frame_id is None else f".{frame_id:06}"
        place = folder / self._choose_place(_place_below(source), source)
        path = place.with_name(f"{place.name}{number}.overlay.jpg")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".jpg", draw_inspection(pixels, inspection))[1].tobytes())
        except OSError as err:
            raise CorrosionError(f"{path}: {err.strerror or err}; the overlay cannot be written") from err

    def _choose_place(self, place: PurePath, source: str) -> PurePath:
        """Return the place of a source's overlays; the first has its own name, a second one a number."""
        names = (place.name, *(f"{place.name}~{number}" for number in range(2, len(self._places) + 3)))
        places = (place.with_name(name) for name in names)
        return next(one for one in places if self._places.setdefault(one, source) == source)


def _place_below(source: str) -> PurePath:
    """Return a relative path for ``source`` that leads nowhere above the folder it is joined to."""
    path = PurePath(os.path.normpath(source))
    return PurePath(*(part for part in path.parts if part not in (path.anchor, "..")))


def _judge_path(given: str, classifier: _Classifier, count: _Count) -> Iterator[PictureVerdict]:
    """Yield the verdict on each picture of a path."""
    if not given:
        yield _unreadable(given, "an empty path names nothing")
        return
    try:
        path = recording_path(given)
    except CameraError as err:  # an address is not repeated: it may hold a password
        yield _unreadable("...", str(err))
        return
    if not path.is_dir():
        yield from _judge_file(given, classifier)
        return
    try:
        found = list_media(path)
    except CameraError as err:
        yield _unreadable(given, str(err))
        return
    count.note_left_out(found)
    if not found.files:
        yield _unreadable(given, f"{given}: the folder holds no picture or video")
    for entry in found.files:
        yield from _judge_file(str(entry), classifier)


def _judge_file(source: str, classifier: _Classifier) -> Iterator[PictureVerdict]:
    if media_kind(Path(source)) is MediaKind.VIDEO:
        yield from _judge_video(source, classifier)
    else:
        yield from _judge_pages(source, classifier)


def _judge_pages(source: str, classifier: _Classifier) -> Iterator[PictureVerdict]:
    """Yield the verdict on a picture, or on each page of a file that holds several."""
    try:
        pages = list_pages(read_content(Path(source)), source)
    except CameraError as err:
        yield _unreadable(source, str(err))
        return
    for page in pages:
        try:
            pixels, view = page.decode(), page.view()
        except CameraError as err:
            yield _unreadable(page.where, str(err), page.index)
        else:
            yield classifier.verdict(page.where, page.index, pixels, view)


def _judge_video(source: str, classifier: _Classifier) -> Iterator[PictureVerdict]:
    try:
        for frame_id, pixels in enumerate(iter_video(Path(source))):
            yield classifier.verdict(source, frame_id, pixels)
    except CameraError as err:
        yield _unreadable(source, str(err))


def _unreadable(source: str, text: str, frame_id: int | None = None) -> PictureVerdict:
    return _with_source(decide_unreadable(_escape_bytes(text)), source, frame_id=frame_id)


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
        **fields, source=_escape_bytes(source), frame_id=frame_id, bundle=bundle, inference_ms=inference_ms
    )


def _escape_bytes(text: str) -> str:
    """Return ``text`` with the undecodable bytes of a file name escaped, so that JSON can hold it."""
    return text.encode("utf-8", "backslashreplace").decode()


_ROW = "{:<15} {:<15} {:<8} {:<76} {}"


def _format_row(verdict: PictureVerdict) -> str:
    source = verdict.source if verdict.frame_id is None else f"{verdict.source} #{verdict.frame_id}"
    row = _ROW.format(
        verdict.outcome.value, verdict.material or "-", verdict.severity or "-", path_text(verdict), source
    )
    return colour_text(row, verdict.outcome)
