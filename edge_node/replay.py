"""``edge-node replay``: the verdicts on a recording that another bundle, or other settings, would change."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from edge_node.bundle import bundle_path, load_bundle
from edge_node.camera import open_camera, parse_source
from edge_node.config import CameraConfig
from edge_node.describe import path_text
from edge_node.engine import Engine
from edge_node.errors import ConfigError
from edge_node.inspectability import Thresholds
from edge_node.inspector import Inspector

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from edge_node.verdict import Decision


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one bundle says of a picture."""

    outcome: str
    material: str | None
    form: str | None
    severity: str | None
    path: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of which two bundles say different things."""

    frame_id: int
    old: Side
    new: Side


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole recording."""

    frames: int
    changed: int
    outcomes: dict[str, int]


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
        "Exit code 0 if no verdict changes, 1 if one does.\n"
        "A verdict changes with its outcome, material, form or severity; probabilities may differ."
    )


def run(args: argparse.Namespace) -> int:
    """Print what changes."""
    if parse_source(args.recording).live:
        raise ConfigError(f"{args.recording}: a camera cannot be replayed; record it first")
    old, new = (_inspector(name, args.material) for name in (args.against, args.bundle))
    frames, changed = 0, 0
    outcomes: Counter[str] = Counter()
    for frame_id, before, after in _pairs(args.recording, old, new):
        frames += 1
        outcomes[f"{before.outcome} -> {after.outcome}"] += 1
        if _said(before) != _said(after):
            changed += 1
            change = Change(frame_id=frame_id, old=before, new=after)
            print(msgspec.json.encode(change).decode() if args.json else _row(change), flush=True)
    summary = Summary(frames=frames, changed=changed, outcomes=dict(outcomes.most_common()))
    print(msgspec.json.encode(summary).decode() if args.json else _total(summary))
    return 1 if changed else 0


def _inspector(bundle: str, material: str) -> Inspector:
    return Inspector(Engine(load_bundle(bundle_path(bundle))), material=material, thresholds=Thresholds())


def _pairs(recording: str, old: Inspector, new: Inspector) -> Iterator[tuple[int, Side, Side]]:
    camera = open_camera(CameraConfig(source=recording, pace="fast"), stop=threading.Event())
    try:
        while (frame := camera.read()) is not None:
            before, after = old.inspect(frame.pixels), new.inspect(frame.pixels)
            yield frame.frame_id, _side(before.decision), _side(after.decision)
    finally:
        camera.close()


def _side(decision: Decision) -> Side:
    return Side(
        outcome=decision.outcome.value,
        material=decision.material,
        form=decision.form,
        severity=decision.severity,
        path=path_text(decision),
    )


def _said(side: Side) -> tuple[str | None, ...]:
    return side.outcome, side.material, side.form, side.severity


def _row(change: Change) -> str:
    def words(side: Side) -> str:
        return " ".join(word for word in _said(side) if word)

    return (
        f"#{change.frame_id}: {words(change.old)} -> {words(change.new)}"
        f"\n    old  {change.old.path}\n    new  {change.new.path}"
    )


def _total(summary: Summary) -> str:
    lines = [f"{summary.changed} of {summary.frames} verdicts change"]
    lines += [f"{count:>7}  {pair}" for pair, count in summary.outcomes.items()]
    return "\n".join(lines)
