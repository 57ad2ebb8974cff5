"""Name the columns of ``labels.csv``, which the control room exports and the converter writes and reads."""

from __future__ import annotations

LABELS_NAME = "labels.csv"
MAX_TABLE_BYTES = 256 * 1024 * 1024  # a million rows of 100 bytes are 100 MB
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
# Of the control room's export, behind the others: what the robot judged of the picture, as JSON.
VIEW_COLUMN = "view"
