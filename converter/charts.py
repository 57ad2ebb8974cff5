"""Draw plots as SVG text that loads nothing; the same figures give the same bytes."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RIGHT, _NONE, _WRONG = "#0b6e8f", "#d9d9d9", "#b3541e"


@contextmanager
def svg_style() -> Iterator[Any]:
    """Yield ``matplotlib.pyplot`` set up for plots that pages hold."""
    mpl.use("svg")
    from matplotlib import pyplot as plt

    rules: dict[Any, Any] = {  # matplotlib types every name
        "font.size": 9,
        "svg.fonttype": "none",
        "svg.hashsalt": "converter",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(rules):
        yield plt


def encode_svg(plt: Any, figure: Any) -> str:
    """Return a finished plot as SVG text and close it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def draw_shares(bars: Sequence[tuple[str, float, float]]) -> str:
    """Return one bar for each name: right, without an answer, and wrong, as SVG text.

    Args:
        bars: name, share of right answers and share without an answer, 0 to 1, of each.
    """
    names = [name for name, _, _ in bars]
    right = [100 * share for _, share, _ in bars]
    none = [100 * share for _, _, share in bars]
    wrong = [max(0.0, 100 - a - b) for a, b in zip(right, none, strict=True)]
    with svg_style() as plt:
        figure, axes = plt.subplots(figsize=(6.4, 1.2 + 0.2 * len(names)), layout="constrained")
        axes.barh(names, right, color=_RIGHT, label="right")
        axes.barh(names, none, left=right, color=_NONE, label="no answer or refused")
        starts = [a + b for a, b in zip(right, none, strict=True)]
        axes.barh(names, wrong, left=starts, color=_WRONG, label="wrong")
        axes.invert_yaxis()
        axes.set(xlabel="% of pictures", xlim=(0, 100))
        axes.tick_params(axis="y", length=0)
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        return encode_svg(plt, figure)


def draw_risk_coverage(curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> str:
    """Return curves of the share of errors among decided pictures over the share decided, as SVG text.

    Args:
        curves: name, shares decided and shares of errors among them, 0 to 1, of each.
    """
    with svg_style() as plt:
        figure, axes = plt.subplots(figsize=(6.4, 3.0 + 0.2 * len(curves)), layout="constrained")
        for name, coverage, risk in curves:
            axes.plot([100 * c for c in coverage], [100 * r for r in risk], label=name, linewidth=1.2)
        axes.set(xlabel="% decided", ylabel="% wrong among them", xlim=(0, 101))
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside upper center", frameon=False)
        return encode_svg(plt, figure)
