"""Measure how a bundle's answers fall when pictures get worse, through the node's own path and its checks.

Each picture of a sample is judged under each of ``CONDITIONS``. A picture that the node refuses before its
models run, because it is too dark or has no colour, counts as refused: neither right nor wrong.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from converter.camera_conditions import CONDITIONS, GREY, UNCHANGED, reduce_to_camera
from converter.evaluation.colourless import ColourCost, measure_grey
from converter.evaluation.metrics import percent
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds, has_colour
from edge_node.inspection.inspector import Inspector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from converter.data.dataset import Sample
    from converter.evaluation.questions import Question
    from edge_node.inference.bundle import Bundle
    from edge_node.messages.verdict import Decision

    Decisions: TypeAlias = Mapping[str, Sequence[Decision]]

DEFAULT_PICTURES = 300


class StressRow(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to one question under one condition.

    Attributes:
        right: share of all pictures; an abstention and a refusal are not right.
        fall_points: percentage points of ``right`` lost against the pictures as they are.
        abstained: share whose models ran and gave no answer.
        not_metal: share that the models call no metal, where that is no answer to the question.
        refused: share that the node refuses before its models run.
        reasons: refused pictures by the code of the reason.
        wrong_of_decided: share of wrong answers among the answers; NaN without any.
        found: share of the positive class that is found; NaN where the question has none.
    """

    condition: str
    right: float
    fall_points: float
    abstained: float
    not_metal: float
    refused: float
    reasons: dict[str, int]
    wrong_of_decided: float
    found: float


class StressTable(msgspec.Struct, frozen=True, kw_only=True):
    """One question under every condition.

    Attributes:
        pictures: whose answer is known.
        positive: the class that ``found`` is about, or None.
    """

    question: str
    pictures: int
    positive: str | None
    rows: tuple[StressRow, ...]

    @property
    def bars(self) -> list[tuple[str, float, float]]:
        """Condition, share of right answers and share without an answer, for a plot."""
        return [(row.condition, row.right, row.abstained + row.not_metal + row.refused) for row in self.rows]


class StressFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a stress evaluation; ``stress`` in the JSON of ``--json``.

    Attributes:
        pictures: in the sample.
        of: that it was drawn from.
        seed: of the draws of pictures, noise and directions.
        tables: one for each question.
        grey: what the loss of colour costs; None where no question is about corrosion.
    """

    pictures: int
    of: int
    seed: int
    tables: tuple[StressTable, ...]
    grey: ColourCost | None


@dataclass(frozen=True, slots=True)
class StressSample:
    """The pictures of a stress evaluation.

    Attributes:
        samples: the pictures.
        of: pictures that they were drawn from.
        seed: of the draw, and of noise and directions.
    """

    samples: tuple[Sample, ...]
    of: int
    seed: int = 0

    @property
    def judgements(self) -> int:
        """How often a picture is judged in all."""
        return len(self.samples) * len(CONDITIONS)


def draw_stress_sample(
    samples: Sequence[Sample], asked: Sequence[Question], pictures: int, seed: int = 0
) -> StressSample:
    """Draw pictures whose answer to any question is known, each source and each answer by its share.

    Args:
        samples: all pictures.
        asked: the questions.
        pictures: how many; all if there are fewer.
        seed: of the draw.
    """
    known = [sample for sample in samples if any(question.truth(sample) for question in asked)]
    order = np.random.default_rng(seed).permutation(len(known))
    drawn = [known[index] for index in order]
    drawn.sort(key=lambda one: (one.set_name, one.source, *(question.truth(one) or "" for question in asked)))
    # Evenly along the sorted list: each stratum gets its share, to within one picture.
    count = min(pictures, len(drawn))
    chosen = tuple(drawn[int((at + 0.5) * len(drawn) / count)] for at in range(count))
    return StressSample(chosen, len(samples), seed)


def stress(
    bundle: Bundle,
    drawn: StressSample,
    asked: Sequence[Question],
    progress: Callable[[int], None] = lambda _done: None,
) -> StressFigures:
    """Judge every picture under every condition as the node does, and count.

    Args:
        bundle: it runs in the node's own inspector with the thresholds of a new configuration.
        drawn: the pictures.
        asked: the questions; those that repeat another are left out.
        progress: called with 1 after each picture under each condition.

    Raises:
        DatasetError: a picture cannot be read.
    """
    asked = [question for question in asked if not question.part_of]
    inspectors = _Inspectors(bundle)
    answers: dict[str, list[Decision]] = {condition.name: [] for condition in CONDITIONS}
    coloured: list[tuple[Sample, Decision, Decision]] = []
    for sample in drawn.samples:
        pixels = reduce_to_camera(sample.read())
        content = int(sample.sha256[:16], 16)
        for number, condition in enumerate(CONDITIONS):
            changed = condition.worsen(pixels, np.random.default_rng([drawn.seed, number, content]))
            decision = inspectors.node.inspect(changed).decision
            answers[condition.name].append(decision)
            if condition.name == GREY and not is_refused(answers[UNCHANGED][-1]) and has_colour(pixels):
                grey = inspectors.blind.inspect(changed).decision
                coloured.append((sample, answers[UNCHANGED][-1], grey))
            progress(1)
    tables = (_tabulate(question, drawn.samples, answers) for question in asked)
    return StressFigures(
        pictures=len(drawn.samples),
        of=drawn.of,
        seed=drawn.seed,
        tables=tuple(table for table in tables if table is not None),
        grey=measure_grey(asked, coloured, claimed=inspectors.judges_grey),
    )


def tabulate_stress(table: StressTable) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of one question's table, as text."""
    heads = ["pictures", "right", "points lost", "no answer", "no metal", "refused", "wrong of decided"]
    rows = [
        [
            row.condition,
            percent(row.right),
            f"{row.fall_points:.1f}",
            percent(row.abstained),
            percent(row.not_metal) if row.not_metal else "-",  # most cascades cannot say so
            *(percent(share) for share in (row.refused, row.wrong_of_decided)),
            *([percent(row.found)] if table.positive else []),
        ]
        for row in table.rows
    ]
    return [*heads, *([f"{table.positive} found"] if table.positive else [])], rows


def is_refused(decision: Decision) -> bool:
    """Return whether the node refused a picture before its models ran."""
    return bool(decision.reasons) and not decision.stages


class _Inspectors:
    """The node's inspector, and one that judges pictures without colour whatever the manifest says."""

    def __init__(self, bundle: Bundle) -> None:
        """Load the models."""
        claims = msgspec.structs.replace(bundle.manifest, colourless="measured")
        self.node = Inspector(Engine(bundle), thresholds=Thresholds())
        self.blind = self.node
        self.judges_grey = bundle.manifest.colourless == "measured"
        if not self.judges_grey:
            claiming = msgspec.structs.replace(bundle, manifest=claims)
            self.blind = Inspector(Engine(claiming), thresholds=Thresholds())


def _tabulate(question: Question, samples: Sequence[Sample], answers: Decisions) -> StressTable | None:
    """Return one question's table; None where no picture has an answer to it."""
    known = [index for index, sample in enumerate(samples) if question.truth(sample) is not None]
    if not known:
        return None
    truth = [question.truth(samples[index]) or "" for index in known]
    rows = list[StressRow]()
    for condition, decisions in answers.items():
        row = _count(question, condition, truth, [decisions[index] for index in known])
        fall = 100 * (rows[0].right - row.right) if rows else 0.0
        rows.append(msgspec.structs.replace(row, fall_points=fall))
    return StressTable(
        question=question.name, pictures=len(known), positive=question.positive, rows=tuple(rows)
    )


def _count(
    question: Question, condition: str, truth: Sequence[str], decisions: Sequence[Decision]
) -> StressRow:
    refused = np.array([is_refused(decision) for decision in decisions])
    said = [None if is_refused(decision) else question.predicted(decision) for decision in decisions]
    decided = np.array([answer is not None for answer in said])
    not_metal = np.array([any(why.code == "not_metal" for why in one.reasons) for one in decisions])
    right = np.array([a == b for a, b in zip(truth, said, strict=True)])
    positive = np.array([label == question.positive for label in truth])
    reasons = Counter(
        reason.code for decision in decisions if is_refused(decision) for reason in decision.reasons
    )
    return StressRow(
        condition=condition,
        right=float(right.mean()),
        fall_points=0.0,
        abstained=float((~decided & ~refused & ~not_metal).mean()),
        not_metal=float((~decided & not_metal).mean()),
        refused=float(refused.mean()),
        reasons=dict(sorted(reasons.items())),
        wrong_of_decided=_share(~right[decided]),
        found=_share(right[positive]),
    )


def _share(true: np.ndarray) -> float:
    return float(true.mean()) if len(true) else float("nan")
