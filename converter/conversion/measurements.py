"""Measure bundles: time of an inference, size of each stage's model, figures for the manifest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from converter.evaluation.confidence_fit import with_fit
from edge_node.inference.bundle import with_manifest
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import Measured, StageMeasure
from edge_node.inference.preprocess import input_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.evaluation.accuracy_budget import Attempt, Drop
    from converter.evaluation.confidence_fit import StageFit
    from converter.evaluation.float_agreement import StageComparison
    from edge_node.inference.bundle import Bundle

_TIMED_RUNS = 15


def time_inference(bundle: Bundle) -> float:
    """Return the least time in ms that all models of a bundle take for one picture, on one thread.

    Preprocessing is left out. The least of several runs is what the machine can do; the others include what
    else it was doing.
    """
    engine, manifest = Engine(bundle), bundle.manifest
    picture = bundle.golden.pictures[0]
    tensors = {model.file: input_tensor(picture, model.input) for model in manifest.models}
    times = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        for file, tensor in tensors.items():
            engine.outputs(file, tensor)
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def sum_model_bytes(bundle: Bundle) -> int:
    """Return the size of all models of a bundle."""
    return sum(model.size_bytes for model in bundle.manifest.models)


def measure_stage_bytes(bundle: Bundle) -> dict[str, int]:
    """Return per stage the size of the model file that computes it."""
    manifest = bundle.manifest
    return {stage.name: manifest.model(stage.model).size_bytes for stage in manifest.cascade.stages}


def measure_stages(
    reference: Bundle, bundle: Bundle, comparisons: Sequence[StageComparison], drops: Sequence[Drop]
) -> tuple[StageMeasure, ...]:
    """Return the manifest's figures of each stage: agreement with float, sizes and accuracies.

    Args:
        reference: the float models.
        bundle: the quantized models.
        comparisons: one per stage.
        drops: accuracies of the stages that have labelled pictures.
    """
    float_bytes, quantized_bytes = measure_stage_bytes(reference), measure_stage_bytes(bundle)
    scores = {drop.name: drop for drop in drops}
    return tuple(
        StageMeasure(
            stage=name,
            agreement=comparison.agreement,
            worst_probability_difference=comparison.worst_difference,
            float_bytes=float_bytes[name],
            quantized_bytes=quantized_bytes[name],
            float_accuracy=scores[name].reference.accuracy if name in scores else None,
            quantized_accuracy=scores[name].candidate.accuracy if name in scores else None,
            labelled_pictures=scores[name].reference.pictures if name in scores else 0,
        )
        for comparison in comparisons
        for name in [comparison.stage.name]
    )


def record_figures(attempt: Attempt, source: Bundle, fits: dict[str, StageFit], pictures: str) -> Bundle:
    """Return a quantized bundle with what was fitted and measured in its manifest.

    Args:
        attempt: the bundle, and what was compared with ``source``.
        source: the float bundle.
        fits: of the stages' confidences, by stage.
        pictures: name of the set on which all of it was measured.
    """
    manifest = attempt.bundle.manifest
    stages = tuple(with_fit(stage, fits.get(stage.name)) for stage in manifest.cascade.stages)
    notes = tuple(f"kept in float: {layer}" for layer in attempt.float_layers)
    provenance = msgspec.structs.replace(manifest.provenance, notes=(*manifest.provenance.notes, *notes))
    compared = [comparison for comparison in attempt.comparisons if not comparison.kept]
    measured = Measured(
        set=pictures,
        pictures=len(attempt.comparisons[0].reference),
        stages=measure_stages(source, attempt.bundle, compared, attempt.drops),
    )
    changes = {
        "cascade": msgspec.structs.replace(manifest.cascade, stages=stages),
        "measured": measured,
        "provenance": provenance,
    }
    return with_manifest(attempt.bundle, msgspec.structs.replace(manifest, **changes))
