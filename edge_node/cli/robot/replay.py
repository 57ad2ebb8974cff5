"""Run ``edge-node replay``: print the verdicts on a recording that another bundle would change."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.camera.capture.opening import open_camera
from edge_node.camera.source import parse_source
from edge_node.cli.bundle_in_use import load_bundle_in_use
from edge_node.config.sections import CameraConfig, InspectConfig, load_config
from edge_node.errors import BundleError, CameraError, ConfigError, CorrosionError
from edge_node.inference.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from edge_node.inspection.inspector import Inspector, configured_inspector
from edge_node.messages.shadow import Change, Summary
from edge_node.shadow.comparison import (
    DecisionComparison,
    compare_decisions,
    describe_change,
    describe_summary,
)
from edge_node.signing import load_trusted_keys
from edge_node.view.view import load_view

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from edge_node.view.view import View

_EXIT_NOT_COMPARED = 2  # 0 and 1 mean equal and changed, as for diff
_PROGRESS_S = 0.5
_WHICH_FRAMES = ("when", "change_m", "heartbeat_s")  # of [inspect]: which frames a robot judges, not how


class PictureChange(Change, frozen=True, kw_only=True):
    """A picture of the recording on which two bundles differ."""

    frame_id: int


class ReplaySummary(Summary, frozen=True, kw_only=True):
    """The counts over a recording, with a sentence for each file that was not compared."""

    omitted: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node replay``."""
    parser.add_argument("recording", help="video, picture or folder of pictures")
    parser.add_argument("--bundle", required=True, metavar="NEW", help="the new bundle")
    parser.add_argument(
        "--against",
        metavar="OLD",
        help="the bundle in use (default: that of --config; without it the one in the package)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="judge with this robot's [inspect] (material, thresholds, tiles) and its view of [camera]"
        " (default: the defaults of these keys)",
    )
    parser.add_argument("--material", help="the material, if it is known; instead of the configuration's")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON line for each change, and a last one with the counts",
    )
    parser.epilog = (
        "Exit code 0 if no verdict changes, 1 if one does, 2 if they cannot be compared.\n"
        "The last line on stderr says which settings judged.\n"
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
    settings, in_use, where, view = _settings(args)
    old = _inspector(args.against, settings, view) if args.against else _probed(in_use, settings, where, view)
    new = _inspector(args.bundle, settings, view)
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
    print(f"judged with {_describe_settings(settings)} of {where}", file=sys.stderr)
    return 1 if summary.changed else 0


def _settings(args: argparse.Namespace) -> tuple[InspectConfig, Bundle, str, View | None]:
    """Return the settings that judge, the bundle in use, where the settings come from, and the view."""
    view = None
    if args.config is None:
        settings, where = InspectConfig(), "the package (--config FILE judges with a robot's)"
        bundle = load_bundle(DEFAULT_BUNDLE)
    else:
        config = load_config(args.config)
        settings, where, view = config.inspect, str(args.config), load_view(config.camera)
        bundle = load_bundle_in_use(config, load_trusted_keys(config.bundle.trusted_keys))
    if args.material is not None:
        try:
            settings = msgspec.structs.replace(settings, material=args.material)
        except ValueError as err:
            raise ConfigError(f"--material {args.material}: {err}") from err
    return settings, bundle, where, view


def _describe_settings(settings: InspectConfig) -> str:
    """Return the settings in one line: all that decide how a picture is judged; here each is."""
    values = msgspec.structs.asdict(_timeless(settings))
    texts = [
        f"{key} = {msgspec.json.encode(value).decode()}"
        for key, value in values.items()
        if key not in _WHICH_FRAMES
    ]
    return f"[inspect] {', '.join(texts)}"


def _timeless(settings: InspectConfig) -> InspectConfig:
    """Return ``settings`` without the time budget: a comparison must not depend on this machine."""
    return msgspec.structs.replace(settings, tile_budget_ms=None)


def _inspector(name: str, settings: InspectConfig, view: View | None) -> Inspector:
    return _probed(load_bundle(resolve_bundle_path(name)), settings, name, view)


def _probed(bundle: Bundle, settings: InspectConfig, name: str, view: View | None) -> Inspector:
    """Return an inspector with a robot's settings, after the golden probe."""
    engine = Engine(bundle)
    try:
        run_probe(engine)
    except BundleError as err:
        raise BundleError(f"{name}: {err}; the daemon would refuse it") from err
    return configured_inspector(_timeless(settings), engine, view)


def _compare_recording(
    recording: str, old: Inspector, new: Inspector, omitted: list[str]
) -> Iterator[PictureChange]:
    """Yield the comparison of each picture; ``omitted`` gets what could not be compared."""
    camera = open_camera(CameraConfig(source=recording, pace="fast"), stop=threading.Event())
    read = 0
    try:
        while (frame := camera.read()) is not None:
            before, after = (one.inspect(frame.pixels, view=frame.view).decision for one in (old, new))
            change = compare_decisions(before, after)
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
