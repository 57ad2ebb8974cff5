"""Hold what the writers of all tools are told of a picture that is exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.data.dataset import LABEL_COLUMNS, METAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.data.picture_facts import PictureFacts

HAS_MASK = "yes"  # in the column of the mask: also one that marks nothing is kept


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    """A picture as it is exported.

    Attributes:
        file: its path in the new folder, with slashes.
        shape: height and width as shown.
        facts: of its EXIF data.
        columns: of ``labels.csv``, without file and unknown ones.
        guess: what a robot found corroded, where nobody drew a mask.
    """

    file: str
    shape: tuple[int, int]
    facts: PictureFacts
    columns: Mapping[str, str]
    guess: NDArray[np.bool_] | None = None


def columns_of(sample: Sample) -> dict[str, str]:
    """Return the columns of ``labels.csv`` of a sample, without the file, unknown ones and implied ones."""
    columns = {column: sample.labels[column] for column in LABEL_COLUMNS if column in sample.labels}
    if columns.get("metal") == METAL and {"material", "corroded"} & columns.keys():
        del columns["metal"]  # which they imply
    told = {"set": sample.set_name, "source": sample.source, "licence": sample.licence, "group": sample.group}
    columns |= {column: value for column, value in told.items() if value}
    return columns | ({"mask": HAS_MASK} if sample.mask is not None else {})
