"""``converter study``: the six models of the thesis on any data set, and what the thesis could not ask.

All models of one architecture share its bottlenecks, so that a study costs little more than one training.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.backbones import DEFAULT_ARCHITECTURE
from converter.cross_validation import Judged
from converter.dataset import CORRODED, load_dataset
from converter.metrics import Detection, crossover, detection
from converter.recipe import CascadeRecipe, StageRecipe, TrainingRecipe
from converter.splits import folds, random_folds, with_groups
from converter.training import UNKNOWN
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.dataset import Sample
    from converter.retrain import Prepared

SUMMARY = "the six models of the thesis, and the cascade, on any data set, in one report"
# Accuracies that the thesis reports, in percent, by model.
THESIS = {
    "Model 2: corroded or not, all metals": 97.67,
    "Model 3: uncorroded, corroded, pitted": 95.67,
    "Model 4: material and condition": 80.0,
    "Model 5: steel alone": 99.38,
    "Model 6: aluminium alone": 100.0,
}
# Of Model 4's 60 errors, 59 confuse materials.
THESIS_BETWEEN_MATERIALS = 59 / 60
# What the thesis tabulates and this project does not have is left out, never filled in.
THESIS_KNOWN = (
    "Of the thesis' Tables 2, 6, 9 and 10 the accuracies of Models 2 to 6 are known here, and of Model 4 that"
    " 59 of its 60 errors confuse materials; their other cells are not known here, and are left out."
)
PILOT_STEPS = (1000, 2000, 4000, 8000)
_CONDITIONS = ("corroded", "uncorroded")
_CONDITION_COUNT = len(_CONDITIONS)
_CASCADE = "material, then that material's model"
# Stage -> the model's name in the report, where it has one.
_MODELS = {
    "binary": "Model 2: corroded or not, all metals",
    "three": "Model 3: uncorroded, corroded, pitted",
    "four": "Model 4: material and condition",
    "steel": "Model 5: steel alone",
    "aluminium": "Model 6: aluminium alone",
    "material": "material",
    "severity": "severity of steel's corrosion",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One model's figures on pictures that it was not trained on.

    Attributes:
        split: by ``specimen`` or by ``picture``; ``trained on`` for the pilot, which knows the specimens.
        detection: precision, recall and F-measure of *corroded*, where that is a label of its own.
        crossover: truth -> answer -> pictures.
        between_materials: share of the errors that name another material; four classes only.
        steps: of the pilot.
    """

    architecture: str
    model: str
    split: str
    pictures: int
    accuracy: float
    detection: Detection | None = None
    crossover: dict[str, dict[str, int]] = {}
    between_materials: float | None = None
    steps: int | None = None


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a study found; JSON of ``--json``."""

    data: str
    pictures: int
    groups: int
    folds: int
    rows: tuple[Row, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("data", type=Path, help="labels.csv or the folder around one")
    parser.add_argument(
        "--architecture",
        action="append",
        default=[],
        dest="architectures",
        help=f"repeatable (default: {DEFAULT_ARCHITECTURE})",
    )
    parser.add_argument("--weights", help="weights of the one architecture: a file, or random")
    parser.add_argument("--size-px", type=int, help="sides of the input (default: the architecture's own)")
    parser.add_argument("--folds", type=int, default=3, help="trainings per model, each without a share")
    parser.add_argument("--steps", type=int, default=1500, help="of each training")
    parser.add_argument("--pilot-steps", type=int, nargs="*", default=list(PILOT_STEPS), help="of Model 1")
    parser.add_argument("--bottleneck-dir", type=Path, help="cache of what the network makes of each picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report with its plots")


def run(args: argparse.Namespace) -> int:
    """Train, test, print and write; return the exit code."""
    samples = tuple(_labelled(sample) for sample in with_groups(load_dataset(args.data)))
    stages = _stages(samples)
    rows: list[Row] = []
    for architecture in args.architectures or [DEFAULT_ARCHITECTURE]:
        started = time.monotonic()
        rows += _of_architecture(args, architecture, samples, stages)
        print(f"{architecture}: {time.monotonic() - started:.0f} s")
    found = Study(
        data=str(args.data),
        pictures=len(samples),
        groups=len({sample.group for sample in samples}),
        folds=args.folds,
        rows=tuple(rows),
    )
    print("\n".join(lines(found)))
    if args.json is not None:
        args.json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    if args.html is not None:
        from converter.study_page import page

        args.html.write_text(page(found), encoding="utf-8")
    return 0


def lines(found: Study) -> list[str]:
    """Return the study as lines of text for a terminal, the thesis beside it."""
    text = [f"{found.data}: {found.pictures} pictures in {found.groups} groups, {found.folds} folds", ""]
    text.append(
        f"{'model':42}{'split':12}{'pictures':>9}{'accuracy':>10}{'thesis':>9}"
        f"{'precision':>11}{'recall':>9}{'F':>9}{'between materials':>19}"
    )
    for row in found.rows:
        name = row.model if row.steps is None else f"{row.model}, {row.steps} steps"
        thesis = f"{THESIS[row.model]:.2f} %" if row.model in THESIS else "-"
        between = "-" if row.between_materials is None else f"{row.between_materials:.1%}"
        text.append(
            f"{name:42}{row.split:12}{row.pictures:>9}{row.accuracy:>10.2%}{thesis:>9}{_detected(row)}"
            f"{between:>19}  {row.architecture}"
        )
    for row in (
        row for row in found.rows if row.split == "specimen" and len(row.crossover) > _CONDITION_COUNT
    ):
        text += ["", f"{row.model}, {row.architecture}, by specimen", *crossover_lines(row.crossover)]
    return [*text, "", *conclusions(found), THESIS_KNOWN]


def conclusions(found: Study) -> list[str]:
    """Return in sentences whether the cascade beats four classes, and what a split by picture adds."""
    text = []
    for architecture in dict.fromkeys(row.architecture for row in found.rows):
        rows = {(r.model, r.split): r for r in found.rows if r.architecture == architecture}
        four, staged = rows.get((_MODELS["four"], "specimen")), rows.get((_CASCADE, "specimen"))
        if four is not None and staged is not None:
            gained = staged.accuracy - four.accuracy
            verb = "beats" if gained > 0 else "does not beat"
            text.append(
                f"{architecture}: the staged cascade {verb} the four-class model: {staged.accuracy:.2%}"
                f" against {four.accuracy:.2%} ({100 * gained:+.2f} points) on specimens never seen; between"
                f" materials are {_share(staged.between_materials)} and {_share(four.between_materials)} of"
                f" their errors, {THESIS_BETWEEN_MATERIALS:.1%} of the thesis' Model 4's."
            )
        flattery = [
            rows[model, "picture"].accuracy - row.accuracy
            for (model, split), row in rows.items()
            if split == "specimen" and (model, "picture") in rows
        ]
        if flattery:
            text.append(
                f"{architecture}: divided by picture, the models look {100 * np.mean(flattery):+.2f} points"
                f" better on average than divided by specimen ({100 * max(flattery):+.2f} at most)."
            )
    return text


def crossover_lines(crossover: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a crossover matrix as lines of text: a row for each truth, a column for each answer."""
    columns = list(next(iter(crossover.values())))
    width = max(len(name) for name in (*crossover, *columns)) + 2
    head = "truth \\ said".ljust(width) + "".join(name.rjust(width) for name in columns)
    return [
        head,
        *(
            truth.ljust(width) + "".join(str(counts[name]).rjust(width) for name in columns)
            for truth, counts in crossover.items()
        ),
    ]


def _detected(row: Row) -> str:
    found = row.detection
    if found is None:
        return f"{'-':>11}{'-':>9}{'-':>9}"
    return f"{found.precision:>11.2%}{found.recall:>9.2%}{found.f_measure:>9.2%}"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _labelled(sample: Sample) -> Sample:
    """Return a sample with the thesis' three and four classes as columns; galvanized iron counts as steel."""
    material, condition = sample.labels.get("material"), sample.labels.get("corroded")
    if material == "galvanized":
        material = "steel"
    labels = dict(sample.labels)
    if material in {"steel", "aluminium"}:
        labels["material"] = material
        if condition is not None:
            labels["four"] = f"{material}, {condition}"
            pitted = material == "aluminium" and condition == CORRODED
            labels["three"] = "pitted" if pitted else condition
    return replace(sample, labels=labels)


def _stages(samples: Sequence[Sample]) -> tuple[StageRecipe, ...]:
    """Return the models that the data set can answer.

    Raises:
        DatasetError: it says nothing of corrosion.
    """
    materials = ("aluminium", "steel")
    four = tuple(f"{material}, {condition}" for material in materials for condition in _CONDITIONS)
    stages = (
        StageRecipe(name="binary", column="corroded", labels=_CONDITIONS),
        StageRecipe(name="three", column="three", labels=("corroded", "pitted", "uncorroded")),
        StageRecipe(name="four", column="four", labels=four),
        *(
            StageRecipe(name=name, column="corroded", labels=_CONDITIONS, where={"material": (name,)})
            for name in ("steel", "aluminium")
        ),
        StageRecipe(name="material", column="material", labels=materials),
        StageRecipe(
            name="severity", column="severity", labels=("late", "mid"), where={"material": ("steel",)}
        ),
    )
    answered = tuple(
        stage
        for stage in stages
        if {stage.target(sample) for sample in samples} >= set(range(len(stage.labels)))
    )
    if not answered:
        raise DatasetError("no picture is labelled corroded and none uncorroded; nothing to study")
    return answered


def _of_architecture(
    args: argparse.Namespace, architecture: str, samples: tuple[Sample, ...], stages: tuple[StageRecipe, ...]
) -> list[Row]:
    from rich.progress import Progress

    from converter.retrain import prepare

    training = TrainingRecipe(
        architecture=architecture,
        weights=args.weights,
        size_px=args.size_px,
        steps=args.steps,
        seed=args.seed,
        map_weight=0.0,
    )
    recipe = CascadeRecipe(stage=stages, training=training)
    with Progress(transient=True) as bar:
        task = bar.add_task(architecture, total=len(samples))
        cache, advance = args.bottleneck_dir, (lambda done: bar.advance(task, done))
        prepared = prepare(samples, recipe, cache=cache, progress=advance)
    rows = _pilot(prepared, args.pilot_steps)
    divisions = {
        "specimen": folds(samples, args.folds, seed=args.seed),
        "picture": random_folds(samples, args.folds, seed=args.seed),
    }
    for split, numbers in divisions.items():
        judged = _judge(prepared, numbers)
        rows += _rows(prepared, judged, split)
    return [msgspec.structs.replace(row, architecture=architecture) for row in rows]


def _pilot(prepared: Prepared, all_steps: Sequence[int]) -> list[Row]:
    """Return Model 1 as the thesis had it: tested on pictures of specimens that it was trained on."""
    from converter.retrain import fit

    half = random_folds(prepared.samples, 2) == 0
    nobody = np.zeros(len(half), bool)
    rows = []
    for steps in all_steps:
        training = msgspec.structs.replace(prepared.recipe.training, steps=steps)
        recipe = msgspec.structs.replace(prepared.recipe, training=training, stage=prepared.recipe.stage[:1])
        one = replace(prepared, recipe=recipe, questions=prepared.questions[:1])
        fitted = fit(one, half, nobody)
        question = one.questions[0]
        known = ~half & (question.targets != UNKNOWN)
        said = fitted.logits[question.name][known].argmax(axis=1)
        row = _row("Model 1: pilot", "trained on", question.labels, question.targets[known], said)
        rows.append(msgspec.structs.replace(row, steps=steps))
    return rows


def _judge(prepared: Prepared, numbers: NDArray[np.intp]) -> Judged:
    """Return what networks said that were trained without the fold they judge."""
    from converter.retrain import fit

    nobody = np.zeros(len(numbers), bool)
    logits = {
        question.name: np.full((len(numbers), len(question.labels)), np.nan, np.float32)
        for question in prepared.questions
    }
    for fold in np.unique(numbers):
        fitted = fit(prepared, numbers != fold, nobody)
        for stage, values in fitted.logits.items():
            logits[stage][numbers == fold] = values[numbers == fold]
    return Judged("folds", logits)


def _rows(prepared: Prepared, judged: Judged, split: str) -> list[Row]:
    rows = []
    for question in prepared.questions:
        known = question.targets != UNKNOWN
        said = judged.logits[question.name].argmax(axis=1)
        model = _MODELS[question.name]
        rows.append(_row(model, split, question.labels, question.targets[known], said[known]))
    if {"four", "material", "steel", "aluminium"} <= judged.logits.keys():
        rows.append(_cascade_row(prepared, judged, split))
    return rows


def _cascade_row(prepared: Prepared, judged: Judged, split: str) -> Row:
    """Return the accuracy of material and condition when the material's own model is asked."""
    four = next(question for question in prepared.questions if question.name == "four")
    targets = four.targets
    known = targets != UNKNOWN
    material = judged.logits["material"].argmax(axis=1)  # 0 aluminium, 1 steel: the order of the four classes
    conditions = [judged.logits[name].argmax(axis=1) for name in ("aluminium", "steel")]
    said = material * len(_CONDITIONS) + np.where(material == 0, conditions[0], conditions[1])
    return _row(_CASCADE, split, four.labels, targets[known], said[known])


def _between_materials(targets: NDArray[np.intp], said: NDArray[np.intp]) -> float | None:
    """Return the share of the four classes' errors that name another material."""
    errors = targets != said
    count = len(_CONDITIONS)
    return float(((targets // count) != (said // count))[errors].mean()) if errors.any() else None


def _row(
    model: str, split: str, labels: Sequence[str], targets: NDArray[np.intp], said: NDArray[np.intp]
) -> Row:
    """Return the figures of answers ``said``, ``(pictures,)`` like the indices of the right ones."""
    truth, answers = [labels[at] for at in targets], [labels[at] for at in said]
    return Row(
        architecture="",
        model=model,
        split=split,
        pictures=len(targets),
        accuracy=float((targets == said).mean()),
        detection=detection(truth, answers, CORRODED) if tuple(labels) == _CONDITIONS else None,
        crossover=crossover(truth, answers),
        between_materials=_between_materials(targets, said) if ", " in labels[0] else None,
    )
