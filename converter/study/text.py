"""A study as text: the thesis' tables with ours beside them, and what follows from them in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from converter.study.figures import KNOWN, PICTURE, SPECIMEN
from converter.study.models import CASCADE, PILOT, SEVERITY_CASCADE, THESIS, TITLES
from converter.text_table import crossover_lines, table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from converter.study.figures import ModelComparison, ModelRow
    from converter.study.results import Study

# Of Model 4: 80 % accuracy with 60 errors, of which 59 confuse materials.
THESIS_ERRORS, THESIS_BETWEEN_MATERIALS = 60, 59
# What the thesis tabulates and this project does not have is left out, never filled in.
THESIS_KNOWN = (
    "Of the thesis' Tables 2, 6, 9 and 10 the accuracies of Models 2 to 6 are known here, and of Model 4 that"
    f" {THESIS_BETWEEN_MATERIALS} of its {THESIS_ERRORS} errors confuse materials; their other cells are not"
    " known here, and are left out. Its pictures were other ones."
)
_FOUR = TITLES["four"]
FOUR_CLASS_TITLES = (_FOUR, CASCADE)
NONE = "-"


def lines(found: Study) -> list[str]:
    """Return the study as lines of text for a terminal."""
    extent = f"{found.pictures} pictures in {found.groups} groups, {found.folds} folds, {found.steps} steps"
    text = [f"{found.data}: {extent}"]
    for architecture in architectures(found):
        rows = [row for row in found.rows if row.architecture == architecture]
        text += ["", architecture, *_of_architecture(rows)]
    if len(architectures(found)) > 1:
        heads, cells = by_architecture(found)
        text += ["", "Architectures, accuracy by specimen", *_indented(table_lines(heads, cells))]
    return [*text, "", *conclusions(found), *found.left_out, THESIS_KNOWN]


def architectures(found: Study) -> list[str]:
    """Return the architectures in the order in which they were asked for."""
    return list(dict.fromkeys(row.architecture for row in found.rows))


def pilot_table(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells: Model 1 by steps."""
    heads = ["steps", "pictures", "accuracy", "precision", "recall", "F-measure"]
    cells = [
        [str(row.steps), str(row.pictures), percent(row.accuracy.value), *_detected(row)]
        for row in rows
        if row.split == KNOWN
    ]
    return heads, cells


def model_table(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells: each model on specimens that it was not trained on, the thesis beside it."""
    heads = [
        *("model", "pictures", "accuracy", "95 % by group", "thesis", "most frequent"),
        *("precision", "recall", "F-measure"),
    ]
    cells = [
        [
            *(row.model, str(row.pictures), percent(row.accuracy.value)),
            f"{100 * row.accuracy.low:.1f} to {100 * row.accuracy.high:.1f}",
            thesis(row),
            percent(row.most_frequent),
            *_detected(row),
        ]
        for row in rows
        if row.split == SPECIMEN
    ]
    return heads, cells


def error_table(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells: what the errors of the four classes confuse, the thesis' Model 4 last."""
    heads = ["four classes", "divided by", "pictures", "errors", "between materials", "wrong condition"]
    cells = [
        [
            *(row.model, row.split, str(row.pictures), str(row.errors)),
            _part(row.between_materials, row.errors),
            _part(row.wrong_condition, row.errors),
        ]
        for row in rows
        if row.between_materials is not None
    ]
    of_thesis = [str(THESIS_ERRORS), _part(THESIS_BETWEEN_MATERIALS, THESIS_ERRORS), NONE]
    return heads, [*cells, ["the thesis' Model 4", NONE, NONE, *of_thesis]] if cells else []


def split_table(rows: Sequence[ModelRow]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells: divided by specimen against divided by picture."""
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


def by_architecture(found: Study) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells: a row for each model, a column for each architecture."""
    names = architectures(found)
    accuracies = {
        (row.model, row.architecture): row.accuracy.value for row in found.rows if row.split == SPECIMEN
    }
    models = dict.fromkeys(model for model, _ in accuracies)
    cells = [[model, *(percent(accuracies[model, name]) for name in names)] for model in models]
    return ["model", *names], cells


def matrices(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """Return the rows whose crossover matrix is shown: by specimen, more than two classes."""
    return [row for row in rows if row.split == SPECIMEN and len(row.crossover) > 2]


def conclusions(found: Study) -> list[str]:
    """Return in sentences whether cascades beat single models, and what a split by picture adds."""
    return [sentence for name in architectures(found) for sentence in _conclusions(found, name)]


def percent(share: float) -> str:
    """Return a share as a percentage, or a dash where there is none."""
    return NONE if math.isnan(share) else f"{100 * share:.2f} %"


def thesis(row: ModelRow) -> str:
    """Return the accuracy that the thesis has for a row's model, or a dash."""
    return percent(THESIS[row.model] / 100) if row.model in THESIS else NONE


def _of_architecture(rows: Sequence[ModelRow]) -> Iterator[str]:
    tables = {
        PILOT: pilot_table(rows),
        "The models on specimens that they never saw": model_table(rows),
        "What is confused": error_table(rows),
        "Divided by picture, other pictures of a specimen are trained on, which flatters": split_table(rows),
    }
    for title, (heads, cells) in tables.items():
        if cells:
            yield from ("", f"  {title}", *_indented(table_lines(heads, cells)))
    for row in matrices(rows):
        yield from ("", f"  {row.model}, pictures by specimen", *_indented(crossover_lines(row.crossover)))


def _indented(text: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in text]


def _conclusions(found: Study, architecture: str) -> Iterator[str]:
    rows = [row for row in found.rows if row.architecture == architecture]
    accuracies = {(row.model, row.split): row.accuracy.value for row in rows}
    for compared in found.comparisons:
        if compared.architecture == architecture and compared.split == SPECIMEN:
            text = _compared(compared, accuracies[compared.cascade, SPECIMEN])
            yield f"{architecture}: {text}"
    shares = {row.model: row for row in rows if row.split == SPECIMEN and row.between_materials is not None}
    if shares:
        words = (
            f"{_part(row.between_materials, row.errors)} of {_NAMES[model]}" for model, row in shares.items()
        )
        yield (
            f"{architecture}: errors between materials are {' and '.join(words)};"
            f" {_part(THESIS_BETWEEN_MATERIALS, THESIS_ERRORS)} of the thesis' Model 4."
        )
    flattery = [
        accuracies[model, PICTURE] - value
        for (model, split), value in accuracies.items()
        if split == SPECIMEN and (model, PICTURE) in accuracies
    ]
    if flattery:
        yield (
            f"{architecture}: divided by picture and not by specimen, accuracies change by"
            f" {100 * np.mean(flattery):+.2f} points on average ({100 * min(flattery):+.2f} to"
            f" {100 * max(flattery):+.2f})."
        )


_NAMES = {
    _FOUR: "the four-class model",
    CASCADE: "the staged cascade",
    TITLES["severities"]: "one model of none, mid and late",
    SEVERITY_CASCADE: "the cascade of condition and severity",
}


def _compared(compared: ModelComparison, accuracy: float) -> str:
    """Return who is better, by how much, and whether chance alone would do it."""
    gained = compared.gained
    if gained.low <= 0 <= gained.high:
        verb = "is neither shown better nor worse than"
    else:
        verb = "beats" if gained.value > 0 else "is worse than"
    return (
        f"{_NAMES[compared.cascade]} {verb} {_NAMES[compared.model]}: {percent(accuracy)} against"
        f" {percent(accuracy - gained.value)} ({100 * gained.value:+.2f} points, 95 % by group"
        f" {100 * gained.low:+.2f} to {100 * gained.high:+.2f}); pictures that it alone has right:"
        f" {compared.only_cascade}, the other alone: {compared.only_model}."
    )


def _detected(row: ModelRow) -> list[str]:
    found = row.detection
    if found is None:
        return [NONE] * 3
    return [percent(value) for value in (found.precision, found.recall, found.f_measure)]


def _part(count: int | None, errors: int) -> str:
    if count is None or not errors:
        return NONE
    return f"{count} ({count / errors:.1%})"
