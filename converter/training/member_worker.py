"""Train one member of a network whose weights are averaged, as a child process of ``retrain``.

It computes on one thread, so that the same seed gives the same bytes whatever the number of cores. What it
trains on and what becomes of it stands in the folder that it is given (``converter.training.side_by_side``).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import numpy as np

from converter.child_process import end_with_parent
from converter.tensorflow_import import tensorflow
from converter.training.steps.checkpoint import Checkpoint, read_arrays, write_arrays
from converter.training.steps.head_training import train
from converter.training.steps.training_data import TrainingData, TrainingSettings, TrainingTarget, Validation

ACTIVATIONS_NAME, MASKS_NAME, START_NAME = "activations.npy", "masks.npy", "start.npz"
JOB_NAME, ARRAYS_NAME = "job.json", "arrays.npz"
CHECKPOINT_NAME, TRAINED_NAME = "checkpoint.npz", "trained.npz"
_ENVIRONMENT = {
    "TF_ENABLE_ONEDNN_OPTS": "1",  # faster kernels, which training needs
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A ``TrainingTarget`` without its array."""

    name: str
    labels: tuple[str, ...]
    corroded: int | None
    on_pictures: bool


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a member is to be: all of ``job.json``.

    Attributes:
        architecture: of the backbone.
        size_px: sides of its input.
        fine_tune: number of its last convolutions that are trained.
        train_depthwise: whether the depthwise ones are among them.
        settings: the hyperparameters.
        targets: one for each head.
    """

    architecture: str
    size_px: int
    fine_tune: int
    train_depthwise: bool
    settings: TrainingSettings
    targets: tuple[Target, ...]


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that the child prints: steps since the last one, and the result of a validation."""

    steps: int = 0
    validation: Validation | None = None


def main() -> int:
    """Train the member of the folder ``argv[3]``, with what it shares with others in ``argv[2]``.

    ``argv[1]`` is the parent's process id, and ``argv[4]`` the time between two kept states, in seconds.
    """
    end_with_parent(int(sys.argv[1]))
    os.environ.update(_ENVIRONMENT)
    _train(Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
    return 0


def _train(shared: Path, own: Path, checkpoint_s: float) -> None:
    tf = tensorflow()
    from converter.architectures.backbones import load_backbone
    from converter.training.steps.fine_tuning import cut_before

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    job = msgspec.json.decode((own / JOB_NAME).read_bytes(), type=Job)
    backbone = load_backbone(job.architecture, weights="random", size_px=job.size_px)
    upper = cut_before(backbone.model, job.fine_tune, train_depthwise=job.train_depthwise).upper
    start = read_arrays(shared / START_NAME) or {}
    upper.set_weights([start[str(index)] for index in range(len(start))])
    arrays = read_arrays(own / ARRAYS_NAME) or {}
    questions = [
        TrainingTarget(one.name, one.labels, arrays[f"target_{index}"], one.corroded, one.on_pictures)
        for index, one in enumerate(job.targets)
    ]
    masks = shared / MASKS_NAME
    data = TrainingData(
        np.load(shared / ACTIVATIONS_NAME, mmap_mode="r"),
        np.load(masks, mmap_mode="r") if masks.exists() else None,
        arrays["weights"],
        arrays["validation"],
    )
    heads = train(
        data,
        questions,
        job.settings,
        upper=upper,
        report=lambda found: _tell(Progress(validation=found)),
        on_steps=lambda steps: _tell(Progress(steps=steps)),
        kept=Checkpoint(own / CHECKPOINT_NAME, checkpoint_s),
    )
    trained = {str(index): value for index, value in enumerate(upper.get_weights())}
    for index, head in enumerate(heads):
        trained |= {f"weights_{index}": head.weights, f"biases_{index}": head.biases}
    write_arrays(own / TRAINED_NAME, trained)


def _tell(progress: Progress) -> None:
    print(msgspec.json.encode(progress).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
