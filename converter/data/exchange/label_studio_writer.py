"""Write samples as tasks for Label Studio: masks as brush strokes, labels as choices, all as annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from converter.data.dataset import CORRODED, LABEL_COLUMNS, UNCORRODED
from converter.data.exchange.category_map import NOTHING, UNKNOWN, format_map
from converter.data.foreign.brush_rle import encode_brush
from converter.data.foreign.label_studio_reader import KNOWN_PREFIX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from converter.data.exchange.exported_picture import ExportedPicture

TASKS_NAME, CONFIG_NAME = "tasks.json", "label_config.xml"
GUESS = "the robot's map"


class LabelStudioWriter:
    """Collect pictures and return the files of a Label Studio project."""

    def __init__(self) -> None:
        self._tasks: list[dict[str, Any]] = []
        self._has_unknown = False
        self._choices: dict[str, dict[str, str]] = {
            "corroded": {CORRODED: CORRODED, UNCORRODED: UNCORRODED}
        }  # per column: the choice's text -> the column's value

    def add(
        self,
        picture: ExportedPicture,
        mask: NDArray[np.bool_] | None,
        unknown: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add a picture as a task with one annotation; a robot's guess of its mask is a prediction."""
        height, width = picture.shape
        size = {"original_width": width, "original_height": height, "image_rotation": 0}
        results = []
        for column in LABEL_COLUMNS:
            if value := picture.columns.get(column):
                choice = value if column == "corroded" else f"{column}: {value}"
                self._choices.setdefault(column, {})[choice] = value
                results.append({"type": "choices", "from_name": column, "value": {"choices": [choice]}})
        for label, pixels in ((CORRODED, mask), (UNKNOWN, unknown)):
            if pixels is not None and pixels.any():
                results.append(_brush(label, pixels))
                self._has_unknown |= label == UNKNOWN
        number = len(self._tasks) + 1
        shared = {"to_name": "image", "origin": "manual", **size}
        numbered = [{"id": f"{number}-{at}", **result, **shared} for at, result in enumerate(results)]
        known = {
            f"{KNOWN_PREFIX}{key}": text for key, text in picture.columns.items() if key not in LABEL_COLUMNS
        }
        data = {"image": f"/data/local-files/?d={quote(picture.file)}", **known}
        task = {"id": number, "data": data, "annotations": [{"result": numbered}]}
        if picture.guess is not None:
            guess = {"id": f"{number}-guess", **_brush(CORRODED, picture.guess), **shared}
            task["predictions"] = [{"model_version": GUESS, "result": [*numbered, guess]}]
        self._tasks.append(task)

    def files(self, _source: str) -> dict[str, Any]:
        """Return what each file is to hold: a text, or an object to write as JSON."""
        columns = {
            choice: {column: value}
            for column, choices in self._choices.items()
            for choice, value in choices.items()
        }
        return {
            TASKS_NAME: self._tasks,
            CONFIG_NAME: self._format_config(),
            "categories.toml": format_map(columns, NOTHING, has_unknown=self._has_unknown),
        }

    def _format_config(self) -> str:
        """Return the labelling interface that a project with these tasks needs."""
        lines = ["<View>", '  <Image name="image" value="$image"/>']
        lines += [
            '  <BrushLabels name="mask" toName="image">',
            f'    <Label value="{CORRODED}"/>',
            *([f'    <Label value="{UNKNOWN}"/>'] if self._has_unknown else []),
            "  </BrushLabels>",
        ]
        for column, choices in self._choices.items():
            lines.append(f'  <Choices name="{column}" toName="image">')
            lines += [f"    <Choice value={quoteattr(choice)}/>" for choice in choices]
            lines.append("  </Choices>")
        return "\n".join([*lines, "</View>"]) + "\n"


def _brush(label: str, pixels: NDArray[np.bool_]) -> dict[str, Any]:
    brush = {"format": "rle", "rle": list(encode_brush(pixels)), "brushlabels": [label]}
    return {"type": "brushlabels", "from_name": "mask", "value": brush}
