"""Tell in Markdown what was measured on whole sources that members of a training had not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from converter.risk.record import LeftOutRecord
from converter.text_table import format_markdown
from edge_node.errors import DatasetError
from edge_node.messages.verdict import Outcome
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from converter.risk.record import SourceOutcomes

_MAX_BYTES = 16 * 1024 * 1024
_SURFACE = (Outcome.CORRODED.value, Outcome.UNCORRODED.value)


def read_left_out(path: Path) -> LeftOutRecord:
    """Read ``left_out.json``, which ``converter retrain`` writes.

    Raises:
        DatasetError: it cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(read_bounded(path, _MAX_BYTES), type=LeftOutRecord)
    except (TextFileError, msgspec.DecodeError) as err:
        raise DatasetError(f"{path}: not the left_out.json of `converter retrain` ({err})") from err


def describe_left_out(record: LeftOutRecord) -> Iterator[str]:
    """Yield what was said of each source by a network that had not seen it, and what was left out."""
    yield from ("## Sources left out in training", "")
    yield "A network that was trained without the source said this of its pictures, quantized, by thresholds"
    yield from ("that were chosen without it.", "")
    heads = (
        "source",
        "pictures",
        "corroded: found",
        "uncorroded: called so",
        "no metal: refused",
        "no answer",
    )
    yield from format_markdown(heads, [_source_cells(one) for one in record.sources])
    yield ""
    if record.left_out_stages:
        names = ", ".join(f"`{name}`" for name in record.left_out_stages)
        yield from (f"Not in the bundle, because too few pictures get an answer at this risk: {names}.", "")


def _source_cells(one: SourceOutcomes) -> list[str]:
    named = f"{one.source or 'not stated'} (training {one.member})"
    said = [_right_of(one.outcomes.get(truth, {}), truth) for truth in _SURFACE]
    refused = _right_of(one.outcomes.get(Outcome.NOT_INSPECTABLE.value, {}), Outcome.NOT_INSPECTABLE.value)
    unsure = sum(counts.get(Outcome.UNCERTAIN.value, 0) for counts in one.outcomes.values())
    return [named, str(one.pictures), *said, refused, str(unsure)]


def _right_of(counts: dict[str, int], truth: str) -> str:
    total = sum(counts.values())
    return f"{counts.get(truth, 0)} of {total}" if total else ""
