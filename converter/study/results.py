"""What a study found: each model's figures, by name."""

from __future__ import annotations

import msgspec

from converter.study.figures import (
    ModelComparison,
    ModelRow,
)


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a study found; JSON of ``--json``.

    Attributes:
        steps: of each training but the pilot's.
        left_out: sentences on the models that this data set cannot answer.
    """

    data: str
    pictures: int
    groups: int
    folds: int
    steps: int
    seed: int
    left_out: tuple[str, ...]
    rows: tuple[ModelRow, ...]
    comparisons: tuple[ModelComparison, ...]
