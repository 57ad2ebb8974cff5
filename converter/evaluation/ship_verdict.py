"""Hold the answer to whether a bundle may be shipped, and read the one that its conversion left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

LEAST_PICTURES = 50  # of fewer, agreement on all of them still leaves room for one error in seventeen
_FIGURES_NAME = "report.json"
_MAX_BYTES = 64 * 1024 * 1024


class ShipVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the question whether a bundle may be shipped.

    Attributes:
        ship: yes or no.
        shown: what speaks for it: clauses with their figures.
        against: what speaks against it; empty where ``ship``.
        mind: what does not forbid it and should be known.
    """

    ship: bool
    shown: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    mind: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """Question and answer, without reasons."""
        return f"May I ship it? {'Yes' if self.ship else 'No'}"

    @property
    def line(self) -> str:
        """The verdict as one line: the answer and its reasons."""
        reasons = self.shown if self.ship else self.against
        if len(reasons) > 1:
            reasons = tuple(f"({number}) {text}" for number, text in enumerate(reasons, 1))
        return f"{self.answer}: {'; '.join(reasons)}." if reasons else f"{self.answer}."


class _Report(msgspec.Struct):
    """The part of a bundle's ``report.json`` that is read here."""

    verdict: ShipVerdict


def read_verdict(model: Path) -> ShipVerdict:
    """Return the verdict of the conversion that wrote a bundle; no, with the reason, where there is none."""
    if not model.is_dir():
        return ShipVerdict(
            ship=False, against=("it is a graph, and robots run bundles; `converter convert` makes one",)
        )
    try:
        return msgspec.json.decode(read_bounded(model / _FIGURES_NAME, _MAX_BYTES), type=_Report).verdict
    except (TextFileError, msgspec.DecodeError):
        return ShipVerdict(ship=False, against=("it holds no verdict of its conversion; convert again",))
