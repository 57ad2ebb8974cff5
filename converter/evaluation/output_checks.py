"""Check that quantized outputs still distinguish pictures, and warn of saturation and low agreement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.quantize.request import Mode
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from converter.evaluation.float_agreement import StageComparison

_SATURATED_WARNING = 0.01  # share of an output's values at either end of its range
_AGREEMENT_WARNING = 0.97
# Probabilities that differ by more than this on average are unusable, even if the labels agree.
_BROKEN_DIFFERENCE = 0.25


def check_outputs(comparisons: Sequence[StageComparison]) -> None:
    """Check that quantized outputs distinguish pictures as the float ones do.

    Raises:
        ConversionError: a stage's output is the same for every picture while the float model's is not, or
            its probabilities are far from the float model's.
    """
    for comparison in comparisons:
        if comparison.mean_difference > _BROKEN_DIFFERENCE:
            raise ConversionError(
                f"stage {comparison.stage.name}: the quantized model's probabilities are off by"
                f" {comparison.mean_difference:.2f} on average of {len(comparison.reference)} pictures;"
                " choose another --quantize"
            )
        if comparison.constant:
            raise ConversionError(
                f"stage {comparison.stage.name}: the quantized model says the same of every picture,"
                " the float model does not; choose another --quantize"
            )


def find_warnings(mode: Mode, comparisons: Sequence[StageComparison]) -> Iterator[str]:
    """Yield warnings about slow kernels, saturated outputs and low agreement with float."""
    advice = "try another --quantize"
    if mode.takes_float_layers:
        advice += f", or --min-agreement {100 * _AGREEMENT_WARNING:.0f}, which keeps layers in float"
    if mode is Mode.INT16X8:
        yield (
            "warning: int16x8 has no fast kernels for convolutions:"
            " MobileNet v1 takes 310 ms where int8 takes 4 ms (LiteRT 2.3, x86-64)"
        )
    for comparison in comparisons:
        name = comparison.stage.name
        if comparison.stage.is_independent:
            yield (
                f"{name}: its output is a sigmoid per label: the labels are independent and kept as they are;"
                " each holds from its own threshold on (thresholds in the cascade file, else 0.5)"
            )
        if comparison.saturated > _SATURATED_WARNING and not comparison.kept:
            yield (
                f"warning: {name}: {comparison.saturated:.1%} of its output is at the end of its range;"
                " calibrate on more varied pictures"
            )
        if comparison.agreement < _AGREEMENT_WARNING:
            yield (
                f"warning: {name}: only {comparison.agreement:.1%} of pictures keep float's label; {advice}"
            )
