"""``converter retrain``: retrain a graph with the flags of TensorFlow for Poets, or a whole cascade."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.architectures.backbones import GraphRecord
from converter.cli.training.retrain_flags import (
    CASCADE_NAME,
    add_arguments,
    name_outputs,
    refuse_contradictions,
)
from converter.cli.training.retrain_plan import plan_training
from converter.cli.training.retrain_risk import fit_recipe, write_record
from converter.data.attribution import attribution_path, format_attribution
from converter.data.dataset import hash_dataset
from converter.data.splits import find_groups, split
from converter.output_paths import write_file
from converter.progress import show_steps
from converter.runs.mistakes import draw_mistakes, format_mistakes, judge_stage
from converter.runs.run_folder import RunFolder, open_run
from converter.tensorflow_import import tensorflow
from converter.training.recipe import (
    CascadeRecipe,
    format_cascade,
    format_recipe,
)
from converter.training.unfinished import (
    BOTTLENECKS_NAME,
    UNFINISHED_NAME,
    count_kept,
    open_unfinished,
)
from edge_node.messages.plain_text import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from converter.data.dataset import Sample
    from converter.progress import BeginStep
    from converter.runs.mistakes import Mistake
    from converter.runs.run_record import StageFigures
    from converter.training.allowed_rows import LicenceRow
    from converter.training.augment import Augmentation
    from converter.training.retraining import PreparedTraining, RetrainedNetwork
    from converter.training.steps.training_data import Validation

    Logits = dict[str, np.ndarray]

__all__ = ["add_arguments", "run"]
_MISCLASSIFIED_SHOWN = 50


def run(args: argparse.Namespace) -> int:
    """Train, write and report; return the exit code."""
    # oneDNN's kernels are faster, which training needs; conversion avoids them for their rounding.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if args.model_dir is not None:
        os.environ["KERAS_HOME"] = str(args.model_dir)  # Keras reads it when it is imported, below
    refuse_contradictions(args)
    plan = plan_training(args)
    recipe, samples = plan.recipe, plan.samples
    if recipe.training.fine_tune and not args.cascade:
        print(
            "--fine_tune: this graph has a backbone of its own. It can be fused with no other graph and costs"
            " the node one more inference; the stages of one --cascade share a backbone"
        )
    started = time.monotonic()
    with (
        show_steps() as begin,
        _open_work(args, recipe) as work,
        open_run(
            args.runs_dir,
            recipe.name if args.cascade else args.output_graph.stem,
            command=tuple(sys.argv[1:]),
            data=tuple(str(folder.absolute()) for folder in args.image_dir),
            recipe=args.cascade.name if args.cascade else "",
            architecture=recipe.training.architecture,
            steps=recipe.training.steps,
        ) as run_folder,
    ):
        text = args.cascade.read_bytes() if args.cascade else format_recipe(recipe).encode()
        run_folder.write("recipe.toml", text)
        training = _Training(
            args, recipe, samples, plan.augmentations, run_folder, begin, work, plan.licences
        )
        if args.cross_validate:
            training.train_on_all()
        else:
            training.train_and_test()
    print(f"recipe, figures and mistakes: {run_folder.path}; `converter runs` lists all trainings")
    print(f"{time.monotonic() - started:.0f} s")
    return 0


def _open_work(args: argparse.Namespace, recipe: CascadeRecipe) -> AbstractContextManager[Path | None]:
    """Return the folder from which a killed training goes on: a cascade's whose layers are trained."""
    if not args.cascade or not recipe.training.fine_tune:
        return nullcontext()
    folder = args.output_dir / UNFINISHED_NAME
    if kept := count_kept(folder):
        print(f"goes on from {counted(kept, 'training')} in {folder}; remove it to begin anew")
    return open_unfinished(folder)


@dataclass(frozen=True, slots=True)
class _Training:
    """One call of the command: recipe, samples, run folder, and the steps from training to written graphs.

    ``begin`` shows a step of it, see ``converter.progress``; ``work`` is the folder of what a killed training
    goes on from; ``licences`` is the table of licences, ``seconds`` what the steps so far took.
    """

    args: argparse.Namespace
    recipe: CascadeRecipe
    samples: tuple[Sample, ...]
    augmentations: tuple[Augmentation, ...]
    run_folder: RunFolder
    begin: BeginStep
    work: Path | None
    licences: tuple[LicenceRow, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    def train_and_test(self) -> None:
        """Train on one part of the groups, stop by another, test on the third, and write."""
        parts = split(
            self.samples,
            test_percent=self.args.testing_percentage,
            validation_percent=self.args.validation_percentage,
            seed=self.recipe.training.seed,
            leave_out=self.args.leave_out,
        )
        rows = {sample.path: index for index, sample in enumerate(self.samples)}
        training, validation, test = (
            _select(part, rows) for part in (parts.training, parts.validation, parts.test)
        )
        prepared = self.prepare()
        fitted = self.fit(prepared, training, validation)
        judged = self.keep_figures(prepared, [("test", fitted.logits, test)])
        measured = _report_test(judged, self.recipe, self.args)
        self.write(prepared, fitted, training, {stage: {"test": value} for stage, value in measured.items()})

    def train_on_all(self) -> None:
        """Measure on left-out groups and sources, train on everything, and write."""
        from converter.training import cross_validation

        left_out = {text: find_groups(self.samples, text.split(",")) for text in self.args.leave_out}
        prepared = self.prepare()
        advance = self.begin("trainings for cross-validation", self.args.cross_validate + len(left_out))

        def report(line: str) -> None:
            advance()
            print(line)

        judged = [cross_validation.judge_groups(prepared, self.args.cross_validate, report)]
        if left_out:
            judged.append(cross_validation.judge_sources(prepared, left_out, report))
        measured: dict[str, dict[str, float]] = {stage.name: {} for stage in self.recipe.stage}
        for one in judged:
            for found in cross_validation.measure_accuracies(prepared, one):
                measured[found.stage][f"{one.name}, {found.set_name}"] = found.right
                print(
                    f"{one.name}: {found.stage} on {found.set_name}: {found.right:.1%}"
                    f" of {found.pictures} pictures in {found.groups} groups"
                )
        for threshold in cross_validation.fit_thresholds(prepared, judged):
            print(threshold)
        everything = np.ones(len(self.samples), bool)
        self.keep_figures(prepared, [(one.name, one.logits, everything) for one in judged])
        fitted = cross_validation.calibrate_heads(self.fit(prepared, everything, ~everything), judged)
        self.write(prepared, fitted, everything, measured)

    def keep_figures(
        self, prepared: PreparedTraining, answers: Sequence[tuple[str, Logits, np.ndarray]]
    ) -> list[tuple[StageFigures, list[Mistake]]]:
        """Write the figures and the misclassified pictures into the run folder, and return them.

        Args:
            prepared: all pictures.
            answers: name of the pictures that were left out, each stage's logits, and which those are.
        """
        judged = [
            found
            for name, logits, chosen in answers
            for question in prepared.questions
            if (found := judge_stage(prepared.samples, question, logits[question.name], chosen, name))
        ]
        mistakes = [mistake for _, some in judged for mistake in some]
        self.run_folder.update(measured=tuple(figures for figures, _ in judged))
        figures = msgspec.json.format(msgspec.json.encode([figures for figures, _ in judged]), indent=2)
        self.run_folder.write("figures.json", figures + b"\n")
        self.run_folder.write("misclassified.csv", format_mistakes(mistakes))
        if judged:
            self.run_folder.write("misclassified.jpg", draw_mistakes(mistakes))
        return judged

    def prepare(self) -> PreparedTraining:
        from converter.training.retraining import prepare

        started = time.monotonic()
        prepared = prepare(
            self.samples,
            self.recipe,
            cache=self.args.bottleneck_dir or (self.work and self.work / BOTTLENECKS_NAME),
            augmentations=self.augmentations,
            progress=self.begin(
                "computing bottlenecks", len(self.samples) * (self.recipe.training.copies + 1)
            ),
            work=self.work,
        )
        self.seconds["bottlenecks"] = round(time.monotonic() - started, 1)
        return prepared

    def fit(
        self, prepared: PreparedTraining, training: np.ndarray, validation: np.ndarray
    ) -> RetrainedNetwork:
        from converter.training.retraining import fit

        writer = _make_summary_writer(self.args.summaries_dir)
        trainings = self.recipe.trainings()
        number_of_trainings = sum(training.trainings for training in trainings)
        steps = sum(training.steps * training.trainings for training in trainings)
        advance = self.begin("training", steps)

        def report(number: int, found: Validation) -> None:
            accuracies = "  ".join(f"{name} {value:.1%}" for name, value in found.accuracies.items())
            which = f"training {number + 1}, " if number_of_trainings > 1 else ""
            print(
                f"{which}step {found.step}: loss {found.training_loss:.3f}"
                f"  validation: {accuracies or 'none'}",
                flush=True,
            )
            writer(found)
            self.run_folder.add_validation(number + 1, found)

        started = time.monotonic()
        fitted = fit(prepared, training, validation, report=report, on_steps=advance, work=self.work)
        self.seconds["training"] = round(time.monotonic() - started, 1)
        return fitted

    def write(
        self,
        prepared: PreparedTraining,
        fitted: RetrainedNetwork,
        training: np.ndarray,
        measured: dict[str, dict[str, float]],
    ) -> None:
        from converter.training.retrained_graph import (
            GRAPH_NAME,
            Retrained,
            freeze_backbone,
            write_retrained,
        )

        chosen = fit_recipe(
            prepared, fitted, self.licences, self.seconds, self.run_folder, self.begin, self.work
        )
        recipe = chosen.recipe
        definition = freeze_backbone(fitted.backbone)
        used = [sample for sample, is_used in zip(self.samples, training, strict=True) if is_used]
        used = [sample for sample in used if self.recipe.training.admits(sample)]
        digest = hash_dataset(used)
        outputs = name_outputs(self.args, recipe)
        heads = {head.question.name: head for head in fitted.heads}
        temperatures = dict(zip(heads, fitted.temperatures, strict=True)) | dict.fromkeys(
            chosen.temperatures, 1.0
        )
        for stage, files in zip(recipe.stage, outputs, strict=True):
            head, temperature = heads[stage.name], temperatures[stage.name]
            answering = [sample for sample in used if stage.target(sample) is not None]
            record = GraphRecord(
                architecture=fitted.backbone.architecture,
                weights_sha256=fitted.backbone.weights_sha256,
                input=fitted.backbone.input,
                labels=head.question.labels,
                final_tensor=self.args.final_tensor_name,
                map_trained=head.question.corroded is not None and prepared.masks is not None,
                fine_tuned_convolutions=fitted.fine_tuned_convolutions,
                temperature=temperature,
                seed=self.recipe.training.seed,
                training_pictures=len(answering),
                training_sha256=digest,
                measured=measured.get(stage.name, {}),
                licences=tuple(sorted({sample.licence for sample in answering} - {""})),
                backbone=fitted.backbone.weights,
            )
            written = write_retrained(
                files, Retrained(definition, head, temperature, record), fitted.backbone
            )
            kept = f"record-{stage.name}.json" if self.args.cascade else "record.json"
            self.run_folder.write(kept, msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n")
            print(f"wrote {files.graph}")
        read = [s for s in used if any(stage.target(s) is not None for stage in self.recipe.stage)]
        path = attribution_path(outputs[0].graph, self.args.output_dir if self.args.cascade else None)
        write_file(path, format_attribution(self.recipe.name, fitted.backbone.weights, read))
        graphs = tuple(str(files.graph.absolute()) for files in outputs)
        self.run_folder.update(graphs=graphs, pictures=len(used))
        graph, labels = outputs[0].graph, outputs[0].labels
        if self.args.cascade:
            path = self.args.output_dir / CASCADE_NAME
            text = format_cascade(recipe, GRAPH_NAME, chosen.temperatures, chosen.risk)
            write_file(path, text.encode())
            print(f"wrote {path}")
            write_record(self.args.output_dir, chosen)
            graph = path
        named = "" if self.args.cascade or not self.args.output_labels else f" --labels {labels}"
        pictures = self.args.image_dir[0]
        print(f"next: converter convert --quantize {graph}{named} --calibration {pictures} --out BUNDLE")


def _select(part: Sequence[Sample], rows: dict[Path, int]) -> np.ndarray:
    mask = np.zeros(len(rows), bool)
    mask[[rows[sample.path] for sample in part]] = True
    return mask


def _report_test(
    judged: Sequence[tuple[StageFigures, list[Mistake]]], recipe: CascadeRecipe, args: argparse.Namespace
) -> dict[str, float]:
    """Print the accuracy of each stage on the test pictures and return it by stage."""
    for figures, mistakes in judged:
        print(
            f"{figures.stage}: test accuracy {figures.right:.1%} on {counted(figures.pictures, 'picture')} of"
            f" {counted(figures.groups, 'group')}"
        )
        if args.print_misclassified_test_images:
            for mistake in mistakes[:_MISCLASSIFIED_SHOWN]:
                print(f"  {mistake.sample.path}  {mistake.predicted}")
    if judged:
        print("a group is one specimen or series; no group is in training and in the test")
    accuracies = {figures.stage: figures.right for figures, _ in judged}
    if untested := [stage.name for stage in recipe.stage if stage.name not in accuracies]:
        print(
            f"{', '.join(untested)}: no test picture, so the accuracy is not known; give a larger"
            " --testing_percentage, or --cross_validate 3"
        )
    return accuracies


def _make_summary_writer(folder: Path | None) -> Callable[[Validation], None]:
    """Return a function that writes validations for TensorBoard; without a folder it does nothing."""
    if folder is None:
        return lambda _validation: None
    tf = tensorflow()

    writer = tf.summary.create_file_writer(str(folder))
    # tf.summary.scalar needs TensorBoard; this is what it writes.
    scalar = tf.compat.v1.SummaryMetadata()
    scalar.plugin_data.plugin_name = "scalars"

    def write(found: Validation) -> None:
        values = {"loss/training": found.training_loss, "loss/validation": found.validation_loss}
        values |= {f"accuracy/{name}": value for name, value in found.accuracies.items()}
        with writer.as_default(step=found.step):
            for tag, value in values.items():
                tf.summary.write(tag, tf.constant(value, tf.float32), metadata=scalar)
        writer.flush()

    return write
