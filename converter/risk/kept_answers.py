"""Keep the members' answers to left-out pictures, so that thresholds can be chosen again from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.data.dataset import Sample
from converter.risk.choice import LeftOutAnswers
from converter.training.steps.checkpoint import read_arrays, write_arrays
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def write_answers(path: Path, answers: LeftOutAnswers) -> None:
    """Write answers with the pictures' paths, origins and labels.

    Raises:
        DatasetError: the disk refuses.
    """
    told = [
        [str(one.path), one.group, one.source, one.set_name, one.licence, dict(one.labels)]
        for one in answers.samples
    ]
    arrays: dict[str, NDArray[Any]] = {
        "samples": np.array(json.dumps(told)),
        "members": answers.members,
    }
    for kind, values in (("logits", answers.logits), ("truth", answers.truth)):
        arrays |= {f"{kind} {name}": value for name, value in values.items()}
    write_arrays(path, arrays)


def read_answers(path: Path) -> LeftOutAnswers:
    """Read what ``write_answers`` wrote.

    Raises:
        DatasetError: it is missing or damaged.
    """
    found = read_arrays(path)
    if found is None:
        raise DatasetError(f"{path}: cannot be read; wanted the answers that `converter retrain` keeps")
    samples = tuple(
        Sample(Path(place), group, source, set_name, licence, labels)
        for place, group, source, set_name, licence, labels in json.loads(str(found["samples"]))
    )

    def named(kind: str) -> dict[str, NDArray[Any]]:
        return {
            name.removeprefix(f"{kind} "): value
            for name, value in found.items()
            if name.startswith(f"{kind} ")
        }

    return LeftOutAnswers(samples, found["members"], named("logits"), named("truth"))
