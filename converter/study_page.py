"""A study as one page of HTML without anything beside it: its table, and a bar for each accuracy."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from converter.study import THESIS, THESIS_KNOWN, conclusions

if TYPE_CHECKING:
    from converter.metrics import Detection
    from converter.study import Row, Study

_BAR_PX, _ROW_PX, _LABEL_PX = 400, 22, 360
_COLOURS = {"specimen": "#2b6cb0", "picture": "#a0aec0", "trained on": "#d69e2e", "thesis": "#444"}
_STYLE = """
body { font: 15px/1.4 sans-serif; margin: 1em auto; max-width: 70em; padding: 0 1em; }
table { border-collapse: collapse; } td, th { border: 1px solid #bbb; padding: .2em .6em; text-align: right; }
td:first-child, th:first-child { text-align: left; } svg text { font: 12px sans-serif; }
"""


def page(found: Study) -> str:
    """Return the page as HTML."""
    architectures = dict.fromkeys(row.architecture for row in found.rows)
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>Study of {escape(found.data)}</title><style>{_STYLE}</style>",
        f"<h1>The six models on {escape(found.data)}</h1>",
        (
            f"<p>{found.pictures} pictures in {found.groups} groups, {found.folds} folds. Divided by"
            " specimen, no picture of a specimen was trained on; divided by picture, others of it were, which"
            " flatters. The thesis' figures are from its own photographs.</p>"
        ),
        *(f"<p><b>{escape(sentence)}</b></p>" for sentence in conclusions(found)),
        _table(found),
        f"<p>{escape(THESIS_KNOWN)}</p>",
    ]
    for name in architectures:
        rows = [row for row in found.rows if row.architecture == name]
        parts += [f"<h2>{escape(name)}</h2>", _bars(rows)]
        parts += [_crossover(row) for row in rows if row.split == "specimen" and row.crossover]
    return "\n".join([*parts, "</html>"])


def _table(found: Study) -> str:
    heads = (
        *("model", "split", "architecture", "pictures", "accuracy", "thesis"),
        *("precision", "recall", "F-measure", "errors between materials"),
    )
    rows = []
    for row in found.rows:
        thesis = f"{THESIS[row.model]:.2f} %" if row.model in THESIS else "-"
        between = "-" if row.between_materials is None else f"{row.between_materials:.1%}"
        cells = (
            _name(row),
            row.split,
            row.architecture,
            str(row.pictures),
            f"{row.accuracy:.2%}",
            thesis,
            *_detected(row.detection),
            between,
        )
        rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{''.join(rows)}</table>"


def _detected(found: Detection | None) -> tuple[str, ...]:
    if found is None:
        return ("-",) * 3
    return tuple(f"{value:.2%}" for value in (found.precision, found.recall, found.f_measure))


def _crossover(row: Row) -> str:
    """Return a model's crossover matrix, by specimen."""
    columns = list(next(iter(row.crossover.values())))
    head = "".join(f"<th>{escape(name)}</th>" for name in ("truth \\ said", *columns))
    body = "".join(
        f"<tr><td>{escape(truth)}</td>{''.join(f'<td>{counts[name]}</td>' for name in columns)}</tr>"
        for truth, counts in row.crossover.items()
    )
    return f"<h3>{escape(row.model)}</h3><table><tr>{head}</tr>{body}</table>"


def _bars(rows: list[Row]) -> str:
    """Return a bar for each row, from 0 to 100 %, with a mark where the thesis was."""
    shapes = []
    for index, row in enumerate(rows):
        top = index * _ROW_PX
        middle = top + _ROW_PX * 0.65
        length = row.accuracy * _BAR_PX
        label = escape(f"{_name(row)} ({row.split})")
        shapes += [
            f"<text x='{_LABEL_PX - 6}' y='{middle}' text-anchor='end'>{label}</text>",
            (
                f"<rect x='{_LABEL_PX}' y='{top + 3}' width='{length:.1f}' height='{_ROW_PX - 6}'"
                f" fill='{_COLOURS[row.split]}'/>"
            ),
            f"<text x='{_LABEL_PX + length + 4:.1f}' y='{middle}'>{row.accuracy:.1%}</text>",
        ]
        if row.model in THESIS:
            at = _LABEL_PX + THESIS[row.model] / 100 * _BAR_PX
            shapes.append(
                f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{top + 1}' y2='{top + _ROW_PX - 1}'"
                f" stroke='{_COLOURS['thesis']}' stroke-width='2'/>"
            )
    width, height = _LABEL_PX + _BAR_PX + 70, len(rows) * _ROW_PX
    return f"<svg viewBox='0 0 {width} {height}' width='100%'>{''.join(shapes)}</svg>"


def _name(row: Row) -> str:
    return row.model if row.steps is None else f"{row.model}, {row.steps} steps"
