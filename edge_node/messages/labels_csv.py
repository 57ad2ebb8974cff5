"""Name the columns of ``labels.csv``, which the control room exports and the converter writes and reads."""

from __future__ import annotations

LABELS_NAME = "labels.csv"
COLUMNS = (
    "file",
    "set",
    "source",
    "licence",
    "group",
    "material",
    "finish",
    "corroded",
    "severity",
    "form",
    "mask",
)
