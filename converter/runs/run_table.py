"""List the run folders below a folder, and format them as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from converter.runs.run_folder import is_going_on
from converter.runs.run_record import RECORD_NAME, RunRecord, read_run
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from converter.runs.run_record import StageFigures

HEADINGS = ("run", "began (UTC)", "recipe", "steps", "pictures", "accuracy", "graph")


def list_runs(folder: Path) -> list[RunRecord]:
    """Return the records of all runs below a folder, or of the run in it, the oldest first.

    A record that cannot be read counts as a failed run whose problem says so; one that says ``running`` while
    its process is gone is ``interrupted``.

    Raises:
        DatasetError: there is no such folder.
    """
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: no such folder; `converter retrain` makes it in the folder where it is run"
        )
    is_run = (folder / RECORD_NAME).exists()
    folders = [folder] if is_run else [path.parent for path in folder.glob(f"*/{RECORD_NAME}")]
    return sorted(map(_read, folders), key=lambda record: (record.started_at, record.name))


def format_rows(runs: Sequence[RunRecord]) -> list[tuple[str, ...]]:
    """Return the cells of the table: a row a run, and further rows for further stages."""
    rows: list[tuple[str, ...]] = []
    for run in runs:
        first, *more = list(_pair_figures(run)) or [("", "")]
        steps = str(run.steps_done) if run.steps_done == run.steps else f"{run.steps_done} of {run.steps}"
        recipe = ", ".join(filter(None, (run.recipe, run.architecture)))
        began = run.started_at.replace("T", " ")[:16]
        accuracy = (
            first[0] if run.state == "finished" else "; ".join(filter(None, (_tell_state(run), first[0])))
        )
        rows.append((run.name, began, recipe, steps, str(run.pictures or ""), accuracy, first[1]))
        rows += [("", "", "", "", "", *pair) for pair in more]
    return rows


def _read(folder: Path) -> RunRecord:
    try:
        run = read_run(folder)
    except DatasetError as err:
        return RunRecord(name=folder.name, state="failed", started_at="", problem=str(err))
    if run.state == "running" and not is_going_on(folder):
        return msgspec.structs.replace(run, state="interrupted")
    return run


def _tell_state(run: RunRecord) -> str:
    return f"{run.state}: {run.problem}" if run.problem else run.state


def _pair_figures(run: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield accuracy and graph of each stage; the last pictures that were left out are the hardest."""
    by_stage: dict[str, StageFigures] = {figures.stage: figures for figures in run.measured}
    for number in range(max(len(by_stage), len(run.graphs))):
        figures = list(by_stage.values())[number] if number < len(by_stage) else None
        graph = run.graphs[number] if number < len(run.graphs) else ""
        named = f"{figures.stage} " if figures and len(run.graphs) > 1 else ""
        yield (
            f"{named}{figures.right:.1%} of {figures.pictures}, {figures.pictures_of}"
            if figures
            else "not measured",
            graph,
        )
