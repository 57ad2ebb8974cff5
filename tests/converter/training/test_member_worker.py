"""What a parent and a member's process tell each other."""

from __future__ import annotations

import msgspec

from converter.training.member_worker import Job, Progress, Target
from converter.training.steps.training_data import TrainingSettings, Validation


def test_jobs_and_progress_are_read_as_they_were_written():
    """A job keeps every hyperparameter to the last digit; a line of steps says no more than their number."""
    job = Job(
        architecture="efficientnet_lite0",
        size_px=64,
        fine_tune=3,
        train_depthwise=False,
        settings=TrainingSettings(learning_rate=0.1 + 0.2, backbone_learning_rate=None, seed=2**32 - 1),
        targets=(Target(name="q", labels=("a", "b"), corroded=None, on_pictures=True),),
    )
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job
    assert msgspec.json.encode(Progress(steps=1)) == b'{"steps":1}'
    told = Progress(validation=Validation(50, 0.25, 0.125, {"q": 1.0}))
    assert msgspec.json.decode(msgspec.json.encode(told), type=Progress) == told
