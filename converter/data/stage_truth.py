"""Map a labelled sample to the label that a stage should predict, or to ``UNKNOWN``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from converter.data.dataset import CORRODED, FOLDER_COLUMN, METAL, OTHER, UNCORRODED
from converter.graphs.label_meanings import derive_meanings, normalise_material

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.data.dataset import Sample
    from edge_node.inference.manifest import Cascade, Meaning, Stage

UNKNOWN = -1  # index of a label that is not known


def find_stage_truth(cascade: Cascade, stage: Stage, sample: Sample) -> int:
    """Return the index of the label that a stage should predict, or ``UNKNOWN``.

    It is known only where right predictions of the earlier stages lead to this one: a steel stage is not
    tested on aluminium.
    """
    if folder := sample.labels.get(FOLDER_COLUMN):
        return stage.labels.index(folder) if folder in stage.labels else UNKNOWN
    if not _leads_to(cascade, stage.name, sample):
        return UNKNOWN
    fitting = [at for at, label in enumerate(stage.labels) if _fits(stage.meanings.get(label), sample)]
    return fitting[0] if len(fitting) == 1 else UNKNOWN


def read_corroded(sample: Sample) -> bool | None:
    """Return whether a sample is corroded, or None if that is not known."""
    value = sample.labels.get("corroded") or sample.labels.get(FOLDER_COLUMN)
    if value not in {CORRODED, UNCORRODED}:
        return None
    return value == CORRODED


def with_meanings(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return the samples with labels read from folder names: *corroded steel* is steel, and corroded."""
    names = sorted({sample.labels.get(FOLDER_COLUMN, "") for sample in samples} - {""})
    columns = {name: _columns(meaning) for name, meaning in derive_meanings(names).items()}
    return tuple(
        replace(sample, labels={**columns.get(sample.labels.get(FOLDER_COLUMN, ""), {}), **sample.labels})
        for sample in samples
    )


def _leads_to(cascade: Cascade, name: str, sample: Sample) -> bool:
    """Return whether right predictions lead a sample from the root to the stage called ``name``."""
    if name == cascade.root:
        return True
    for stage in cascade.stages:
        labels = [label for label, target in stage.routes.items() if target == name]
        if any(_fits(stage.meanings.get(label), sample) for label in labels):
            return _leads_to(cascade, stage.name, sample)
    return False


def _fits(meaning: Meaning | None, sample: Sample) -> bool:
    """Return whether a sample is known to be all that a label means; False for labels without a meaning."""
    if meaning is None:
        return False
    known = sample.labels
    material = known.get("material")
    claims: list[tuple[str | bool | None, str | bool | None]] = [
        (meaning.material, None if material is None else normalise_material(material)),
        (meaning.severity, known.get("severity")),
        (meaning.form, known.get("form")),
        (meaning.corroded, _equals(known.get("corroded"), CORRODED)),
        (meaning.metal, _equals(known.get("metal"), METAL)),
    ]
    made = [(claim, truth) for claim, truth in claims if claim is not None]
    return bool(made) and all(claim == truth for claim, truth in made)


def _equals(value: str | None, expected: str) -> bool | None:
    return None if value is None else value == expected


def _columns(meaning: Meaning) -> dict[str, str]:
    """Return the columns of ``labels.csv`` that a meaning fills."""
    condition = None if meaning.corroded is None else CORRODED if meaning.corroded else UNCORRODED
    found = {
        "material": meaning.material,
        "corroded": condition,
        "severity": meaning.severity,
        "form": meaning.form,
        "metal": OTHER if meaning.metal is False else METAL,
    }
    return {column: value for column, value in found.items() if value is not None}
