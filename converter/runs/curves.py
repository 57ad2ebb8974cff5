"""Draw losses and accuracies over the steps of a training."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.training.steps.training_data import Validation


def draw_curves(rows: Sequence[tuple[int, Validation]]) -> bytes:
    """Return a PNG with the losses and the accuracy of each stage at each validation.

    Args:
        rows: number of the training, and its validation, of trainings that may have gone on side by side; the
            steps of several are drawn one after another.
    """
    from matplotlib.figure import Figure

    rows = sorted(rows, key=lambda row: row[0])
    steps, before, last = [], 0, 0
    for _, found in rows:
        if found.step <= last:
            before += last
        last = found.step
        steps.append(before + last)
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    losses.plot(steps, [found.training_loss for _, found in rows], label="training")
    losses.plot(steps, [found.validation_loss for _, found in rows], label="validation")
    names = dict.fromkeys(name for _, found in rows for name in found.accuracies)
    for name in names:
        accuracies.plot(steps, [found.accuracies.get(name, float("nan")) for _, found in rows], label=name)
    for axes, title in ((losses, "loss"), (accuracies, "accuracy on validation pictures")):
        axes.set_title(title)
        axes.set_xlabel("step")
        if axes.get_lines():
            axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()
