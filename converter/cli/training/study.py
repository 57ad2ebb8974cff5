"""``converter study``: train and test the thesis's six models and the cascade on one data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.architectures.backbones import DEFAULT_ARCHITECTURE, list_architectures, load_backbone
from converter.argument_types import at_least, seed
from converter.data.dataset import add_choice_arguments, choose_samples, load_dataset
from converter.data.splits import with_groups
from converter.output_paths import refuse_unwritable_file, refuse_unwritable_folder, write_file
from converter.study.models import with_classes
from converter.study.study import PILOT_STEPS, StudySettings, collect_results, plan_study, study_architecture
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    import argparse

    from converter.study.figures import Study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.description = (
        "Train and test Models 1 to 6 of the thesis, the cascade and the severity stages on labelled\n"
        "pictures. Each is tested on specimens that it was not trained on and, for comparison, on a\n"
        "division by picture. The figures of the thesis stand beside what was found."
    )
    parser.add_argument("data", type=Path, help="labels.csv or the folder around one")
    add_choice_arguments(parser)
    parser.add_argument(
        "--architecture",
        action="append",
        default=[],
        dest="architectures",
        metavar="NAME[=WEIGHTS]",
        help=f"network to study; may be given several times; WEIGHTS is a file, or random (default:"
        f" {DEFAULT_ARCHITECTURE} with ImageNet's weights); one of {', '.join(list_architectures())}",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="weights, if there is one architecture: a file, or random"
    )
    parser.add_argument(
        "--size-px",
        type=at_least(1),
        help="width and height of the input in px (default: the architecture's own)",
    )
    parser.add_argument(
        "--folds",
        type=at_least(2),
        default=3,
        help="number of parts; each is tested by models trained on the others (default: 3)",
    )
    parser.add_argument(
        "--steps", type=at_least(1), default=1500, help="batches of each training (default: 1500)"
    )
    parser.add_argument(
        "--pilot-steps",
        type=at_least(1),
        nargs="*",
        default=list(PILOT_STEPS),
        help=f"batches of each training of Model 1 (default: {' '.join(map(str, PILOT_STEPS))}); without a"
        " number Model 1 is left out",
    )
    parser.add_argument(
        "--bottleneck-dir",
        type=Path,
        help="folder that keeps the bottlenecks, so that another study of these pictures takes seconds",
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of divisions and trainings (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page with plots")


def run(args: argparse.Namespace) -> int:
    """Train, test, print and write; return the exit code."""
    from converter.study.text import format_study

    # oneDNN's kernels are faster, which training needs; conversion avoids them for their rounding.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    architectures = _parse_architectures(args)
    for path in (args.json, args.html):
        refuse_unwritable_file(path)
    refuse_unwritable_folder(args.bottleneck_dir)
    samples = choose_samples(load_dataset(args.data), args.sets, args.sources)
    settings = StudySettings(
        folds=args.folds,
        steps=args.steps,
        pilot_steps=tuple(args.pilot_steps),
        size_px=args.size_px,
        bottleneck_dir=args.bottleneck_dir,
        seed=args.seed,
    )
    plan = plan_study(settings, tuple(with_classes(sample) for sample in with_groups(samples)))
    if len(architectures) > 1:  # missing weights are reported now, not after an hour of training
        for name, weights in architectures:
            load_backbone(name, weights=weights, size_px=args.size_px)
    studied = [study_architecture(plan, name, weights) for name, weights in architectures]
    data = " ".join([str(args.data), *args.sets, *args.sources])
    found = collect_results(plan, data, studied)
    print("\n".join(format_study(found)))
    _write(args, found)
    return 0


def _write(args: argparse.Namespace, found: Study) -> None:
    from converter.study.page import render_study

    figures = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    for path, content in ((args.json, figures), (args.html, render_study(found))):
        if path is None:
            continue
        write_file(path, content)
        print(f"wrote {path}")
    if args.html is None:
        print("--html FILE writes this as a page with plots")


def _parse_architectures(args: argparse.Namespace) -> list[tuple[str, str | None]]:
    """Return name and weights of each architecture that the flags give.

    Raises:
        DatasetError: ``--weights`` with more than one architecture.
    """
    wanted = args.architectures or [DEFAULT_ARCHITECTURE]
    if args.weights is not None and len(wanted) > 1:
        raise DatasetError("--weights fits one architecture; for several write --architecture NAME=WEIGHTS")
    parts = [text.partition("=") for text in wanted]
    return [(name, weights or args.weights) for name, _, weights in parts]
