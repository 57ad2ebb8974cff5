"""Put chosen thresholds into a recipe, and keep what a model card says of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.graphs.label_meanings import derive_meanings
from converter.training.allowed_rows import LicenceRow
from edge_node.inference.manifest import Cascade
from edge_node.inference.stated_risk import StatedRisk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converter.risk.choice import ChosenThresholds, LeftOutAnswers
    from converter.training.recipe import CascadeRecipe
    from edge_node.messages.verdict import Outcome


class SourceOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of the pictures of one left-out source, by thresholds that were chosen without it.

    Attributes:
        member: number of the variation that had not seen it, from 1.
        outcomes: true outcome -> said outcome -> pictures.
        stages: right answers of each stage without abstention, and pictures whose answer is known.
    """

    source: str
    member: int
    pictures: int
    outcomes: dict[str, dict[str, int]]
    stages: dict[str, tuple[int, int]]


class ChosenStage(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen values of one stage."""

    stage: str
    temperature: float
    decision_threshold: float
    abstain_below: float


class LeftOutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``left_out.json``.

    Attributes:
        curve: share of wrong among decided pictures and share of decided pictures, for other thresholds.
        seconds: of training and of judging.
    """

    format: int = 1
    seed: int
    variations: tuple[dict[str, object], ...]
    risk: StatedRisk
    curve: tuple[tuple[float, float], ...]
    stages: tuple[ChosenStage, ...]
    left_out_stages: tuple[str, ...]
    sources: tuple[SourceOutcomes, ...]
    licences: tuple[LicenceRow, ...]
    seconds: dict[str, float]


def list_stages(recipe: CascadeRecipe) -> Cascade:
    """Return the stages of a recipe as a manifest has them, without models."""
    stages = tuple(stage.stage(stage.labels, derive_meanings(stage.labels)) for stage in recipe.stage)
    return Cascade(root=recipe.root or recipe.stage[0].name, stages=stages)


def apply_thresholds(recipe: CascadeRecipe, chosen: ChosenThresholds) -> CascadeRecipe:
    """Return the recipe with the chosen thresholds, without the stages that are left out."""
    plain = {stage.name: stage for stage in list_stages(recipe).stages}
    kept = []
    for stage in recipe.stage:
        if stage.name in chosen.left_out:
            continue
        changes: dict[str, object] = {
            "routes": {label: to for label, to in stage.routes.items() if to not in chosen.left_out}
        }
        if stage.name in chosen.stages:
            fitted = chosen.stages[stage.name].apply(plain[stage.name])
            changes["decision_threshold"] = fitted.decision_threshold
            changes["abstain_below"] = fitted.abstain_below
        kept.append(msgspec.structs.replace(stage, **changes))
    return msgspec.structs.replace(recipe, stage=tuple(kept))


def make_record(
    recipe: CascadeRecipe,
    answers: LeftOutAnswers,
    chosen: ChosenThresholds,
    licences: Sequence[LicenceRow],
    seconds: Mapping[str, float],
) -> LeftOutRecord:
    """Return what a model card says of a choice.

    Args:
        recipe: as it was trained.
        answers: of the members.
        chosen: from them.
        licences: of all rows.
        seconds: taken by each step.
    """
    plain = {stage.name: stage for stage in list_stages(recipe).stages}
    stages = []
    for name, sure in chosen.stages.items():
        fitted = sure.apply(plain[name])
        stages.append(
            ChosenStage(
                stage=name,
                temperature=fitted.temperature,
                decision_threshold=fitted.decision_threshold,
                abstain_below=fitted.abstain_below,
            )
        )
    return LeftOutRecord(
        seed=recipe.training.seed,
        variations=tuple(dict(one) for one in recipe.variation),
        risk=chosen.risk,
        curve=chosen.curve,
        stages=tuple(stages),
        left_out_stages=chosen.left_out,
        sources=tuple(_count_sources(answers, chosen)),
        licences=tuple(licences),
        seconds=dict(seconds),
    )


def _count_sources(answers: LeftOutAnswers, chosen: ChosenThresholds) -> list[SourceOutcomes]:
    places = defaultdict[tuple[str, int], list[int]](list)
    for at, sample in enumerate(answers.samples):
        places[sample.source, int(answers.members[at])].append(at)
    truth, found = answers.outcomes, []
    for (source, member), rows in sorted(places.items()):
        said: dict[str, Counter[str]] = defaultdict(Counter)
        for at in rows:
            said[_name(truth[at])][_name(chosen.outcomes[at])] += 1
        found.append(
            SourceOutcomes(
                source=source,
                member=member + 1,
                pictures=len(rows),
                outcomes={true: dict(sorted(counts.items())) for true, counts in sorted(said.items())},
                stages=_count_right(answers, np.array(rows)),
            )
        )
    return found


def _count_right(answers: LeftOutAnswers, rows: np.ndarray) -> dict[str, tuple[int, int]]:
    found = {}
    for name, truth in answers.truth.items():
        known = rows[truth[rows] != UNKNOWN]
        right = answers.logits[name][known].argmax(axis=1) == truth[known]
        if len(known):
            found[name] = (int(right.sum()), len(known))
    return found


def _name(outcome: Outcome | None) -> str:
    return "not known" if outcome is None else outcome.value
