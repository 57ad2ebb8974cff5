"""Choose thresholds for the risk that a recipe states, print what was measured, and keep it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from converter.output_paths import write_file
from edge_node.inference.stated_risk import StatedRisk, describe_risk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from converter.progress import BeginStep
    from converter.risk.record import LeftOutRecord
    from converter.runs.run_folder import RunFolder
    from converter.training.allowed_rows import LicenceRow
    from converter.training.recipe import CascadeRecipe
    from converter.training.retraining import PreparedTraining, RetrainedNetwork

LEFT_OUT_NAME, ANSWERS_NAME = "left_out.json", "left_out.npz"


@dataclass(frozen=True, slots=True)
class FittedRecipe:
    """A recipe's stages as they are written.

    Attributes:
        recipe: with the chosen thresholds, without the stages that are left out.
        temperatures: of stages that have one of their own, which their graphs do not contain.
        risk: what was measured; None without ``[risk]``.
        record: the content of ``left_out.json``; empty without ``[risk]``.
    """

    recipe: CascadeRecipe
    temperatures: Mapping[str, float] = field(default_factory=dict)
    risk: StatedRisk | None = None
    record: bytes = b""


def fit_recipe(  # noqa: PLR0913, PLR0917 - the training, and who shows and keeps what
    prepared: PreparedTraining,
    fitted: RetrainedNetwork,
    licences: Sequence[LicenceRow],
    seconds: Mapping[str, float],
    run_folder: RunFolder,
    begin: BeginStep,
    work: Path | None,
) -> FittedRecipe:
    """Choose temperatures and thresholds on what the members left out, if the recipe states a risk.

    Args:
        prepared: all pictures.
        fitted: the averaged network and its members.
        licences: of all rows, for the record.
        seconds: taken by each step so far, for the record.
        run_folder: gets the record.
        begin: shows a step.
        work: folder in which answers are kept.

    Raises:
        CorrosionError: a member cannot be converted, or a picture cannot be read.
    """
    recipe = prepared.recipe
    if recipe.risk is None:
        return FittedRecipe(recipe)
    from converter.risk.choice import choose_thresholds
    from converter.risk.kept_answers import write_answers
    from converter.risk.left_out import judge_left_out
    from converter.risk.record import apply_thresholds, list_stages, make_record

    answers = judge_left_out(prepared, fitted, begin, work)
    write_answers(run_folder.path / ANSWERS_NAME, answers)
    least = {
        stage.name: stage.drop_unless_coverage
        for stage in recipe.stage
        if stage.drop_unless_coverage is not None
    }
    chosen = choose_thresholds(answers, list_stages(recipe), recipe.risk.wrong_share, least)
    for line in describe_risk(chosen.risk):
        print(line)
    record = make_record(recipe, answers, chosen, licences, seconds)
    run_folder.write(LEFT_OUT_NAME, _encode(record))
    # Beside the graphs without times: the same seed gives the same bytes.
    content = _encode(msgspec.structs.replace(record, seconds={}))
    temperatures = {name: sure.temperature for name, sure in chosen.stages.items()}
    return FittedRecipe(apply_thresholds(recipe, chosen), temperatures, chosen.risk, content)


def _encode(record: LeftOutRecord) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def write_record(folder: Path, fitted: FittedRecipe) -> None:
    """Write the record beside the graphs, where there is one."""
    if fitted.record:
        write_file(folder / LEFT_OUT_NAME, fitted.record)
        print(f"wrote {folder / LEFT_OUT_NAME}")
