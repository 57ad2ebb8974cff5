"""Format a study as text: tables with the thesis' accuracies beside ours, and conclusions in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.evaluation.metrics import percent
from converter.study.figures import KNOWN, PICTURE, SPECIMEN
from converter.study.models import CASCADE, PILOT, SEVERITY_CASCADE, THESIS, TITLES
from converter.text_table import format_crossover, format_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from converter.study.figures import ModelComparison, ModelRow, Study

# Of Model 4: 80 % accuracy with 60 errors, of which 59 confuse materials.
THESIS_ERRORS, THESIS_BETWEEN_MATERIALS = 60, 59
# Cells of the thesis' tables that are not known are left out, never filled in.
THESIS_KNOWN = (
    f"Of the thesis, the accuracies of Models 2 to 6 are known here, and that {THESIS_BETWEEN_MATERIALS} of"
    f" the {THESIS_ERRORS} errors of Model 4 confuse materials. Other figures of its Tables 2, 6, 9 and 10"
    " are not known here and are left out. The thesis tested other pictures."
)
_FOUR = TITLES["four"]
NONE = "-"


def format_study(found: Study) -> list[str]:
    """Format the study as lines of text for a terminal."""
    extent = f"{found.pictures} pictures in {found.groups} groups, {found.folds} folds, {found.steps} steps"
    text = [f"{found.data}: {extent}"]
    for architecture in list_studied(found):
        rows = [row for row in found.rows if row.architecture == architecture]
        text += ["", architecture, *_format_architecture(rows)]
    if len(list_studied(found)) > 1:
        heads, cells = tabulate_architectures(found)
        text += ["", "Architectures, accuracy by specimen", *_indent(format_table(heads, cells))]
    return [*text, "", *draw_conclusions(found), *found.left_out, THESIS_KNOWN]


def list_studied(found: Study) -> list[str]:
    """Return the names of the architectures in the order of the command line."""
    return list(dict.fromkeys(row.architecture for row in found.rows))


def tabulate_pilot(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the pilot, Model 1, by steps."""
    heads = ["steps", "pictures", "accuracy", "precision", "recall", "F-measure"]
    cells = [
        [str(row.steps), str(row.pictures), percent(row.accuracy.value), *_detection_cells(row)]
        for row in rows
        if row.split == KNOWN
    ]
    return heads, cells


def tabulate_models(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of each model on specimens that it was not trained on, with the thesis'."""
    heads = [
        *("model", "pictures", "accuracy", "95 % by group", "thesis", "most frequent"),
        *("precision", "recall", "F-measure"),
    ]
    cells = [
        [
            *(row.model, str(row.pictures), percent(row.accuracy.value)),
            f"{100 * row.accuracy.low:.1f} to {100 * row.accuracy.high:.1f}",
            format_thesis_accuracy(row),
            percent(row.most_frequent),
            *_detection_cells(row),
        ]
        for row in rows
        if row.split == SPECIMEN
    ]
    return heads, cells


def tabulate_errors(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the errors of the four classes by kind, with the thesis' Model 4 last."""
    heads = ["four classes", "divided by", "pictures", "errors", "between materials", "wrong condition"]
    cells = [
        [
            *(row.model, row.split, str(row.pictures), str(row.errors)),
            _format_part(row.between_materials, row.errors),
            _format_part(row.wrong_condition, row.errors),
        ]
        for row in rows
        if row.between_materials is not None
    ]
    of_thesis = [str(THESIS_ERRORS), _format_part(THESIS_BETWEEN_MATERIALS, THESIS_ERRORS), NONE]
    return heads, [*cells, ["the thesis' Model 4", NONE, NONE, *of_thesis]] if cells else []


def tabulate_splits(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the accuracies by split: by specimen and by picture."""
    by_picture = {row.model: row for row in rows if row.split == PICTURE}
    heads = ["model", "by specimen", "by picture", "points more"]
    cells = [
        [
            *(row.model, percent(row.accuracy.value), percent(by_picture[row.model].accuracy.value)),
            f"{100 * (by_picture[row.model].accuracy.value - row.accuracy.value):+.2f}",
        ]
        for row in rows
        if row.split == SPECIMEN and row.model in by_picture
    ]
    return heads, cells


def tabulate_architectures(found: Study) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the accuracies: a row for each model, a column for each architecture."""
    names = list_studied(found)
    accuracies = {
        (row.model, row.architecture): row.accuracy.value for row in found.rows if row.split == SPECIMEN
    }
    models = dict.fromkeys(model for model, _ in accuracies)
    cells = [[model, *(percent(accuracies[model, name]) for name in names)] for model in models]
    return ["model", *names], cells


def select_matrices(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """Return the rows whose crossover matrix is shown: split by specimen, more than two classes."""
    return [row for row in rows if row.split == SPECIMEN and len(row.crossover) > 2]


def draw_conclusions(found: Study) -> list[str]:
    """Return sentences on cascades against single models, and on splits by picture."""
    return [sentence for name in list_studied(found) for sentence in _draw_conclusions(found, name)]


def format_thesis_accuracy(row: ModelRow) -> str:
    """Return the thesis' accuracy of a row's model, or a dash."""
    return percent(THESIS[row.model] / 100) if row.model in THESIS else NONE


def _format_architecture(rows: Sequence[ModelRow]) -> Iterator[str]:
    tables = {
        PILOT: tabulate_pilot(rows),
        "The models on specimens that they were not trained on": tabulate_models(rows),
        "What is confused": tabulate_errors(rows),
        "Divided by picture: training sees the specimens of the test": tabulate_splits(rows),
    }
    for title, (heads, cells) in tables.items():
        if cells:
            yield from ("", f"  {title}", *_indent(format_table(heads, cells)))
    for row in select_matrices(rows):
        yield from ("", f"  {row.model}, pictures by specimen", *_indent(format_crossover(row.crossover)))


def _indent(text: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in text]


def _draw_conclusions(found: Study, architecture: str) -> Iterator[str]:
    rows = [row for row in found.rows if row.architecture == architecture]
    accuracies = {(row.model, row.split): row.accuracy.value for row in rows}
    for compared in found.comparisons:
        if compared.architecture == architecture and compared.split == SPECIMEN:
            text = _describe_comparison(compared, accuracies[compared.cascade, SPECIMEN])
            yield f"{architecture}: {text}"
    shares = {row.model: row for row in rows if row.split == SPECIMEN and row.between_materials is not None}
    if shares:
        words = (
            f"{_format_part(row.between_materials, row.errors)} of {_NAMES[model]}"
            for model, row in shares.items()
        )
        yield (
            f"{architecture}: errors between materials are {' and '.join(words)};"
            f" {_format_part(THESIS_BETWEEN_MATERIALS, THESIS_ERRORS)} of the thesis' Model 4."
        )
    differences = [
        accuracies[model, PICTURE] - value
        for (model, split), value in accuracies.items()
        if split == SPECIMEN and (model, PICTURE) in accuracies
    ]
    if differences:
        yield (
            f"{architecture}: if divided by picture instead of by specimen, accuracies change by"
            f" {100 * np.mean(differences):+.2f} points on average ({100 * min(differences):+.2f} to"
            f" {100 * max(differences):+.2f})."
        )


_NAMES = {
    _FOUR: "the four-class model",
    CASCADE: "the staged cascade",
    TITLES["severities"]: "one model of none, mid and late",
    SEVERITY_CASCADE: "the cascade of condition and severity",
}


def _describe_comparison(compared: ModelComparison, accuracy: float) -> str:
    """Return a sentence on which is better, by how much, and whether chance alone explains it."""
    gained = compared.gained
    if gained.low <= 0 <= gained.high:
        verb = "is not shown to be better or worse than"
    else:
        verb = "beats" if gained.value > 0 else "is worse than"
    return (
        f"{_NAMES[compared.cascade]} {verb} {_NAMES[compared.model]}: {percent(accuracy)} against"
        f" {percent(accuracy - gained.value)} ({100 * gained.value:+.2f} points, 95 % by group"
        f" {100 * gained.low:+.2f} to {100 * gained.high:+.2f}). Only the cascade is right on"
        f" {compared.only_cascade} pictures, only the model on {compared.only_model}."
    )


def _detection_cells(row: ModelRow) -> list[str]:
    found = row.detection
    if found is None:
        return [NONE] * 3
    return [percent(value) for value in (found.precision, found.recall, found.f_measure)]


def _format_part(count: int | None, errors: int) -> str:
    if count is None or not errors:
        return NONE
    return f"{count} ({count / errors:.1%})"
