"""Read label files, and derive from a label's words what it means for the surface."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_node.errors import DatasetError
from edge_node.inference.manifest import Meaning
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LABEL_FILES = ("retrained_labels.txt", "output_labels.txt", "labels.txt")
MAX_LABELS_BYTES = 1024 * 1024

_MATERIALS = {  # the first that occurs counts: galvanized iron looks unlike iron
    "galvanized": "galvanized iron",
    "galvanised": "galvanized iron",
    "zinc": "galvanized iron",
    "aluminium": "aluminium",
    "aluminum": "aluminium",
    "steel": "steel",
    "iron": "iron",
    "copper": "copper",
    "brass": "brass",
}
_CORRODED = {"corroded", "corrosion", "rusted", "rusty", "rust", "after", "pitted", "pitting"}
_UNCORRODED = {"uncorroded", "clean", "uncorrosion", "intact", "before", "unrusted", "nonrusted"}
_NEGATIONS = {"not", "no", "non", "un"}
_SEVERITIES = {"none", "light", "early", "mid", "moderate", "late", "severe", "heavy"}
_FORMS = {"pitted": "pitting", "pitting": "pitting", "general": "general", "uniform": "general"}
_NO_METAL = {"background", "nonmetal", "other"}


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the labels of a text file with one label per line.

    Raises:
        DatasetError: it cannot be read, or is no list of distinct labels.
    """
    try:
        lines = [line.strip() for line in read_text_file(path, MAX_LABELS_BYTES).splitlines()]
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}; wanted a text file with one label a line") from err
    labels = tuple(line for line in lines if line)
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise DatasetError(
            f"{path}: {len(labels)} labels, {len(set(labels))} of them distinct; wanted two or more"
        )
    return labels


def find_label_file(graph: Path) -> Path:
    """Return the label file that retraining wrote beside a graph.

    Raises:
        DatasetError: there is none.
    """
    for name in LABEL_FILES:
        if (graph.parent / name).is_file():
            return graph.parent / name
    raise DatasetError(f"{graph}: none of {', '.join(LABEL_FILES)} beside it; give --labels FILE")


def derive_meanings(labels: Sequence[str]) -> dict[str, Meaning]:
    """Return the meaning of each label as far as its words tell it; labels without one are left out.

    A severity means *corroded* only if another label of the stage means *none*: a stage that grades surfaces
    already found corroded must not decide that again.
    """
    words = {label: _split_words(label) for label in labels}
    grades_from_none = any("none" in found for found in words.values())
    meanings = {
        label: _derive_meaning(found, grades_from_none=grades_from_none) for label, found in words.items()
    }
    return {label: meaning for label, meaning in meanings.items() if meaning != Meaning()}


def normalise_material(name: str) -> str:
    """Return the material's name as meanings use it: *galvanized* is galvanized iron."""
    return _MATERIALS.get(name.lower(), name)


def _split_words(label: str) -> list[str]:
    return re.findall(r"[a-z]+", label.lower())


def _derive_meaning(words: list[str], *, grades_from_none: bool) -> Meaning:
    negated = bool(_NEGATIONS & set(words))
    if _NO_METAL & set(words) or (negated and "metal" in words):
        return Meaning(metal=False)
    severity = next((word for word in words if word in _SEVERITIES), None)
    if words == ["metal"]:
        return Meaning(metal=True)
    return Meaning(
        material=next((_MATERIALS[word] for word in _MATERIALS if word in words), None),
        corroded=_derive_condition(words, severity if grades_from_none else None, negated=negated),
        severity=severity,
        form=None if negated else next((_FORMS[word] for word in words if word in _FORMS), None),
    )


def _derive_condition(words: list[str], severity: str | None, *, negated: bool) -> bool | None:
    if _UNCORRODED & set(words):
        return False
    if _CORRODED & set(words):
        return not negated
    return None if severity is None else severity != "none"
