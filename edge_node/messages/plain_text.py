"""Format decisions and verdicts as text for people, in colour on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from edge_node.clock import QUALITY_WORDS
from edge_node.messages.status import PartState
from edge_node.messages.verdict import Decision, Outcome, Verdict

if TYPE_CHECKING:
    from typing import TextIO

    from edge_node.messages.status import Part

_COLOURS = {
    Outcome.CORRODED: "\x1b[31m",
    Outcome.UNCORRODED: "\x1b[32m",
    Outcome.UNCERTAIN: "\x1b[33m",
    Outcome.NOT_INSPECTABLE: "\x1b[35m",
}
_CLOCK_QUALITIES = {
    PartState.OK: "synchronized",
    PartState.FAILING: "not_synchronized",
    PartState.UNKNOWN: "unknown",
}
_LEAST_MM2, _WHOLE_MM2 = 0.01, 10
_RESET = "\x1b[0m"


def colour_text(text: str, outcome: Outcome, stream: TextIO | None = None) -> str:
    """Return ``text`` in the outcome's colour if ``stream``, stdout by default, is a terminal."""
    return f"{_COLOURS[outcome]}{text}{_RESET}" if (stream or sys.stdout).isatty() else text


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: "1 finding", "2 findings"."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def area_text(area_mm2: float) -> str:
    """Return an area with two significant digits: it is estimated from a coarse map."""
    rounded = float(f"{area_mm2:.2g}")
    if 0 < rounded < _LEAST_MM2:
        return f"less than {_LEAST_MM2} mm²"
    return f"{rounded:,.0f} mm²" if rounded >= _WHOLE_MM2 else f"{rounded:g} mm²"


def clock_text(clock: Part) -> str:
    """Return the state of a robot's clock in the words that all displays use.

    Robots up to version 0.9.0 send the quality itself as text, such as ``not_synchronized``.
    """
    quality, mark, more = clock.text.partition("; ")
    told = quality or _CLOCK_QUALITIES.get(clock.state, clock.state.value)
    return QUALITY_WORDS.get(told, told) + mark + more  # type: ignore[call-overload,no-any-return]  # of any text


def escape_unprintable(text: str) -> str:
    """Return ``text`` with ``?`` for every unprintable character: no escape sequence, no line break."""
    return "".join(character if character.isprintable() else "?" for character in text)


def path_text(decision: Decision) -> str:
    """Return the path through the cascade with each label's probability, or the reasons for none."""
    steps = [
        f"{stage.name}: {stage.label} {stage.probabilities.get(stage.label, 0.0):.0%}"
        if stage.label is not None
        else f"{stage.name}: uncertain {max(stage.probabilities.values(), default=0.0):.0%}"
        for stage in decision.stages
    ]
    return " > ".join(steps) or "; ".join(reason.text for reason in decision.reasons)


def describe_verdict(verdict: Verdict) -> str:
    """Return a verdict as a line for people, coloured by outcome on a terminal only."""
    outcome = colour_text(f"{verdict.outcome.value:<15}", verdict.outcome)
    path = escape_unprintable(path_text(verdict))
    return f"{verdict.observed_at:%H:%M:%S.%f} #{verdict.seq:<5} {outcome} {path}"
