"""The zoo's rows as Markdown: a line per model beside its source, or a line per mode."""

from __future__ import annotations

from typing import Any

_OF_SOURCES = (
    "model | weights | float: TensorFlow's label | worst | int8: TensorFlow's label | worst"
    " | right: float | int8 | MB | CPU s | memory MB | proof: CPU s | MB"
)
_OF_MODES = "model | mode | loads, probe | MB | ms | same label | mean | max | right: float | mode | map"


def table(rows: list[dict[str, Any]], judged: int, *, every_mode: bool) -> str:
    """Return the whole table as Markdown, with what it was made on."""
    if every_mode:
        columns, lines = _OF_MODES, [line(row) for row in rows]
    else:
        by_model: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_model.setdefault(row["model"], []).append(row)
        columns, lines = _OF_SOURCES, [_line_of_source(found) for found in by_model.values()]
    target = next((row["target"] for row in rows if "target" in row), "")
    heading = f"| {columns} |\n|{' --- |' * len(columns.split(' | '))}\n"
    body = "\n".join(lines)
    return f"# {target}, {judged} pictures of steel on which nothing was fitted\n\n{heading}{body}\n"


def line(row: dict[str, Any]) -> str:
    """Return the row of one mode as Markdown."""
    if "problem" in row:
        return f"| {row['model']} | {row['mode']} | {row['problem']} |"
    cells = [
        row["model"],
        row["mode"],
        f"yes, {row['probe']:.2f}",
        f"{row['megabytes']:.2f}",
        f"{row['ms']:.1f}",
    ]
    if "same_label" in row:
        cells += [
            f"{row['same_label']:.1%}",
            f"{row['mean_difference']:.4f}",
            f"{row['max_difference']:.4f}",
            f"{row['right_float']:.1%}",
        ]
    else:
        cells += ["reference", "", "", f"{row['right']:.1%}"]
    cells += [f"{row['right']:.1%}", "yes" if row["map"] else "no"]
    if "disagreement" in row:
        cells.append(row["disagreement"])
    return f"| {' | '.join(cells)} |"


def _line_of_source(rows: list[dict[str, Any]]) -> str:
    first = rows[0]
    if first["mode"] == "":
        return f"| {first['model']} | {first['problem']} |"
    by_mode = {"none" if row["mode"] == "none" else "int8": row for row in rows}
    cells = [first["model"], first["weights"]]
    for mode in ("none", "int8"):
        cells += _agreement(by_mode.get(mode))
    cells += [_percent(by_mode.get(mode)) for mode in ("none", "int8")]
    last = rows[-1]
    cells.append(f"{last['megabytes']:.2f}" if "megabytes" in last else "")
    cells += ["", ""] if first["ready"] else [f"{first['cpu_s']:.0f}", f"{first['peak_memory_mb']:.0f}"]
    cells += (
        [f"{first['source_cpu_s']:.0f}", f"{first['source_mb']:.0f}"] if "source_mb" in first else ["", ""]
    )
    return f"| {' | '.join(cells)} |"


def _agreement(row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return ["", ""]
    if "source_same" not in row:
        return [row.get("disagreement") or row.get("problem", ""), ""]
    worst = row["source_worst"]
    return [
        f"{row['source_same']} of {row['source_asked']}",
        f"{worst:.4f}" if worst >= 0.0001 else f"{worst:.0e}",
    ]


def _percent(row: dict[str, Any] | None) -> str:
    return f"{row['right']:.1%}" if row and "right" in row else ""
