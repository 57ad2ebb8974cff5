"""``labels.csv``: what the control room exports and the converter renders and reads has these columns."""

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
