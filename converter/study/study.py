"""``converter study``: the six models of the thesis on any data set, and what the thesis could not ask.

All models of one architecture share its bottlenecks, so that a study costs little more than one training.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.architectures.backbones import DEFAULT_ARCHITECTURE, architecture_names, load_backbone
from converter.argument_types import at_least, seed
from converter.data.dataset import add_choice_arguments, chosen, load_dataset
from converter.data.splits import folds, random_folds, with_groups
from converter.output_paths import refuse_unwritable_file, refuse_unwritable_folder, write_file
from converter.study.figures import (
    KNOWN,
    PICTURE,
    SPECIMEN,
    Answered,
    Comparison,
    Row,
    answers_of,
    comparisons,
    row,
)
from converter.study.models import PILOT, Model, answerable, with_classes
from converter.training.head_training import UNKNOWN
from converter.training.recipe import CascadeRecipe, TrainingRecipe
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.retrain import Prepared

SUMMARY = "the six models of the thesis, and the cascade, on any data set, in one report"
PILOT_STEPS = (1000, 2000, 4000, 8000)


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a study found; JSON of ``--json``.

    Attributes:
        steps: of each training but the pilot's.
        left_out: sentences on the models that this data set cannot answer.
    """

    data: str
    pictures: int
    groups: int
    folds: int
    steps: int
    seed: int
    left_out: tuple[str, ...]
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is trained and tested, whatever the architecture."""

    args: argparse.Namespace
    samples: tuple[Sample, ...]
    divisions: dict[str, NDArray[np.intp]]
    models: tuple[Model, ...]
    left_out: tuple[str, ...]

    @property
    def trainings(self) -> int:
        """How often each architecture is trained."""
        return len(self.args.pilot_steps) + len(self.divisions) * int(self.args.folds)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.description = (
        "Trains and tests Models 1 to 6 of the thesis, the staged cascade, and severity stages on labelled"
        " pictures, each divided by specimen and, for comparison, by picture; prints the thesis' figures"
        " beside what was found."
    )
    parser.add_argument("data", type=Path, help="labels.csv or the folder around one")
    add_choice_arguments(parser)
    parser.add_argument(
        "--architecture",
        action="append",
        default=[],
        dest="architectures",
        metavar="NAME[=WEIGHTS]",
        help=f"repeatable, with a file of weights or random where its own are not wanted; default"
        f" {DEFAULT_ARCHITECTURE}; known are {', '.join(architecture_names())}",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="weights of the one architecture: a file, or random"
    )
    parser.add_argument(
        "--size-px", type=at_least(1), help="sides of the input (default: the architecture's own)"
    )
    parser.add_argument(
        "--folds", type=at_least(2), default=3, help="parts; each is judged by the rest (default: 3)"
    )
    parser.add_argument("--steps", type=at_least(1), default=1500, help="of each training (default: 1500)")
    parser.add_argument(
        "--pilot-steps",
        type=at_least(1),
        nargs="*",
        default=list(PILOT_STEPS),
        help=f"of Model 1 (default: {' '.join(map(str, PILOT_STEPS))}; without a number it is left out)",
    )
    parser.add_argument(
        "--bottleneck-dir",
        type=Path,
        help="cache of what the network makes of each picture; another study of them then takes seconds",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of divisions and trainings (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report with its plots")


def run(args: argparse.Namespace) -> int:
    """Train, test, print and write; return the exit code."""
    from converter.study.text import lines

    # Training wants oneDNN's faster kernels; conversion leaves them out for their rounding.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    architectures = _architectures(args)
    for path in (args.json, args.html):
        refuse_unwritable_file(path)
    refuse_unwritable_folder(args.bottleneck_dir)
    samples = chosen(load_dataset(args.data), args.sets, args.sources)
    plan = _plan(args, tuple(with_classes(sample) for sample in with_groups(samples)))
    if len(architectures) > 1:  # what is missing is said now, and not after an hour
        for name, weights in architectures:
            load_backbone(name, weights=weights, size_px=args.size_px)
    studied = [_of_architecture(plan, name, weights) for name, weights in architectures]
    found = Study(
        data=" ".join([str(args.data), *args.sets, *args.sources]),
        pictures=len(plan.samples),
        groups=len({sample.group for sample in plan.samples}),
        folds=args.folds,
        steps=args.steps,
        seed=args.seed,
        left_out=plan.left_out,
        rows=tuple(one for rows, _ in studied for one in rows),
        comparisons=tuple(one for _, compared in studied for one in compared),
    )
    print("\n".join(lines(found)))
    _write(args, found)
    return 0


def _write(args: argparse.Namespace, found: Study) -> None:
    from converter.study.page import page

    figures = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    for path, content in ((args.json, figures), (args.html, page(found))):
        if path is None:
            continue
        write_file(path, content)
        print(f"wrote {path}")
    if args.html is None:
        print("--html FILE writes this as a page with plots")


def _architectures(args: argparse.Namespace) -> list[tuple[str, str | None]]:
    """Return names and weights as the flags give them.

    Raises:
        DatasetError: ``--weights`` with more than one architecture.
    """
    wanted = args.architectures or [DEFAULT_ARCHITECTURE]
    if args.weights is not None and len(wanted) > 1:
        raise DatasetError("--weights fits one architecture; for several write --architecture NAME=WEIGHTS")
    parts = [text.partition("=") for text in wanted]
    return [(name, weights or args.weights) for name, _, weights in parts]


def _plan(args: argparse.Namespace, samples: tuple[Sample, ...]) -> _Plan:
    divisions = {
        SPECIMEN: folds(samples, args.folds, seed=args.seed),
        PICTURE: random_folds(samples, args.folds, seed=args.seed),
    }
    pilot = [random_folds(samples, 2)] if args.pilot_steps else []
    models, left_out = answerable(samples, [*divisions.values(), *pilot])
    return _Plan(args, samples, divisions, models, left_out)


def _of_architecture(
    plan: _Plan, name: str, weights: str | None
) -> tuple[tuple[Row, ...], tuple[Comparison, ...]]:
    """Return what one architecture's models did, and what its cascades gained."""
    from rich.console import Console
    from rich.progress import Progress

    from converter.training.retrain import prepare

    started = time.monotonic()
    training = TrainingRecipe(
        architecture=name,
        weights=weights,
        size_px=plan.args.size_px,
        steps=plan.args.steps,
        seed=plan.args.seed,
        map_weight=0.0,
    )
    recipe = CascadeRecipe(stage=tuple(model.stage for model in plan.models), training=training)
    with Progress(transient=True, console=Console(stderr=True)) as bar:
        reading = bar.add_task(f"{name}: bottlenecks", total=len(plan.samples))
        cache, advance = plan.args.bottleneck_dir, (lambda done: bar.advance(reading, done))
        prepared = prepare(plan.samples, recipe, cache=cache, progress=advance)
        fitting = bar.add_task(f"{name}: trainings", total=plan.trainings)
        trained = _trained(plan, prepared, lambda: bar.advance(fitting))
    print(f"{name}: {plan.trainings} trainings, {time.monotonic() - started:.0f} s")
    rows, compared = trained
    return (
        tuple(msgspec.structs.replace(one, architecture=name) for one in rows),
        tuple(msgspec.structs.replace(one, architecture=name) for one in compared),
    )


def _trained(
    plan: _Plan, prepared: Prepared, advance: Callable[[], None]
) -> tuple[list[Row], list[Comparison]]:
    groups = np.array([sample.group for sample in plan.samples])
    rows: list[Row] = []
    compared: list[Comparison] = []
    for steps, answered in _pilot(prepared, plan.args.pilot_steps):
        rows.append(msgspec.structs.replace(row(answered, groups, KNOWN), steps=steps))
        advance()
    for split, numbers in plan.divisions.items():
        answered_by_all = answers_of(prepared.questions, _judged(prepared, numbers, advance))
        rows += [row(answered, groups, split) for answered in answered_by_all]
        compared += comparisons(answered_by_all, groups, split)
    return rows, compared


def _pilot(prepared: Prepared, all_steps: Sequence[int]) -> Iterator[tuple[int, Answered]]:
    """Yield Model 1 as the thesis had it: tested on pictures of specimens that it was trained on."""
    from converter.training.retrain import fit

    half = random_folds(prepared.samples, 2) == 0
    for steps in all_steps:
        training = msgspec.structs.replace(prepared.recipe.training, steps=steps)
        recipe = msgspec.structs.replace(prepared.recipe, training=training, stage=prepared.recipe.stage[:1])
        one = replace(prepared, recipe=recipe, questions=prepared.questions[:1])
        fitted = fit(one, half, np.zeros(len(half), bool))
        question = one.questions[0]
        unseen = np.where(half, UNKNOWN, question.targets)
        yield steps, Answered(PILOT, question.labels, unseen, fitted.logits[question.name].argmax(axis=1))


def _judged(
    prepared: Prepared, numbers: NDArray[np.intp], advance: Callable[[], None]
) -> dict[str, NDArray[np.float32]]:
    """Return what networks said that were trained without the fold they judge: by question, logits."""
    from converter.training.retrain import fit

    nobody = np.zeros(len(numbers), bool)
    logits = {
        question.name: np.zeros((len(numbers), len(question.labels)), np.float32)
        for question in prepared.questions
    }
    for fold in range(numbers.max() + 1):
        judged = numbers == fold
        if judged.any():
            for stage, values in fit(prepared, ~judged, nobody).logits.items():
                logits[stage][judged] = values[judged]
        advance()
    return logits
