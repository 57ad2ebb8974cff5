"""Members of an averaged network, trained side by side in processes of their own, killed and gone on with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from converter.architectures.backbones import load_backbone
from converter.training.side_by_side import Network, count_cores, train_side_by_side
from converter.training.steps.fine_tuning import cut_before
from converter.training.steps.head_training import train
from converter.training.steps.training_data import Member, TrainingData, TrainingSettings, TrainingTarget

_NAME, _SIZE_PX, _TUNED = "mobilenet_0.25_128", 32, 3


def _members(upper):
    """Return two members: one takes two steps, the other many more than it is waited for."""
    random = np.random.default_rng(0)
    activations = random.normal(size=(1, 20, *upper.input_shape[1:])).astype(np.float16)
    nothing = np.zeros(20, bool)
    data = TrainingData(activations, None, np.ones(20), nothing)
    return [
        Member(number, data, TrainingSettings(steps=steps, batch=4, evaluate_every=20), nothing)
        for number, steps in enumerate((2, 60))
    ]


@pytest.mark.slow
def test_a_killed_training_goes_on(tmp_path):
    """An interrupt ends every process; the same call takes finished members and goes on with the others."""
    upper = cut_before(load_backbone(_NAME, weights="random", size_px=_SIZE_PX).model, _TUNED).upper
    start = upper.get_weights()
    network = Network(_NAME, _SIZE_PX, _TUNED, True, start)
    members = _members(upper)
    question = TrainingTarget("q", ("a", "b"), np.array([0, 1] * 10))

    def run(on_steps, report=lambda _number, _found: None):
        return train_side_by_side(
            members, [question], network, tmp_path, "content", on_steps=on_steps, report=report,
            checkpoint_s=0.0,
        )  # fmt: skip

    taken = []

    def interrupt(steps):
        taken.append(steps)
        if list(tmp_path.glob("member-*/trained.npz")) and sum(taken) > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupt)
    assert not _children()
    steps, reported = [], []
    trained = run(steps.append, lambda number, found: reported.append((number, found.step)))
    assert steps[0] == 2  # the finished one at once
    assert steps[1] > 1  # the other from its checkpoint
    assert sum(steps) == 62
    assert reported[-1] == (1, 60)
    assert {number for number, _ in reported} == {1}
    (head,) = train(members[1].data, [question], members[1].settings, upper=upper)
    np.testing.assert_allclose(trained[1].heads[0].weights, head.weights, atol=1e-4)
    for one, other in zip(trained[1].upper, upper.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def _children() -> list[str]:
    """Return the child processes that train a member."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for task in tasks for pid in task.read_text().split()]
    lines = [Path(f"/proc/{pid}/cmdline") for pid in pids]
    return [line.read_text() for line in lines if line.exists() and "member_worker" in line.read_text()]


def test_the_cores_are_those_of_this_process():
    """A process that is kept to one core trains one member at a time."""
    allowed = os.sched_getaffinity(0)
    assert count_cores() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert count_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
