"""Measure what the loss of colour costs a bundle, and write into its manifest whether grey may be judged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import CORRODED
from edge_node.durable_file import replace_file
from edge_node.errors import ConversionError, DatasetError
from edge_node.inference.bundle import MANIFEST_NAME, load_bundle
from edge_node.inference.manifest import encode_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from converter.data.dataset import Sample
    from converter.evaluation.questions import Question
    from edge_node.messages.verdict import Decision

LEAST_PICTURES = 50  # corroded and uncorroded each: of fewer, three points are a picture or two
MAX_FALL_POINTS = 3.0
_NOTE = "colourless: "  # begins the note with the figures; older nodes take notes too


class ColourCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the loss of colour costs, on pictures that have colour and that the node judges.

    Attributes:
        pictures: whose condition is known.
        corroded: those of them that are corroded.
        right_in_colour: share of right answers.
        right_in_grey: the same of the same pictures in grey, judged whatever the manifest says.
        found_in_colour: share of the corroded pictures that are found.
        found_in_grey: the same in grey.
        fall_points: the larger fall of the two, in percentage points.
        may_be_judged: there are enough pictures, and the fall is small: the manifest may claim it.
        claimed: the bundle's manifest said ``colourless: measured`` already.
    """

    pictures: int
    corroded: int
    right_in_colour: float
    right_in_grey: float
    found_in_colour: float
    found_in_grey: float
    fall_points: float
    may_be_judged: bool
    claimed: bool

    @property
    def is_enough(self) -> bool:
        """Whether there are enough pictures to tell."""
        return min(self.corroded, self.pictures - self.corroded) >= LEAST_PICTURES

    @property
    def figures(self) -> str:
        """The figures in words."""
        return (
            f"in grey {_percent(self.right_in_grey)} right, in colour {_percent(self.right_in_colour)};"
            f" corroded found in grey {_percent(self.found_in_grey)}, in colour"
            f" {_percent(self.found_in_colour)}; {self.pictures} pictures, {self.corroded} corroded"
        )

    @property
    def sentence(self) -> str:
        """What follows for pictures without colour, with the figures."""
        if not self.is_enough:
            verdict = f"too few to tell, wanted {LEAST_PICTURES} corroded and {LEAST_PICTURES} uncorroded"
        elif self.may_be_judged:
            verdict = f"costs at most {MAX_FALL_POINTS:g} points: grey pictures may be judged"
        else:
            verdict = f"costs more than {MAX_FALL_POINTS:g} points: grey pictures must be refused"
        return f"{self.figures}: {verdict}"


def measure_grey(
    asked: Sequence[Question], pairs: Sequence[tuple[Sample, Decision, Decision]], *, claimed: bool
) -> ColourCost | None:
    """Compare the decisions about pictures in colour and in grey; None where no question is of corrosion.

    Args:
        asked: the questions; the first about corrosion counts.
        pairs: each picture with its decision in colour and in grey.
        claimed: the bundle's manifest says ``colourless: measured``.
    """
    question = next((one for one in asked if one.positive == CORRODED), None)
    if question is None:
        return None
    known = [pair for pair in pairs if question.truth(pair[0]) is not None]
    corroded = np.array([question.truth(sample) == CORRODED for sample, _, _ in known], bool)
    right = np.array(
        [
            [question.predicted(decision) == question.truth(sample) for decision in decisions]
            for sample, *decisions in known
        ],
        bool,
    ).reshape(-1, 2)
    (right_in_colour, right_in_grey), (found_in_colour, found_in_grey) = (
        (_share(rows[:, 0]), _share(rows[:, 1])) for rows in (right, right[corroded])
    )
    falls = (right_in_colour - right_in_grey, found_in_colour - found_in_grey)
    fall_points = round(100 * max(0.0, *falls), 6)
    cost = ColourCost(
        pictures=len(known),
        corroded=int(corroded.sum()),
        right_in_colour=right_in_colour,
        right_in_grey=right_in_grey,
        found_in_colour=found_in_colour,
        found_in_grey=found_in_grey,
        fall_points=fall_points,
        may_be_judged=False,
        claimed=claimed,
    )
    may_be_judged = cost.is_enough and fall_points <= MAX_FALL_POINTS
    return msgspec.structs.replace(cost, may_be_judged=may_be_judged)


def claim_colourless(folder: Path, cost: ColourCost) -> None:
    """Write into a bundle's manifest whether grey pictures may be judged, and the figures as a note.

    The claim is set where ``cost`` allows it and removed where it does not. Pack and sign afterwards: the
    manifest's hash is another one.

    Args:
        folder: the bundle.
        cost: measured on pictures that training did not see.

    Raises:
        DatasetError: there were too few pictures to tell; nothing is written.
        BundleError: the bundle is not whole.
        ConversionError: it cannot be written.
    """
    if not cost.is_enough:
        raise DatasetError(f"{folder / MANIFEST_NAME}: not changed: {cost.sentence}")
    manifest = load_bundle(folder).manifest
    notes = [note for note in manifest.provenance.notes if not note.startswith(_NOTE)]
    changed = msgspec.structs.replace(
        manifest,
        colourless="measured" if cost.may_be_judged else msgspec.UNSET,
        provenance=msgspec.structs.replace(manifest.provenance, notes=(*notes, f"{_NOTE}{cost.sentence}")),
    )
    try:
        replace_file(folder / MANIFEST_NAME, [encode_manifest(changed)], mode=0o644)
    except OSError as err:
        raise ConversionError(f"{folder / MANIFEST_NAME}: {err.strerror or err}") from err


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"


def _share(true: np.ndarray) -> float:
    return float(true.mean()) if len(true) else math.nan
