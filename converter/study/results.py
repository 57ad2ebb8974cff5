"""Hold the result of a study: every model's figures and every cascade's comparison."""

from __future__ import annotations

import msgspec

from converter.study.figures import (
    ModelComparison,
    ModelRow,
)


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a study; JSON of ``--json``.

    Attributes:
        steps: of each training except the pilot's.
        left_out: sentences on the models that this data set cannot train.
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
