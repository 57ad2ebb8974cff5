"""What is known of a picture -> the label that a stage ought to give it, or nothing where it is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.data.dataset import CORRODED, FOLDER_COLUMN, METAL
from converter.graphs.label_names import material_named

if TYPE_CHECKING:
    from converter.data.dataset import Sample
    from edge_node.inference.manifest import Cascade, Meaning, Stage

UNKNOWN = -1


def stage_truth(cascade: Cascade, stage: Stage, sample: Sample) -> int:
    """Return the index of the label that a stage ought to give, or ``UNKNOWN``.

    A sample counts only where the stages before would rightly have sent it here: a steel stage is not judged
    on aluminium.
    """
    if folder := sample.labels.get(FOLDER_COLUMN):
        return stage.labels.index(folder) if folder in stage.labels else UNKNOWN
    if not _leads_to(cascade, stage.name, sample):
        return UNKNOWN
    fitting = [at for at, label in enumerate(stage.labels) if _fits(stage.meanings.get(label), sample)]
    return fitting[0] if len(fitting) == 1 else UNKNOWN


def corroded_truth(sample: Sample) -> bool | None:
    """Return whether a sample is corroded, or None where that is not known."""
    value = sample.labels.get("corroded") or sample.labels.get(FOLDER_COLUMN)
    if value not in {CORRODED, "uncorroded"}:
        return None
    return value == CORRODED


def _leads_to(cascade: Cascade, name: str, sample: Sample) -> bool:
    """Return whether right answers lead a sample from the root to the stage called ``name``."""
    if name == cascade.root:
        return True
    for stage in cascade.stages:
        labels = [label for label, target in stage.routes.items() if target == name]
        if any(_fits(stage.meanings.get(label), sample) for label in labels):
            return _leads_to(cascade, stage.name, sample)
    return False


def _fits(meaning: Meaning | None, sample: Sample) -> bool:
    """Return whether a sample is known to be what a label means; a label without meaning fits nothing."""
    if meaning is None:
        return False
    known = sample.labels
    material = known.get("material")
    claims = [
        (meaning.material, None if material is None else material_named(material)),
        (meaning.severity, known.get("severity")),
        (meaning.form, known.get("form")),
        (_word(meaning.corroded), _word_of(known.get("corroded"), CORRODED)),
        (_word(meaning.metal), _word_of(known.get("metal"), METAL)),
    ]
    made = [(claim, truth) for claim, truth in claims if claim is not None]
    return bool(made) and all(claim == truth for claim, truth in made)


def _word(value: bool | None) -> str | None:
    return None if value is None else str(value)


def _word_of(value: str | None, yes: str) -> str | None:
    return None if value is None else str(value == yes)
