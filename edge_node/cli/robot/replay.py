"""Run ``edge-node replay``: print the verdicts on a recording that another bundle would change."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from edge_node.camera.capture.opening import open_camera
from edge_node.camera.source import parse_source
from edge_node.config.sections import CameraConfig
from edge_node.errors import BundleError, CameraError, ConfigError, CorrosionError
from edge_node.inference.bundle import load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector
from edge_node.messages.shadow import Change, Summary
from edge_node.shadow.comparison import (
    DecisionComparison,
    compare_decisions,
    describe_change,
    describe_summary,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_EXIT_NOT_COMPARED = 2  # 0 and 1 mean equal and changed, as for diff
_PROGRESS_S = 0.5


class PictureChange(Change, frozen=True, kw_only=True):
    """A picture of the recording on which two bundles differ."""

    frame_id: int


class ReplaySummary(Summary, frozen=True, kw_only=True):
    """The counts over a recording, with a sentence for each file that was not compared."""

    omitted: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node replay``."""
    parser.add_argument("recording", help="video, picture or folder of pictures")
    parser.add_argument("--bundle", required=True, metavar="NEW", help="the bundle that may take over")
    parser.add_argument(
        "--against", default="default", metavar="OLD", help="the one in use (default: the package's)"
    )
    parser.add_argument("--material", default="auto", help="known beforehand, as in the configuration")
    parser.add_argument("--json", action="store_true", help="a line for each change, and one for the whole")
    parser.epilog = (
        "Exit code 0 if no verdict changes, 1 if one does, 2 if they cannot be compared.\n"
        "A verdict changes with its outcome, material, form or severity; probabilities may differ.\n"
        "To compare on the robot itself, beside the bundle in use, see [shadow] in the configuration."
    )


def run(args: argparse.Namespace) -> int:
    """Print each change and the counts."""
    try:
        return _replay(args)
    except CorrosionError as err:
        err.exit_code = _EXIT_NOT_COMPARED
        raise


def _replay(args: argparse.Namespace) -> int:
    if (source := parse_source(args.recording)).live:
        raise ConfigError(f"{source.name}: a camera cannot be replayed; record it first")
    old, new = (_inspector(name, args.material) for name in (args.against, args.bundle))
    comparison, progress = DecisionComparison(), _Progress()
    omitted: list[str] = []
    for change in _compare_recording(args.recording, old, new, omitted):
        comparison.note(change)
        if change.differs:
            progress.clear()
            text = f"#{change.frame_id}: {describe_change(change)}"
            print(msgspec.json.encode(change).decode() if args.json else text, flush=True)
        progress.show(comparison)
    progress.clear()
    if not comparison.frames:
        raise ConfigError(f"{args.recording}: holds no picture that can be read; nothing was compared")
    summary = comparison.summary()
    whole = ReplaySummary(**msgspec.structs.asdict(summary), omitted=tuple(omitted))
    print(msgspec.json.encode(whole).decode() if args.json else describe_summary(summary))
    return 1 if summary.changed else 0


def _inspector(name: str, material: str) -> Inspector:
    """Return an inspector with the daemon's default thresholds, after the golden probe."""
    engine = Engine(load_bundle(resolve_bundle_path(name)))
    try:
        run_probe(engine)
    except BundleError as err:
        raise BundleError(f"{name}: {err}; the daemon would refuse it") from err
    return Inspector(engine, material=material, thresholds=Thresholds())


def _compare_recording(
    recording: str, old: Inspector, new: Inspector, omitted: list[str]
) -> Iterator[PictureChange]:
    """Yield the comparison of each picture; ``omitted`` gets what could not be compared."""
    camera = open_camera(CameraConfig(source=recording, pace="fast"), stop=threading.Event())
    read = 0
    try:
        while (frame := camera.read()) is not None:
            change = compare_decisions(old.inspect(frame.pixels).decision, new.inspect(frame.pixels).decision)
            yield PictureChange(frame_id=frame.frame_id, **msgspec.structs.asdict(change))
            read += 1
    except CameraError as err:  # a recording that is cut off: what is there was compared
        if not read:
            raise
        print(f"edge-node: {err}", file=sys.stderr)
    finally:
        omitted.extend(getattr(camera, "omitted", ()))  # only recordings leave files out
        camera.close()


class _Progress:
    """Show the progress on stderr, if that is a terminal."""

    def __init__(self) -> None:
        self._is_on = sys.stderr.isatty()
        self._shown_s = time.monotonic()

    def show(self, comparison: DecisionComparison) -> None:
        now_s = time.monotonic()
        if self._is_on and now_s - self._shown_s >= _PROGRESS_S:
            self._shown_s = now_s
            text = f"{comparison.frames} pictures, {comparison.changed} verdicts change"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._is_on:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
