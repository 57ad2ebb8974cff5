"""Judge with each quantized member of an averaged network the pictures of the sources that it left out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from converter.architectures.backbones import GraphRecord
from converter.conversion.bundle_maker import BundleMaker
from converter.conversion.order import ConversionInputs, ConversionOrder
from converter.data.calibration_pictures import Calibration, StoredPictures
from converter.evaluation.float_agreement import run_model
from converter.graphs.cascade_file import read_cascade
from converter.graphs.fuse import fuse
from converter.graphs.trained_graph import load_graph
from converter.output_paths import write_file
from converter.quantize.conversion_process import ConversionProcess
from converter.quantize.request import Mode
from converter.risk.choice import LeftOutAnswers
from converter.training.recipe import format_cascade
from converter.training.retrained_graph import GRAPH_NAME, OutputFiles, Retrained, write_retrained
from converter.training.retraining import load_member
from converter.training.steps.checkpoint import read_arrays, write_arrays
from converter.work_folder import work_folder
from edge_node.inference.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.progress import BeginStep
    from converter.training.retraining import PreparedTraining, RetrainedNetwork
    from converter.training.side_by_side import TrainedMember
    from converter.training.steps.training_data import Member
    from edge_node.inference.bundle import Bundle

_CALIBRATION_PICTURES = 200
_THREADS = 2  # for judging; nothing is timed there


def judge_left_out(
    prepared: PreparedTraining, fitted: RetrainedNetwork, begin: BeginStep, work: Path | None
) -> LeftOutAnswers:
    """Quantize each member as ``convert`` does, and run it on its left-out pictures by the node's engine.

    Args:
        prepared: all pictures.
        fitted: the averaged network, with its members.
        begin: shows a step.
        work: folder in which answers are kept, so that a killed training can go on; None keeps none.

    Raises:
        CorrosionError: a member cannot be converted, or a picture cannot be read.
    """
    without = prepared.recipe.risk.without_sets if prepared.recipe.risk else ()
    counts = np.array([sample.set_name not in without for sample in prepared.samples])
    judged = [
        (number, member, trained, np.flatnonzero(member.left_out & counts))
        for number, (member, trained) in enumerate(zip(fitted.members, fitted.trained, strict=True))
        if (member.left_out & counts).any()
    ]
    advance = begin("judging left-out pictures", sum(len(rows) for *_, rows in judged) + 1)
    stages = [stage.name for stage in prepared.recipe.stage]
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in stages}
    for _, member, trained, rows in judged:
        kept = work / f"judged-{_hash(trained, rows)}.npz" if work else None
        logits = read_arrays(kept) if kept else None
        if logits is None:
            with work_folder() as folder:
                bundle = _quantize(prepared, member, trained, folder, begin)
                logits = _run(bundle, prepared, rows, advance)
            if kept:
                write_arrays(kept, logits)
        else:
            advance(len(rows))
        for name in stages:
            found[name].append(logits[name])
    advance()
    every = np.concatenate([rows for *_, rows in judged])
    return LeftOutAnswers(
        samples=tuple(prepared.samples[at] for at in every),
        members=np.concatenate([np.full(len(rows), number) for number, *_, rows in judged]),
        logits={name: np.concatenate(parts) for name, parts in found.items()},
        truth={one.name: one.targets[every] for one in prepared.questions if one.on_pictures},
    )


def _run(
    bundle: Bundle, prepared: PreparedTraining, rows: NDArray[np.intp], advance: Callable[[], None]
) -> dict[str, NDArray[np.float64]]:
    pictures = (prepared.samples[at].read() for at in rows)
    return run_model(Engine(bundle, threads=_THREADS), pictures, advance).logits


def _quantize(
    prepared: PreparedTraining, member: Member, trained: TrainedMember, folder: Path, begin: BeginStep
) -> Bundle:
    """Return one member as a bundle of int8 models."""
    graphs = folder / "graphs"
    _write_graphs(prepared, trained, graphs)
    plan = read_cascade(graphs / "CASCADE.toml")
    order = ConversionOrder(plan=plan, out=folder / "bundle", mode=Mode.INT8)
    loaded = {one.stage.name: load_graph(one.graph, one.flags) for one in plan.stages}
    inputs = ConversionInputs(_choose_calibration(prepared, member), loaded, fuse(loaded, share=True))
    made = folder / "made"
    made.mkdir()
    with ConversionProcess(folder) as process:
        return BundleMaker(order, inputs, begin, process, made).make(Mode.INT8)


def _write_graphs(prepared: PreparedTraining, trained: TrainedMember, graphs: Path) -> None:
    """Write a member's graphs and the file of their cascade."""
    recipe = prepared.recipe
    backbone, definition = load_member(recipe, trained)
    for stage, head in zip(recipe.stage, trained.heads, strict=True):
        record = GraphRecord(
            architecture=backbone.architecture,
            weights_sha256=backbone.weights_sha256,
            input=backbone.input,
            labels=head.question.labels,
            final_tensor="final_result",
            map_trained=head.question.corroded is not None and prepared.masks is not None,
        )
        files = OutputFiles.of(graphs / stage.name / GRAPH_NAME)
        write_retrained(files, Retrained(definition, head, 1.0, record))
    write_file(graphs / "CASCADE.toml", format_cascade(recipe, GRAPH_NAME).encode())


def _choose_calibration(prepared: PreparedTraining, member: Member) -> Calibration:
    """Draw pictures as the member's training does."""
    weights = member.data.weights
    count = min(_CALIBRATION_PICTURES, int(np.count_nonzero(weights)))
    draws = np.random.default_rng(member.settings.seed)
    rows = draws.choice(len(weights), count, replace=False, p=weights / weights.sum())
    samples = [prepared.samples[at] for at in rows]
    digests = "".join(sorted(sample.sha256 for sample in samples))
    paths = tuple(sample.path for sample in samples)
    return Calibration(
        paths=paths,
        pixels=StoredPictures(paths),
        sha256=hashlib.sha256(digests.encode()).hexdigest(),
        seed=member.settings.seed,
        set_name="training",
    )


def _hash(trained: TrainedMember, rows: NDArray[np.intp]) -> str:
    digest = hashlib.sha256(rows.tobytes())
    for values in (
        *trained.upper,
        *(array for head in trained.heads for array in (head.weights, head.biases)),
    ):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:24]
