"""The outcome of a conversion, put together in this process: its real graph, bundle and pictures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import cv2
import msgspec
import numpy as np

from converter.conversion.measurements import measure_stages
from converter.conversion.order import ConversionOrder, ConversionOutcome, ModeCost
from converter.data.calibration_pictures import load_calibration
from converter.evaluation.accuracy_budget import measure_drops
from converter.evaluation.float_agreement import StageLogits, compare, run_model
from converter.evaluation.labelled_set import load_labelled
from converter.graphs.cascade_file import plan_single_graph
from converter.graphs.fuse import fuse
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from converter.quantize.request import ConversionResult, Mode
from edge_node.inference.bundle import with_manifest
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import Measured
from tests.support.entry_graphs import body, colours, float_bundle, written

if TYPE_CHECKING:
    from pathlib import Path

    from converter.conversion.report import Report

LABELS = ("corroded", "uncorroded")
PICTURES = 60


def make_outcome(folder: Path, labels: tuple[str, ...] = LABELS) -> ConversionOutcome:
    """Return the outcome of one graph in "int8" on labelled pictures, 3 of which the two models answer apart.

    The int8 model is the float one; what it says of those pictures is turned round.
    """
    graph_file = written(folder / "graph", lambda: body(colours() / 255.0, labels=len(labels)), labels)
    bundle = float_bundle(graph_file, folder / "work")
    plan = plan_single_graph(graph_file, None, GraphFlags())
    graphs = {plan.root: load_graph(graph_file)}
    pictures = write_pictures(folder / "pictures", labels)
    labelled = load_labelled(pictures, bundle.manifest.cascade)
    answers = run_model(Engine(bundle), labelled.pictures(), lambda _parts=1.0: None)
    (logits,) = answers.logits.values()
    turned = logits.copy()
    turned[[5, 20, 40]] = np.roll(turned[[5, 20, 40]], 1, axis=1)
    candidate = StageLogits({plan.root: turned}, answers.saturated)
    cascade = bundle.manifest.cascade
    order = ConversionOrder(plan, folder / "bundle", Mode.INT8, calibration=pictures, evaluate=pictures)
    compared = compare(cascade.stages, answers, candidate)
    drops = measure_drops(labelled, cascade, answers, candidate)
    measured = Measured(
        set="pictures", pictures=PICTURES, stages=measure_stages(bundle, bundle, compared, drops)
    )
    bundle = with_manifest(bundle, msgspec.structs.replace(bundle.manifest, measured=measured))
    size, taken = len(bundle.models["model.tflite"]), ConversionResult(seconds=2.0, peak_memory_mb=800.0)
    return ConversionOutcome(
        order=order,
        bundle=bundle,
        reference=bundle,
        fused=fuse(graphs),
        graphs=graphs,
        calibration=load_calibration(pictures, PICTURES, 0),
        comparisons=compared,
        labelled=labelled,
        answers=candidate,
        drops=drops,
        mode_costs=tuple(ModeCost(mode, size, 2.0, taken) for mode in (Mode.NONE, Mode.INT8)),
        seconds=5.0,
        peak_memory_mb=(900.0, 800.0),
    )


def write_pictures(folder: Path, labels: tuple[str, ...]) -> Path:
    """Write pictures in a folder for each label."""
    rng = np.random.default_rng(3)
    for at in range(PICTURES):
        path = folder / labels[at % len(labels)]
        path.mkdir(parents=True, exist_ok=True)
        coarse = rng.uniform(0, 255, (6, 6, 3)) * rng.uniform(0.2, 1, 3)
        cv2.imwrite(str(path / f"{at:02}.png"), np.kron(coarse, np.ones((4, 4, 1))).astype(np.uint8))
    return folder


def with_changes(outcome: ConversionOutcome, **changes: Any) -> ConversionOutcome:
    """Return the outcome with other fields, of its order too."""
    of_order = {field.name for field in dataclasses.fields(outcome.order)}
    order = {name: changes.pop(name) for name in list(changes) if name in of_order}
    return dataclasses.replace(outcome, order=dataclasses.replace(outcome.order, **order), **changes)


def rename_labels(report: Report, labels: tuple[str, ...]) -> Report:
    """Return a report whose only stage has other labels, with a picture of each confused with the next."""
    (stage,) = report.stages
    count = len(labels)
    counts = np.eye(count, dtype=int) * 9 + np.roll(np.eye(count, dtype=int), 1, axis=1)
    named = msgspec.structs.replace(
        stage, labels=labels, confusion=tuple(tuple(map(int, row)) for row in counts)
    )
    return msgspec.structs.replace(report, stages=(named,))
